import dataclasses
import json
import tomllib

import numpy as np
import pytest

from mlpcli import checkpoint
from mlpcli.config import Settings, read_config
from tests.conftest import ROOT

NAMES = {f.name for f in dataclasses.fields(Settings)}


def weights(path):
    """The arrays of a checkpoint, as bytes."""
    arrays, _ = checkpoint.load(path)
    return {name: array.tobytes() for name, array in arrays.items()}


def settings(path):
    return checkpoint.load(path)[1]["settings"]


@pytest.fixture
def table(tmp_path):
    """300 rows: two numbers, a text, the class of three that follows from them, and a quantity."""
    rng = np.random.default_rng(5)
    a, b, kind = rng.normal(size=300).round(3), rng.normal(size=300).round(3), rng.integers(0, 2, 300)
    classes = np.array(["cat", "dog", "emu"])[(a + kind > 0).astype(int) + (b > 0.3)]
    rows = [
        f"{w},{x},{y},{z},{w + 2 * x:.4f}" for w, x, y, z in zip(a, b, np.array(["p", "q"])[kind], classes, strict=True)
    ]
    path = tmp_path / "pets.csv"
    path.write_text("\n".join(["a,b,kind,animal,size", *rows]) + "\n")
    return path


@pytest.fixture
def parts(tmp_path):
    """Small pictures with a validation part of their own."""
    rng = np.random.default_rng(6)
    arrays = {}
    for part, count in (("train", 60), ("val", 20), ("test", 20)):
        y = np.arange(count) % 2
        X = rng.integers(0, 200, (count, 6, 6)).astype(np.uint8)
        X[:, 2] += (55 * y).astype(np.uint8)[:, None]
        arrays |= {f"x_{part}": X, f"y_{part}": y}
    path = tmp_path / "parts.npz"
    np.savez(path, **arrays)
    return path


RUNS = {
    "classes": "digits --epochs 3",
    "one output": "parity --structure 10,4,1 --epochs 3 --loss focal",
    "article": "--config article-parity --epochs 2",
    "table by label": "pets.csv --label animal --ignore size --epochs 4 --split-seed 3",
    "regression": "pets.csv --label size --ignore animal --epochs 4 --loss huber --optimizer momentum",
    "augmentation": "digits --epochs 2 --shift 1 --rotation 10 --elastic 3 --noise 0.1",
    "class weights": "pets.csv --label animal --epochs 3 --class-weights cat=2,dog=0.5",
    "balance": "pets.csv --label animal --epochs 3 --class-weights balanced",
    "early stopping": "pets.csv --label animal --epochs 60 --patience 2 --schedule plateau --monitor loss",
    "own validation": "parts.npz --epochs 4 --patience 3",
    "no validation": "parity --validation 0 --epochs 3 --average 0.9",
    "regularisation": "digits --structure 64,9,8,10 --dropout 0.2,0.1 --input-dropout 0.1 --l1 1e-5 --max-norm 2"
    " --epochs 2",
    "schedule": "digits --epochs 4 --schedule step --warmup 1 --optimizer nesterov --clip-norm 0.5 --dtype float64",
    "smoothing": "digits --epochs 2 --label-smoothing 0.1 --activation tanh --optimizer rmsprop --seed 9",
}


@pytest.mark.parametrize("options", RUNS.values(), ids=RUNS)
def test_a_run_is_repeated_from_its_weights_and_from_what_is_printed(mlp, tmp_path, table, parts, options):
    assert mlp("train", *options.split(), "-o", "first.npy").code == 0
    code, _, err = mlp("train", "--config", "first.npy", "-o", "second.npy")
    assert code == 0
    assert "first.npy" not in err  # it is the same data, and nothing is left out
    assert weights("second.npy") == weights("first.npy")
    # The settings are resolved, and stay as they are.
    assert settings("second.npy") == {**settings("first.npy"), "output": "second.npy"}

    code, printed, _ = mlp("config", *options.split(), "-o", "third.npy")
    assert code == 0
    (tmp_path / "run.toml").write_text(printed)
    assert mlp("train", "--config", "run.toml").code == 0
    assert weights("third.npy") == weights("first.npy")
    assert settings("third.npy") == {**settings("first.npy"), "output": "third.npy"}


