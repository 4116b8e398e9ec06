import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import mlpcli
from mlpcli import checkpoint, keeping
from mlpcli.config import Settings
from mlpcli.datasets.dataset import Dataset, Split
from mlpcli.errors import CannotWriteError, DamagedFileError, UsageError
from mlpcli.keeping import Keeper
from mlpcli.resuming import unfinished
from mlpcli.run import Run
from mlpcli.training import batches
from tests.conftest import ROOT

SMALL = {"structure": (3, 8, 6, 2), "epochs": 6, "batch_size": 7}


@pytest.fixture
def images():
    rng = np.random.default_rng(4)
    X, y = rng.integers(0, 256, (60, 16)).astype(np.uint8), np.arange(60) % 2
    return Dataset("images", "image", (4, 4), 255, ("a", "b"), Split(X[:40], y[:40]), Split(X[40:], y[40:]))


def weights(model):
    return model.parameters.flat.tobytes()


def stop_after(data, path, steps, **settings):
    """A run that is asked to stop after so many steps and saved."""
    run = Run(data, Settings(**{**SMALL, **settings, "data": data.name, "output": str(path)}))
    left = iter(range(steps - 1))
    list(run.epochs(should_stop=lambda: next(left, None) is None))
    run.save(path)
    return run


VARIANTS = [
    {},
    {"optimizer": "sgd"},
    {"optimizer": "momentum", "schedule": "step", "decay_every": 2},
    {"optimizer": "nesterov", "schedule": "one-cycle", "clip_norm": 0.1},
    {"optimizer": "rmsprop", "schedule": "plateau", "decay_every": 1, "learning_rate": 0.05},
    {"optimizer": "adam", "l1": 1e-3, "l2": 1e-3, "max_norm": 0.8, "warmup": 1.5},
    {"dropout": (0.3, 0.5), "input_dropout": 0.1, "average": 0.9, "class_weights": "balanced"},
    {"dtype": "float64", "loss": "focal", "label_smoothing": 0.1, "activation": "gelu,silu"},
    {"validation": 0.0, "article": True, "init": "normal"},
]


@pytest.mark.parametrize("settings", VARIANTS, ids=lambda s: "-".join(s) or "default")
@pytest.mark.parametrize("steps", [1, 5, 6, 14, 29])  # six batches to an epoch, five with validation
def test_a_run_that_goes_on_ends_with_the_bytes_of_an_unbroken_one(tiny, tmp_path, settings, steps):
    whole = mlpcli.train(tiny, **{**SMALL, **settings})
    stop_after(tiny, tmp_path / "w.npy", steps, **settings)
    again = mlpcli.resume(tmp_path / "w.npy", tiny)
    assert weights(again) == weights(whole)
    strip = [{k: v for k, v in e.items() if k != "seconds"} for e in again.history]
    assert strip == [{k: v for k, v in e.items() if k != "seconds"} for e in whole.history]
    assert again.meta["best_epoch"] == whole.meta["best_epoch"]
    assert "state" not in mlpcli.load(tmp_path / "w.npy").meta


def test_distortions_go_on_too(images, tmp_path):
    settings = {"structure": (16, 5, 2), "shift": 1.0, "rotation": 20.0, "elastic": 4.0, "noise": 0.1, "batch_size": 4}
    whole = mlpcli.train(images, **{**SMALL, **settings})
    stop_after(images, tmp_path / "w.npy", 13, **settings)
    assert weights(mlpcli.resume(tmp_path / "w.npy", images)) == weights(whole)


def test_lbfgs_goes_on_too(tiny, tmp_path):
    pytest.importorskip("scipy")
    settings = {"optimizer": "lbfgs", "batch_size": None, "epochs": 8, "l2": 0.01}
    whole = mlpcli.train(tiny, **{**SMALL, **settings})
    run = Run(tiny, Settings(**{**SMALL, **settings, "data": "tiny"}))
    for result in run.epochs():
        if result.epoch == 3:
            run.save(tmp_path / "w.npy")
            break
    assert weights(mlpcli.resume(tmp_path / "w.npy", tiny)) == weights(whole)


