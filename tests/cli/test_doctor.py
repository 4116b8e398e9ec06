import json
import os
import shutil
import signal

import numpy as np
import pytest

from mlpcli import checkpoint
from mlpcli.api import train


@pytest.fixture(scope="module")
def trained(tmp_path_factory, digits):
    path = tmp_path_factory.mktemp("trained") / "weights.npy"
    train(digits, epochs=30).save(path)
    return path


@pytest.fixture
def weights(trained, tmp_path):
    shutil.copy(trained, tmp_path / "weights.npy")
    return tmp_path / "weights.npy"


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_data_gets_a_line_for_each_check(mlp, tmp_path):
    code, out, err = mlp("doctor", "digits")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("digits: 10 classes from 8x8 images")
    assert [line.split("  ")[0].strip() for line in lines[1:-1]] == ["good"] * 7
    assert lines[-1] == "all 7 checks good"
    assert out.isascii()
    assert files(tmp_path) == {}


def test_a_trouble_gets_a_mark_and_advice(mlp):
    code, out, _ = mlp("doctor", "digits", "--learning-rate", 1e-9)
    assert code == 0
    lines = out.splitlines()
    (at,) = (i for i, line in enumerate(lines) if line.startswith("BAD    update ratio"))
    assert lines[at + 1].strip().startswith("-> try --learning-rate ")
    assert lines[-1] == "bad: update ratio, overfit"


def test_quiet_is_one_line(mlp):
    assert mlp("doctor", "-q", "digits").out == "all 7 checks good\n"


def test_json_is_one_document(mlp):
    code, out, err = mlp("doctor", "digits", "--scaling", "raw", "--json")
    document = json.loads(out)
    assert (code, err, document["data"]) == (0, "", "digits")
    assert {one["check"]: one["verdict"] for one in document["findings"]}["inputs"] == "doubtful"
    assert [layer["units"] for layer in document["layers"]] == [32, 10]


def test_weights_are_known_by_their_first_bytes(mlp, weights, tmp_path):
    before = files(tmp_path)
    code, out, err = mlp("doctor")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "weights.npy: 64-32-10 relu/softmax, cross-entropy; checked on digits"
    assert out.splitlines()[-1] == "all 6 checks good"
    assert mlp("doctor", "weights.npy").out == out
    assert mlp("doctor", "weights.npy", "digits").out == out
    assert files(tmp_path) == before


def test_an_array_is_data(mlp, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", (X[:, 0] > 0).astype(int))
    code, out, _ = mlp("doctor", "X.npy", "--label", "y.npy", "--json")
    assert code == 0
    assert json.loads(out)["data"] == "X.npy"


def test_a_table_is_data_and_its_weights_find_it_again(mlp, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    rows = ["a,b,c,kind"] + [",".join(map(str, row)) + (",low" if row[0] < 0 else ",high") for row in X]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    assert mlp("doctor", "t.csv", "--label", "kind").code == 0
    assert mlp("train", "t.csv", "--label", "kind", "-q").code == 0
    assert "checked on t.csv" in mlp("doctor").out
    (tmp_path / "t.csv").rename(tmp_path / "elsewhere.csv")
    code, out, err = mlp("doctor")
    assert (code, err.count("\n")) == (0, 1)
    assert "is not here; name it: mlp doctor WEIGHTS DATA; checked without data" in err
    assert "checked without data" in out
    assert "checked on elsewhere.csv" in mlp("doctor", "weights.npy", "elsewhere.csv").out


@pytest.mark.parametrize(
    ("args", "code", "what"),
    [
        ((), 2, "weights.npy: no such file; name weights or data"),
        (("nothing",), 2, "unknown data set 'nothing'"),
        (("no/such.csv",), 2, "no such file"),
        (("digits", "parity"), 2, "not a weights file"),
        (("digits", "--structure", "5,3,2"), 2, "use --structure 64,3,10"),
        (("mnist",), 2, "mlp download mnist"),
        (("digits", "--config", "nothing"), 2, "no such configuration"),
    ],
)
def test_what_makes_no_sense_is_one_line(mlp, args, code, what):
    found = mlp("doctor", *args)
    assert (found.code, found.out) == (code, "")
    assert what in found.err
    assert found.err.count("\n") == 1


@pytest.mark.parametrize(
    ("args", "what"),
    [
        (("--seed", 1), "--seed: weights.npy is trained"),
        (("--config", "article-parity"), "--config: weights.npy is trained"),
        (("parity",), "does not fit"),
        (("--label", "x"), "--label: says nothing about digits"),
    ],
)
def test_options_that_trained_weights_have_no_use_for_are_refused(mlp, weights, args, what):
    found = mlp("doctor", "weights.npy", *args)
    assert (found.code, found.out, found.err.count("\n")) == (2, "", 1)
    assert what in found.err


@pytest.mark.parametrize("change", [{"history": [{"training_loss": "x"}]}, {"settings": [1]}, {"history": 3}])
def test_a_description_that_lies_is_damage(mlp, weights, change):
    arrays, meta = checkpoint.load(weights)
    checkpoint.save(weights, arrays, {**meta, **change})
    found = mlp("doctor")
    assert (found.code, found.out, found.err.count("\n")) == (3, "", 1)


def test_damaged_weights_are_damage(mlp, weights):
    weights.write_bytes(weights.read_bytes()[:-1])
    found = mlp("doctor")
    assert (found.code, found.out, found.err.count("\n")) == (3, "", 1)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_with_one_line(mlp, monkeypatch, number, code):
    monkeypatch.setattr("mlpcli.doctor.first_steps", lambda run: os.kill(os.getpid(), number))
    found = mlp("doctor", "digits")
    assert (found.code, found.out, found.err.count("\n")) == (code, "", 1)


def test_a_configuration_gives_the_settings(mlp):
    document = json.loads(mlp("doctor", "--config", "article-parity", "--json").out)
    assert document["data"] == "parity"
    assert [layer["units"] for layer in document["layers"]] == [3, 2]
    assert [layer["activation"] for layer in document["layers"]] == ["sigmoid"] * 2


@pytest.mark.parametrize(
    ("option", "value", "check"),
    [
        ("--learning-rate", 0.5, "update ratio"),
        ("--activation", "tanh", "activations"),
        ("--init", "normal", "initial loss"),
        ("--scaling", "standard", "inputs"),
        ("--optimizer", "sgd", "update ratio"),
        ("--batch-size", 8, "update ratio"),
        ("--seed", 5, "initial loss"),
        ("--loss", "mse", "initial loss"),
    ],
)
def test_options_change_what_is_found(mlp, option, value, check):
    def found(*args):
        document = json.loads(mlp("doctor", "digits", "--json", *args).out)
        return next((one["found"] for one in document["findings"] if one["check"] == check), None)

    assert found(option, value) != found()