def test_lbfgs_is_repeated(mlp):
    pytest.importorskip("scipy")
    assert mlp("train", "digits", "--optimizer", "lbfgs", "--epochs", 5, "-o", "first.npy").code == 0
    assert mlp("train", "--config", "first.npy", "-o", "second.npy").code == 0
    assert weights("second.npy") == weights("first.npy")


def test_distillation_is_repeated(mlp):
    assert mlp("train", "digits", "--epochs", 3, "-o", "teacher.npy").code == 0
    options = ("--teacher", "teacher.npy", "--temperature", 4, "--structure", "64,8,10", "--epochs", 3)
    assert mlp("train", "digits", *options, "-o", "first.npy").code == 0
    assert mlp("train", "--config", "first.npy", "-o", "second.npy").code == 0
    assert weights("second.npy") == weights("first.npy")


def test_a_table_of_class_weights_in_toml_is_that_of_the_command_line(mlp, tmp_path, table):
    (tmp_path / "run.toml").write_text(
        'data = "pets.csv"\nlabel = "animal"\nepochs = 3\n[class_weights]\ncat = 2\ndog = 0.5\n'
    )
    assert mlp("train", "--config", "run.toml", "-o", "first.npy").code == 0
    options = RUNS["class weights"].split()
    assert mlp("train", *options, "-o", "second.npy").code == 0
    assert weights("second.npy") == weights("first.npy")
    assert mlp("train", "--config", "first.npy", "-o", "third.npy").code == 0
    assert weights("third.npy") == weights("first.npy")


def test_a_time_budget_is_not_repeated_but_its_epochs_are(mlp):
    assert (
        mlp("train", "parity", "--time-budget", "20s", "--epochs", 4, "--history", "h.csv", "-o", "first.npy").code == 0
    )
    document = json.loads(mlp("config", "--config", "first.npy", "--json").out)
    assert document["time_budget"] == {"value": None, "source": "default"}
    assert document["history"] == {"value": None, "source": "default"}
    assert document["output"] == {"value": "weights.npy", "source": "default"}
    assert document["epochs"] == {"value": 4, "source": "first.npy"}


def test_epochs_that_are_to_fit_a_time_budget_stay_open(mlp):
    document = json.loads(mlp("config", "digits", "--time-budget", "5m", "--json").out)
    assert document["epochs"]["value"] is None
    assert document["time_budget"] == {"value": "5m", "source": "command line"}


def test_the_run_that_wrote_a_file_is_not_replaced(mlp, tmp_path):
    assert mlp("train", "parity", "--epochs", 2).code == 0
    before = (tmp_path / "weights.npy").read_bytes()
    code, out, err = mlp("train", "--config", "weights.npy")
    assert (code, out) == (5, "")
    assert "weights.npy: exists; give --force" in err
    assert (tmp_path / "weights.npy").read_bytes() == before


def test_the_command_line_wins_over_a_checkpoint_with_all_that_belongs_to_its_choice(mlp):
    assert mlp("train", "parity", "--epochs", 2, "--beta1", 0.8, "-o", "first.npy").code == 0
    code, _, err = mlp("train", "--config", "first.npy", "--optimizer", "sgd", "--seed", 4, "-o", "second.npy")
    assert code == 0
    assert err == (
        "mlp: first.npy: --beta1, --beta2, --epsilon, --weight-decay left out, which belong to a choice that the "
        "command line replaces\n"
    )
    found = settings("second.npy")
    assert (found["optimizer"], found["beta1"], found["seed"], found["epochs"]) == ("sgd", None, 4, 2)