def test_a_save_within_an_epoch_goes_on_too(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(keeping, "_LONG", 0.0)
    monkeypatch.setattr(keeping, "_SHARE", 1e9)
    monkeypatch.setattr(batches, "_CHUNK", 8)  # a batch to a chunk, after which progress is told
    whole = mlpcli.train(tiny, **SMALL, dropout=0.2)
    run = Run(tiny, Settings(**{**SMALL, "dropout": (0.2,), "data": "tiny", "output": str(tmp_path / "w.npy")}))
    keeper, saved = Keeper(run, replaces=True), []

    def progress(done):
        keeper.within_epoch()
        if (tmp_path / "w.npy").exists():
            saved.append((tmp_path / "w.npy").read_bytes())

    list(run.epochs(None, progress))
    assert len(set(saved)) > 20
    for content in saved[::7]:
        (tmp_path / "w.npy").write_bytes(content)
        assert weights(mlpcli.resume(tmp_path / "w.npy", tiny)) == weights(whole)


def test_it_can_stop_again_and_again(tiny, tmp_path):
    path, whole = tmp_path / "w.npy", mlpcli.train(tiny, **SMALL)
    stop_after(tiny, path, 3)
    for _ in range(5):
        run = unfinished(path, {}).run(tiny)
        left = iter(range(4))
        list(run.epochs(should_stop=lambda left=left: next(left, None) is None))
        run.save(path)
    assert weights(mlpcli.resume(path, tiny)) == weights(whole)


def test_different_epochs_differ(tiny):
    assert weights(mlpcli.train(tiny, **SMALL)) != weights(mlpcli.train(tiny, **{**SMALL, "epochs": 7}))


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"learning_rate": 0.5}, "--learning-rate: 0.5 here, the run in"),
        ({"structure": (3, 9, 6, 2)}, "--structure: 3,9,6,2 here, the run in .* has 3,8,6,2"),
        ({"batch_size": 8}, "--batch-size: 8"),
        ({"optimizer": "sgd"}, "--optimizer: sgd"),
        ({"seed": 1}, "--seed: 1"),
        ({"epochs": 9}, "--epochs: 9 here, .* has 6, and the cosine schedule depends on it"),
        ({"teacher": "other.npy"}, "other.npy: no such file"),
        ({"validation": 0.2}, "--validation: 0.2"),
    ],
)
def test_what_cannot_change_is_refused_by_name(tiny, tmp_path, given, what):
    stop_after(tiny, tmp_path / "w.npy", 8)
    before = (tmp_path / "w.npy").read_bytes()
    with pytest.raises(UsageError, match=what):
        mlpcli.resume(tmp_path / "w.npy", tiny, **given)
    assert (tmp_path / "w.npy").read_bytes() == before


def test_a_setting_that_is_the_same_is_no_change(tiny, tmp_path):
    stop_after(tiny, tmp_path / "w.npy", 8)
    assert unfinished(tmp_path / "w.npy", {"seed": 0, "batch_size": 7}).settings.seed == 0


def test_more_epochs_where_the_schedule_does_not_depend_on_them(tiny, tmp_path):
    settings = {"schedule": "constant"}
    stop_after(tiny, tmp_path / "w.npy", 8, **settings)
    longer = mlpcli.resume(tmp_path / "w.npy", tiny, epochs=9)
    assert weights(longer) == weights(mlpcli.train(tiny, **{**SMALL, **settings, "epochs": 9}))


def test_fewer_epochs_than_there_are_cannot_be_had(tiny, tmp_path):
    stop_after(tiny, tmp_path / "w.npy", 14, schedule="constant")
    with pytest.raises(UsageError, match=r"--epochs: 2, the run in .* has come further; give more than 2"):
        mlpcli.resume(tmp_path / "w.npy", tiny, epochs=2)


def test_a_teacher_is_told_by_its_weights(tiny, tmp_path):
    teacher, other, path = (str(tmp_path / name) for name in ("teacher.npy", "other.npy", "w.npy"))
    mlpcli.train(tiny, **{**SMALL, "output": teacher})
    mlpcli.train(tiny, **{**SMALL, "output": other, "seed": 5})
    whole = mlpcli.train(tiny, **SMALL, teacher=teacher)
    stop_after(tiny, path, 8, teacher=teacher)
    with pytest.raises(UsageError, match="another network than the run"):
        mlpcli.resume(path, tiny, teacher=other)
    (tmp_path / "teacher.npy").rename(tmp_path / "moved.npy")
    assert weights(mlpcli.resume(path, tiny, teacher=str(tmp_path / "moved.npy"))) == weights(whole)
    with pytest.raises(UsageError, match=r"--output: .* is a file that the run reads"):
        mlpcli.train(tiny, **SMALL, teacher=other, output=other)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"blas_threads": 7}, "--threads: 1, the run had 7"),
        ({"blas_core": "Vax"}, "the run had it for Vax"),
        ({"versions": {"numpy": "1.0", "mlpcli": mlpcli.__version__}}, "the run had 1.0"),
    ],
)
def test_what_changes_the_last_digits_is_told(tiny, tmp_path, change, what):
    stop_after(tiny, tmp_path / "w.npy", 8)
    assert unfinished(tmp_path / "w.npy", {}).notes() == []
    arrays, meta = checkpoint.load(tmp_path / "w.npy")
    checkpoint.save(tmp_path / "w.npy", arrays, {**meta, **change})
    (note,) = unfinished(tmp_path / "w.npy", {}).notes()
    assert what in note


