import hashlib
import json
import shutil

import numpy as np
import pytest

import mlpcli
from mlpcli import checkpoint
from mlpcli.api import train
from mlpcli.description import layers


@pytest.fixture(scope="module")
def trained(tmp_path_factory, digits):
    path = tmp_path_factory.mktemp("trained") / "weights.npy"
    train(digits, structure=(64, 20, 12, 10), epochs=7, dropout=(0.25,)).save(path)
    return path


@pytest.fixture
def weights(trained, tmp_path, mlp):
    shutil.copy(trained, tmp_path / "weights.npy")
    return tmp_path / "weights.npy"


def forge(weights, change=None, leave_out=()):
    arrays, meta = checkpoint.load(weights)
    kept = {key: value for key, value in {**meta, **(change or {})}.items() if key not in leave_out}
    checkpoint.save(weights, arrays, kept)


def test_layers_are_printed_as_in_the_article():
    assert layers((784, 32, 10)) == ["(784: W(32, 784) + b(32,))", "(32: W(10, 32) + b(10,))"]


def test_info_prints_what_is_known(mlp, weights):
    code, out, err = mlp("info")
    assert (code, err) == (0, "")
    for text in (
        "(64: W(20, 64) + b(20,))  relu",
        "(12: W(10, 12) + b(10,))  softmax",
        "classification, loss cross-entropy",
        f"{64 * 20 + 20 + 20 * 12 + 12 + 12 * 10 + 10:,} of float32",
        f"{weights.stat().st_size:,} bytes",
        "digits: 1,293 to train, 144 to validate, 360 to test",
        "8x8 images",
        "10: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
        "7 epochs",
        f"NumPy {np.__version__}",
    ):
        assert text in out, text
    assert "unfinished" not in out
    settings = next(line for line in out.splitlines() if line.startswith("settings"))
    assert settings.split(maxsplit=1)[1] == "structure 64,20,12,10, dropout 0.25, epochs 7"


def test_digests_are_those_of_numpy_and_sha256sum(mlp, weights):
    document = json.loads(mlp("info", "--json").out)
    assert document["sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    record = np.load(weights)
    numbers = b"".join(record[name].tobytes() for name in record.dtype.names if name[0] in "Wb")
    assert document["parameters_sha256"] == hashlib.sha256(numbers).hexdigest()
    assert document["parameters_bytes"] == len(numbers) == 4 * document["parameters"]
    out = mlp("info").out
    assert document["sha256"] in out
    assert document["parameters_sha256"] in out


def test_json_has_the_whole_description(mlp, weights):
    document = json.loads(mlp("info", "weights.npy", "--json").out)
    meta = checkpoint.load(weights)[1]
    assert {key: document[key] for key in meta} == meta
    assert document == mlpcli.info("weights.npy")


def test_history_is_a_line_of_bars(mlp, weights, monkeypatch):
    lines = [line for line in mlp("info").out.splitlines() if "validation accuracy" in line]
    bars = lines[0].split()[2]
    history = checkpoint.load(weights)[1]["history"]
    assert len(bars) == len(history) == 7
    highest = int(np.argmax([epoch["validation_accuracy"] for epoch in history]))
    assert bars[highest] == max(bars)
    assert f"{history[-1]['validation_accuracy']:.2%}" in lines[0]


def test_quiet_is_one_line(mlp, weights):
    assert mlp("info", "-q").out == (
        "(64: W(20, 64) + b(20,)) -> (20: W(12, 20) + b(12,)) -> (12: W(10, 12) + b(10,)), 1,682 parameters\n"
    )


def test_an_unfinished_run_says_how_to_go_on(mlp, tmp_path):
    assert mlp("train", "digits", "--epochs", 3, "-o", "-u.npy", "--save-every", 1).code == 0
    arrays, meta = checkpoint.load(tmp_path / "-u.npy")
    P = sum(array.size for name, array in arrays.items() if name[0] in "Wb")
    position = {"epoch": 3, "step": 4, "loss_sum": 1.0, "norm_sum": 0.0, "norms": 0, "seconds": 0.0}
    state = {"state_parameters": np.zeros(P, np.float32)}
    meta = {**meta, "metrics": {}, "state": {"position": position, "optimizer_steps": 9}}
    checkpoint.save(tmp_path / "-u.npy", arrays | state, meta)
    code, out, _ = mlp("info", "--", "-u.npy")
    assert code == 0
    assert "unfinished, 4 steps into the next epoch; go on with: mlp train --resume ./-u.npy" in out
    assert "not measured yet" in out


def test_the_best_of_several_seeds_is_finished(mlp):
    assert mlp("train", "digits", "--seeds", 2, "--epochs", 1).code == 0
    assert "unfinished" not in mlp("info").out


def test_a_setting_that_another_one_needs_is_shown(mlp):
    assert mlp("train", "parity", "--epochs", 2, "--optimizer", "momentum", "--schedule", "step").code == 0
    line = next(line for line in mlp("info").out.splitlines() if line.startswith("settings"))
    assert "optimizer momentum" in line
    assert "schedule step" in line
    assert "learning_rate" not in line  # what momentum has if nothing is said


@pytest.mark.parametrize(
    "missing",
    [("settings",), ("history", "best_epoch"), ("metrics", "versions", "training_seconds", "blas_threads"), ("task",)],
)
def test_an_older_file_that_says_less_is_no_error(mlp, weights, missing):
    forge(weights, leave_out=missing)
    assert (mlp("info").code, mlp("info", "--json").code) == (0, 0)


def test_settings_of_another_version_are_shown_as_they_are(mlp, weights):
    forge(weights, {"settings": {"epochs": 3, "of_the_future": 5, "left_open": None}})
    out = mlp("info").out
    assert "epochs 3, of_the_future 5" in out
    assert "left_open" not in out


@pytest.mark.parametrize(
    "change",
    [
        {"history": 5},
        {"history": [5]},
        {"history": [{"training_loss": "low"}]},
        {"best_epoch": "first"},
        {"metrics": {"test_interval": 3}},
        {"versions": 3},
        {"training_seconds": "long"},
        {"settings": 5},
        {"settings": {"epochs": -1}},
        {"data": {"name": "x", "fingerprint": "y", "training_examples": 0, "validation_examples": "many"}},
    ],
)
def test_a_description_that_lies_is_no_traceback(mlp, weights, change):
    forge(weights, change)
    found = mlp("info")
    assert found.code in (0, 3)
    assert found.err.count("\n") == (found.code == 3)
    assert "unexpected" not in found.err


@pytest.mark.parametrize(
    ("name", "content", "code", "what"),
    [
        ("cut.npy", lambda whole: whole[:-1], 3, "cut.npy: "),
        ("empty.npy", lambda whole: b"", 3, "the file is empty"),
        ("flipped.npy", lambda whole: whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:], 3, "SHA-256"),
        ("missing.npy", None, 2, "no such file"),
    ],
)
def test_bad_weights_are_one_line(mlp, weights, tmp_path, name, content, code, what):
    if content is not None:
        (tmp_path / name).write_bytes(content(weights.read_bytes()))
    found = mlp("info", name)
    assert (found.code, found.out, found.err.count("\n")) == (code, "", 1)
    assert what in found.err