def test_data_that_has_changed_is_noticed(mlp, table):
    assert mlp("train", "pets.csv", "--label", "animal", "--epochs", 2, "-o", "first.npy").code == 0
    table.write_text(table.read_text() + "0,0,p,cat,1\n")
    code, _, err = mlp("train", "--config", "first.npy", "-o", "second.npy")
    assert code == 0
    assert "first.npy: its run was on other data than pets.csv is now" in err
    # Data that is named is meant to be other data.
    _, _, err = mlp("train", "pets.csv", "--config", "first.npy", "-o", "third.npy")
    assert "its run" not in err


def spoilt(path, change):
    arrays, meta = checkpoint.load(path)
    change(meta)
    checkpoint.save(path, arrays, meta)


@pytest.mark.parametrize("command", ["train", "config"])
@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda meta: meta["settings"].update(rotor=1), "has the setting rotor, which mlpcli"),
        (lambda meta: meta["settings"].update({"ro\ntor": 1}), "has the setting ro\\ntor, which mlpcli"),
        (lambda meta: meta.update(settings=[]), "has no table of settings"),
        (lambda meta: meta.pop("settings"), "has no table of settings"),
        (lambda meta: meta["settings"].update(epochs=0), "its settings make no sense (--epochs: 0"),
        (lambda meta: meta["settings"].update(seed=None), "its settings make no sense"),
    ],
)
def test_settings_in_a_checkpoint_that_make_no_sense(mlp, command, change, what):
    assert mlp("train", "parity", "--epochs", 1, "-o", "w.npy").code == 0
    spoilt("w.npy", change)
    code, out, err = mlp(command, "--config", "w.npy", "-o", "second.npy")
    assert (code, out) == (3, "")
    assert err.startswith("mlp: error: w.npy: ")
    assert err.count("\n") == 1
    assert what in err


def test_a_newer_version_is_named(mlp):
    assert mlp("train", "parity", "--epochs", 1, "-o", "w.npy").code == 0
    spoilt("w.npy", lambda meta: (meta["settings"].update(rotor=1), meta["versions"].update(mlpcli="9.8.7")))
    assert "use the version that wrote it, 9.8.7" in mlp("train", "--config", "w.npy", "-o", "second.npy").err


@pytest.mark.parametrize("size", [7, 200, -1])
def test_a_damaged_checkpoint(mlp, tmp_path, size):
    assert mlp("train", "parity", "--epochs", 1, "-o", "w.npy").code == 0
    (tmp_path / "w.npy").write_bytes((tmp_path / "w.npy").read_bytes()[:size])
    code, out, err = mlp("train", "--config", "w.npy", "-o", "second.npy")
    assert (code, out) == (3, "")
    assert err.count("\n") == 1


def test_an_array_is_no_configuration(mlp):
    np.save("array.npy", np.zeros(3))
    code, _, err = mlp("config", "--config", "array.npy")
    assert code == 3
    assert "weights file of mlpcli" in err


# What is printed


def test_every_setting_is_there_once_with_its_source(mlp, tmp_path):
    (tmp_path / "my.toml").write_text("seed = 7\nmomentum = 0.5\n")
    code, out, err = mlp("config", "digits", "--config", "my.toml", "--optimizer", "sgd")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    said = {line.split()[0]: line.partition("  # ")[2] for line in lines if " = " in line and not line.startswith("#")}
    assert said["data"] == "command line"
    assert said["optimizer"] == "command line"
    assert said["seed"] == "from my.toml"
    assert said["momentum"] == "from my.toml"
    assert said["activation"] == "default"
    assert said["structure"] == "chosen from the data (inputs, 32, classes)"
    assert tomllib.loads(out)["structure"] == [64, 32, 10]
    left_open = {line.split()[1] for line in lines if line.startswith("# ") and " =" in line.partition("  # ")[0]}
    idle = set("".join(out.partition("# Without a part in this run: ")[2].splitlines()).replace(",", " ").split()) - {
        "#"
    }
    assert set(said) | left_open | idle == NAMES
    assert len(said) + len(left_open) + len(idle) == len(NAMES)
    assert {"label", "beta1", "weight_decay", "huber_delta", "decay"} <= idle
    assert {"patience", "teacher"} <= left_open