def test_a_run_that_diverged_has_nothing_to_go_on_with(tiny, tmp_path):
    stop_after(tiny, tmp_path / "w.npy", 8)
    arrays, meta = checkpoint.load(tmp_path / "w.npy")
    del meta["state"]
    checkpoint.save(tmp_path / "w.npy", {n: a for n, a in arrays.items() if not n.startswith("state_")}, meta)
    with pytest.raises(UsageError, match="its run diverged"):
        mlpcli.resume(tmp_path / "w.npy", tiny)


def test_time_is_that_of_training(tiny):
    run = Run(tiny, Settings(**{**SMALL, "data": "tiny"}))
    list(run.epochs())
    taken = run.seconds
    time.sleep(0.05)
    assert run.seconds == taken


@pytest.mark.parametrize("settings", [{"patience": 1, "monitor": "loss", "learning_rate": 0.5}, {"optimizer": "lbfgs"}])
def test_a_kill_after_any_epoch_changes_nothing(tiny, tmp_path, settings):
    if "optimizer" in settings:
        pytest.importorskip("scipy")
        settings = {**settings, "batch_size": None}
    settings = {**settings, "epochs": 60}
    whole = mlpcli.train(tiny, **{**SMALL, **settings})
    assert len(whole.history) < 60  # it ended by itself
    for epoch in range(len(whole.history)):
        run = Run(tiny, Settings(**{**SMALL, **settings, "data": "tiny"}))
        for result in run.epochs():
            if result.epoch == epoch:
                run.save(tmp_path / "w.npy")
                break
        if run.finished:  # known before the epoch is given out
            assert weights(mlpcli.load(tmp_path / "w.npy")) == weights(whole)
            continue
        again = mlpcli.resume(tmp_path / "w.npy", tiny)
        assert len(again.history) == len(whole.history)
        assert weights(again) == weights(whole)


def test_a_finished_run_has_nothing_to_go_on_with(tiny, tmp_path):
    mlpcli.train(tiny, **SMALL, output=str(tmp_path / "w.npy"))
    with pytest.raises(UsageError, match="its run is finished"):
        mlpcli.resume(tmp_path / "w.npy", tiny)


def test_other_data_is_refused(tiny, images, tmp_path):
    stop_after(tiny, tmp_path / "w.npy", 8)
    with pytest.raises(UsageError, match="was on other data"):
        mlpcli.resume(tmp_path / "w.npy", images)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda arrays, meta: meta["state"].pop("position"),
        lambda arrays, meta: meta["state"]["position"].update(epoch=-1),
        lambda arrays, meta: meta["state"]["position"].update(epoch=10**9),
        lambda arrays, meta: meta["state"]["position"].update(step=10**9),
        lambda arrays, meta: meta["state"]["position"].update(loss_sum="much"),
        lambda arrays, meta: meta["state"].update(optimizer_steps=1.5),
        lambda arrays, meta: meta["history"].pop(),
        lambda arrays, meta: meta["history"][0].update(surprise=1),
        lambda arrays, meta: meta.update(best_epoch=99),
        lambda arrays, meta: meta.update(training_seconds=None),
        lambda arrays, meta: meta["settings"].update(surprise=1),
        lambda arrays, meta: meta["settings"].update(epochs="many"),
        lambda arrays, meta: arrays.pop("state_mean"),
        lambda arrays, meta: arrays.update(state_surprise=arrays["state_mean"]),
    ],
)
def test_a_state_that_is_not_sane_is_one_error(tiny, tmp_path, spoil):
    stop_after(tiny, tmp_path / "w.npy", 8)
    arrays, meta = checkpoint.load(tmp_path / "w.npy")
    spoil(arrays, meta)
    checkpoint.save(tmp_path / "w.npy", arrays, meta)
    with pytest.raises(DamagedFileError, match=r"w\.npy"):
        mlpcli.resume(tmp_path / "w.npy", tiny)


def test_vectors_of_another_length_are_damage(tiny, tmp_path):
    stop_after(tiny, tmp_path / "w.npy", 8)
    arrays, meta = checkpoint.load(tmp_path / "w.npy")
    arrays["state_mean"] = arrays["state_mean"][:-1]
    checkpoint.save(tmp_path / "w.npy", arrays, meta)
    with pytest.raises(DamagedFileError, match="state of its run"):
        mlpcli.load(tmp_path / "w.npy")


def test_an_unfinished_file_predicts_and_evaluates(tiny, tmp_path):
    run = stop_after(tiny, tmp_path / "w.npy", 8)
    model = mlpcli.load(tmp_path / "w.npy")
    assert weights(model) == run.best.flat.tobytes()
    assert model.evaluate(tiny.test).accuracy >= 0.0


def test_saves_follow_save_every(tiny, tmp_path):
    path, epochs = tmp_path / "w.npy", []
    run = Run(tiny, Settings(**{**SMALL, "data": "tiny", "output": str(path), "save_every": 2}))
    keeper = Keeper(run, replaces=False)
    for result in run.epochs():
        keeper.after_epoch()
        if path.exists():
            saved = checkpoint.load(path)[1]["state"]["position"]["epoch"]
            epochs.append((result.epoch + 1, saved))
    assert epochs == [(2, 2), (3, 2), (4, 4), (5, 4), (6, 4)]  # the last is saved when it is finished


def test_a_save_that_fails_while_it_trains_is_told_and_tried_again(tiny, tmp_path, monkeypatch):
    run = Run(tiny, Settings(**{**SMALL, "data": "tiny", "output": str(tmp_path / "w.npy"), "save_every": 1}))
    keeper, save, left = Keeper(run, replaces=False), run.save, iter([True])

    def failing(*args):
        if next(left, False):
            raise CannotWriteError("w.npy: cannot write (No space left on device); make room")
        save(*args)

    monkeypatch.setattr(run, "save", failing)
    problems = []
    for _ in run.epochs():
        keeper.after_epoch()
        problems.append(keeper.problem is not None)
    assert problems == [True, False, False, False, False, False]
    assert (tmp_path / "w.npy").exists()


def test_a_file_that_another_process_made_meanwhile_is_left_alone(tiny, tmp_path):
    run = Run(tiny, Settings(**{**SMALL, "data": "tiny", "output": str(tmp_path / "w.npy"), "save_every": 1}))
    keeper = Keeper(run, replaces=False)
    epochs = run.epochs()
    next(epochs)
    (tmp_path / "w.npy").write_bytes(b"theirs")
    keeper.after_epoch()
    assert keeper.path == str(tmp_path / "w-2.npy")
    next(epochs)
    keeper.after_epoch()
    assert (tmp_path / "w.npy").read_bytes() == b"theirs"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["w-2.npy", "w.npy"]


# ---------------------------------------------------------------------------------------------- the command line


def command(*args):
    return [sys.executable, "-m", "mlpcli", "train", *args]


LONG = (
    *("digits", "--structure", "64,256,256,10", "--epochs", "40", "--batch-size", "16", "--dropout", "0.2"),
    *("--save-every", "1", "--quiet", "--output", "w.npy"),
)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    subprocess.run(command(*LONG), cwd=folder, check=True, env=environment())
    return weights(mlpcli.load(folder / "w.npy"))