def test_groups_are_those_of_help(mlp):
    out = mlp("config", "digits").out
    places = [out.index(f"\n# {group}\n") for group in ("Data", "Network", "Loss", "Optimizer", "Schedule", "Run")]
    assert places == sorted(places)


def test_verbose_says_what_each_setting_is(mlp):
    out = mlp("config", "digits", "--verbose").out
    assert tomllib.loads(out) == tomllib.loads(mlp("config", "digits").out)
    assert "# Passes over the training examples.\nepochs = " in out


def test_json_has_values_and_sources(mlp):
    code, out, err = mlp("config", "mnist", "--eta", 0.5, "--json")
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert set(document) == NAMES
    assert document["learning_rate"] == {"value": 0.5, "source": "command line"}
    assert document["structure"] == {"value": [784, 32, 10], "source": "chosen from the data"}
    assert document["label"] == {"value": None, "source": "has no part in this run"}


def test_a_named_set_need_not_be_there(mlp, tmp_path):
    assert tomllib.loads(mlp("config", "emnist-letters").out)["structure"] == [784, 32, 26]
    assert tomllib.loads(mlp("config").out)["data"] == "mnist"
    assert list(tmp_path.iterdir()) == []


def test_data_that_is_not_here_leaves_open_what_is_chosen_from_it(mlp, table):
    assert mlp("train", "pets.csv", "--label", "animal", "--epochs", 2, "-o", "w.npy").code == 0
    table.unlink()
    code, out, err = mlp("config", "--config", "w.npy")
    assert (code, err) == (0, "mlp: pets.csv: not here; what is chosen from the data is left open\n")
    assert tomllib.loads(out)["structure"] == [5, 32, 3]  # three numbers, p or q
    (table.parent / "my.toml").write_text('data = "pets.csv"\nepochs = 2\n')
    code, out, err = mlp("config", "--config", "my.toml")
    assert code == 0
    assert "# structure =  " in out
    assert "structure" not in tomllib.loads(out)
    code, _, err = mlp("config", "pets.csv")  # as mlp train has it
    assert (code, err) == (2, mlp("train", "pets.csv").err)


def test_strange_names_are_printed_as_toml_reads_them(mlp, tmp_path, table):
    name = 'a "b" \\ \x1b[31m\x7f\u2028\x85 é.csv'
    table.rename(tmp_path / name)
    code, out, _ = mlp("config", name, "--label", "animal")
    assert code == 0
    assert all(line.isprintable() for line in out.splitlines())
    assert tomllib.loads(out)["data"] == name


@pytest.mark.parametrize("command", ["train", "config"])
@pytest.mark.parametrize("args", [("digits", "--label", "x"), ("digits", "--structure", "3,2"), ("digts",)])
def test_what_train_refuses_is_refused(mlp, command, args):
    code, out, err = mlp(command, *args)
    assert (code, out) == (2, "")
    assert err == mlp("train", *args).err


def test_the_list_has_every_configuration(mlp):
    code, out, err = mlp("config", "--list")
    assert (code, err) == (0, "")
    listed = [line.split()[0] for line in out.splitlines()]
    assert listed == sorted(path.stem for path in (ROOT / "configs").glob("*.toml"))
    assert set(json.loads(mlp("config", "--list", "--json").out)) == set(listed)
    for name in listed:
        assert mlp("config", "--config", name).code == 0


@pytest.mark.parametrize("args", [("digits",), ("--seed", 1), ("--config", "article-parity"), ("--verbose",)])
def test_nothing_goes_with_the_list(mlp, args):
    code, _, err = mlp("config", "--list", *args)
    assert code == 2
    assert "--list: nothing goes with it" in err


def test_what_is_printed_of_a_named_configuration_has_all_of_it(mlp, tmp_path):
    (tmp_path / "run.toml").write_text(mlp("config", "--config", "article-parity").out)
    printed = read_config("run.toml")
    for name, value in read_config("article-parity").items():
        assert printed[name] == value