def environment():
    return {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_command_that_is_killed_and_resumed_has_the_weights_of_an_unbroken_one(tmp_path, unbroken, number):
    path, pause = tmp_path / "w.npy", random.Random(int(number))
    process = subprocess.Popen(command(*LONG), cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True)
    while not path.exists() and process.poll() is None:
        time.sleep(0.01)
    time.sleep(pause.random() * 0.3)
    process.send_signal(number)
    _, err = process.communicate()
    assert process.returncode != 0, "the run was over before the signal came"
    if number != signal.SIGKILL:
        assert process.returncode == 128 + number
        assert "go on with: mlp train --resume w.npy" in err
    subprocess.run(command("--resume", "w.npy", "--quiet"), cwd=tmp_path, check=True, env=environment())
    assert weights(mlpcli.load(path)) == unbroken
    assert [p.name for p in tmp_path.iterdir() if p.name != "w.npy"] == []


def test_an_unfinished_run_is_not_replaced_by_accident(mlp, tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = Run(mlpcli.load_data("parity"), Settings(data="parity", epochs=3, output="weights.npy"))
    next(iter(run.epochs()))
    run.save("weights.npy")
    before = (tmp_path / "weights.npy").read_bytes()
    done = mlp("train", "parity", "--epochs", "3")
    assert done.code == 5
    assert "holds an unfinished run; go on with it by --resume weights.npy" in done.err
    assert (tmp_path / "weights.npy").read_bytes() == before
    done = mlp("train", "--resume", "weights.npy")
    assert done.code == 0
    assert "going on after 1 whole epochs" in done.out
    done = mlp("train", "--resume", "weights.npy")
    assert done.code == 2
    assert "its run is finished" in done.err


def test_resume_and_config_exclude_each_other(mlp):
    assert "--config: a run that goes on has its settings" in mlp("train", "--resume", "w.npy", "--config", "x").err
    assert mlp("train", "--resume", "nothing.npy").code == 2


def test_history_is_a_table(mlp, tmp_path):
    assert mlp("train", "parity", "--epochs", "4", "--history", "h.csv").code == 0
    lines = (tmp_path / "h.csv").read_text().splitlines()
    columns = lines[0].split(",")
    assert {
        "epoch",
        "training_loss",
        "validation_loss",
        "validation_accuracy",
        "learning_rate",
        "gradient_norm",
    } <= set(columns)
    assert [line.split(",")[0] for line in lines[1:]] == ["1", "2", "3", "4"]
    recorded = mlpcli.load(tmp_path / "weights.npy").history
    for line, result in zip(lines[1:], recorded, strict=True):
        found = dict(zip(columns, line.split(","), strict=True))
        assert float(found["training_loss"]) == result["training_loss"]
    done = mlp("train", "parity", "--epochs", "4", "--history", "h.csv", "--output", "other.npy")
    assert done.code == 5
    assert "h.csv: exists" in done.err
    assert not (tmp_path / "other.npy").exists()


def test_the_history_is_not_the_network(mlp, tmp_path):
    done = mlp("train", "parity", "--epochs", "2", "--history", "weights.npy")
    assert done.code == 2
    assert "--history: weights.npy is the file of --output" in done.err
    assert not (tmp_path / "weights.npy").exists()


@pytest.mark.parametrize("option", ["--output", "--history"])
def test_the_data_is_never_replaced_even_by_force(mlp, tmp_path, option):
    table = "x,y\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(40))
    (tmp_path / "data.csv").write_text(table)
    done = mlp("train", "data.csv", "--epochs", "1", option, "./data.csv", "--force")
    assert done.code == 2
    assert "is a file that the run reads" in done.err
    assert (tmp_path / "data.csv").read_text() == table


def test_resume_replaces_no_other_file(mlp, tmp_path):
    run = Run(mlpcli.load_data("parity"), Settings(data="parity", epochs=3, output="weights.npy"))
    next(iter(run.epochs()))
    run.save("weights.npy")
    (tmp_path / "precious.csv").write_text("mine")
    for option in ("--history", "--output"):
        done = mlp("train", "--resume", "weights.npy", option, "precious.csv")
        assert done.code == 5
        assert "precious.csv: exists" in done.err
        assert (tmp_path / "precious.csv").read_text() == "mine"


def test_a_time_budget_chooses_the_epochs_and_is_kept(mlp, tmp_path):
    began = time.monotonic()
    assert mlp("train", "digits", "--time-budget", "1.5s", "--structure", "64,256,256,10").code == 0
    assert time.monotonic() - began < 20  # a loaded machine may be slow to start
    settings = mlpcli.load(tmp_path / "weights.npy").meta["settings"]
    assert settings["epochs"] >= 1
    assert (
        len(mlpcli.load(tmp_path / "weights.npy").history) <= settings["epochs"]
    )  # fewer where the machine slows down


def test_a_run_that_its_budget_cut_can_go_on(tiny, tmp_path):
    settings = {**SMALL, "epochs": 3000, "output": str(tmp_path / "w.npy")}
    cut = mlpcli.train(tiny, **settings, time_budget=0.05)
    assert len(cut.history) < 3000
    assert "budget" in cut.meta["stopped_by"]
    longer = mlpcli.resume(tmp_path / "w.npy", tiny, epochs=3000)
    assert weights(longer) == weights(mlpcli.train(tiny, **{**settings, "output": str(tmp_path / "other.npy")}))


def test_a_budget_that_no_epoch_fits_into_is_kept_all_the_same(tiny, tmp_path):
    run = Run(tiny, Settings(**{**SMALL, "data": "tiny", "time_budget": "0.000001s"}))
    assert list(run.epochs()) == []
    assert run.finished
    assert np.isfinite(run.model().parameters.flat).all()


@pytest.mark.parametrize("text", ["", "0", "5 minutes", "-3s", "1h2", "nan", "1e3", "m5"])
def test_a_time_budget_that_is_no_time_is_refused(mlp, text):
    done = mlp("train", "digits", "--time-budget", text)
    assert done.code == 2
    assert "--time-budget: " in done.err
