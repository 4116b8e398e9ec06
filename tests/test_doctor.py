import dataclasses
import json

import numpy as np
import pytest

import mlpcli
from mlpcli.api import train
from mlpcli.config import Settings
from mlpcli.datasets.load import from_arrays, load_data
from mlpcli.diagnosis.overfit import pick
from mlpcli.doctor import examine, examine_model
from mlpcli.errors import DamagedFileError, UsageError
from mlpcli.nn.activations import ACTIVATIONS
from mlpcli.run import Run

CHECKS = ["labels", "inputs", "initial loss", "gradient", "update ratio", "activations", "overfit"]


def verdicts(data, **settings):
    found = examine(data, Settings(data=data.name, **settings)).findings
    return {one.check: one.verdict for one in found}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "settings",
    [{}, {"optimizer": "sgd"}, {"activation": "tanh"}, {"activation": "sigmoid"}, {"structure": (64, 64, 32, 10)}],
)
def test_healthy_settings_pass_every_check(digits, seed, settings):
    assert verdicts(digits, seed=seed, **settings) == dict.fromkeys(CHECKS, "good")


@pytest.mark.parametrize(
    "settings",
    [
        {"activation": "silu", "dropout": (0.3,), "input_dropout": 0.1, "max_norm": 3.0},
        {"loss": "focal", "optimizer": "rmsprop", "clip_norm": 1.0, "warmup": 2},
        {"loss": "binary-cross-entropy", "schedule": "plateau", "patience": 3},
        {"label_smoothing": 0.1, "class_weights": "balanced", "elastic": 1.0, "average": 0.99},
        {"optimizer": "nesterov", "schedule": "step", "l1": 1e-4, "time_budget": "1h"},
    ],
)
def test_nothing_that_holds_a_network_back_fails_a_check(digits, settings):
    assert verdicts(digits, **settings) == dict.fromkeys(CHECKS, "good")


def test_lbfgs_has_no_rate_to_check(digits):
    pytest.importorskip("scipy")
    assert verdicts(digits, optimizer="lbfgs") == dict.fromkeys(set(CHECKS) - {"update ratio"}, "good")


@pytest.mark.parametrize("seed", range(3))
def test_other_tasks_and_kinds_pass_too(seed, tiny):
    assert set(verdicts(load_data("parity"), seed=seed).values()) == {"good"}
    assert set(verdicts(tiny, seed=seed).values()) == {"good"}
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((200, 5))
    assert set(verdicts(from_arrays(X, X[:, 0] * 30 + 5), seed=seed).values()) == {"good"}
    labels = np.stack([X[:, 0] > 0, X[:, 1] > X[:, 2]], axis=1).astype(int)
    assert set(verdicts(from_arrays(X, labels), seed=seed).values()) == {"good"}


def test_the_initial_loss_is_compared_with_the_logarithm_of_the_classes(digits):
    found = {one.check: one for one in examine(digits).findings}["initial loss"]
    assert "ln(10) gives 2.303" in found.found


def test_every_trouble_has_a_meaning_and_advice(digits):
    for settings in ({"learning_rate": 1.0}, {"learning_rate": 1e-9}, {"scaling": "raw"}):
        for one in examine(digits, Settings(data="digits", **settings)).findings:
            assert one.meaning
            assert bool(one.advice) == (one.verdict != "good")
            assert "\n" not in "".join(one)


def test_unscaled_inputs_and_large_weights(digits):
    X = digits.train.X.astype(np.uint16) * 16
    raw = dataclasses.replace(digits, train=dataclasses.replace(digits.train, X=X))
    settings = {"scaling": "raw", "init": "normal", "loss": "mse", "optimizer": "sgd"}
    found = verdicts(raw, activation="sigmoid", **settings)
    assert found["inputs"] == "bad"
    assert found["saturated sigmoids"] == "bad"
    assert verdicts(raw, scaling="raw")["initial loss"] == "bad"


def test_a_rate_too_low_is_seen_and_one_that_learns_is_named(digits):
    found = {one.check: one for one in examine(digits, Settings(data="digits", learning_rate=1e-9)).findings}
    assert found["update ratio"].verdict == found["overfit"].verdict == "bad"
    rate = float(found["update ratio"].advice.split()[-1])
    assert train(digits, learning_rate=rate, epochs=30).meta["metrics"]["test_accuracy"] > 0.8


@pytest.mark.parametrize("settings", [{"learning_rate": 1.0}, {"optimizer": "sgd", "learning_rate": 10.0}])
def test_a_rate_too_high_is_seen_and_one_that_learns_is_named(digits, settings):
    found = {one.check: one for one in examine(digits, Settings(data="digits", **settings)).findings}
    assert found["update ratio"].verdict == "bad"
    rate = float(found["update ratio"].advice.split()[-1])
    better = train(digits, **{**settings, "learning_rate": rate, "epochs": 30})
    assert better.meta["metrics"]["test_accuracy"] > 0.8


def test_a_rate_at_which_the_loss_is_not_finite():
    X = np.random.default_rng(0).standard_normal((100, 3))
    found = verdicts(from_arrays(X, X[:, 0]), optimizer="sgd", learning_rate=1e9)
    assert found["update ratio"] == found["overfit"] == "bad"


def test_labels_that_contradict_each_other_cannot_be_learnt_by_heart():
    X = np.repeat(np.random.default_rng(0).standard_normal((10, 4)), 4, axis=0)
    found = {one.check: one for one in examine(from_arrays(X, np.arange(40) % 2)).findings}
    assert found["overfit"].verdict == "bad"
    assert "labels contradict each other" in found["overfit"].meaning


def test_a_wrong_derivative_is_caught(digits, monkeypatch):
    def forgotten(a, delta, scratch):
        pass

    monkeypatch.setitem(ACTIVATIONS, "tanh", ACTIVATIONS["tanh"]._replace(derivative=forgotten))
    assert verdicts(digits, activation="tanh")["gradient"] == "bad"
    assert verdicts(digits, activation="relu")["gradient"] == "good"


def test_rare_classes_and_labels():
    X = np.random.default_rng(0).standard_normal((300, 3))
    rare = np.where(np.arange(300) % 30 == 0, "rare", "usual")
    found = {one.check: one for one in examine(from_arrays(X, rare)).findings}
    assert found["labels"].verdict == "doubtful"
    assert "whoever always says usual has 97% right" in found["labels"].meaning
    never = np.stack([np.arange(300) % 2, np.zeros(300, int)], axis=1)
    assert verdicts(from_arrays(X, never, task="multi-label"))["labels"] == "bad"


def test_twenty_examples_are_of_all_classes(digits):
    run = Run(digits, Settings(data="digits"))
    rows = pick(run)
    assert np.bincount(digits.train.y[rows], minlength=10).tolist() == [2] * 10
    assert set(rows) <= set(run.training.rows)
    assert len(set(rows)) == 20


def test_an_examination_trains_nothing(digits):
    settings = Settings(data="digits", epochs=3)
    before = train(digits, epochs=3).parameters.flat
    examine(digits, settings)
    np.testing.assert_array_equal(train(digits, epochs=3).parameters.flat, before)


# Trained weights


@pytest.fixture(scope="module")
def model(digits):
    return train(digits, epochs=30)


def test_a_healthy_network_passes(model, digits):
    examination = examine_model(model, digits)
    assert {one.check for one in examination.findings} == {
        "weights", "history", "inputs", "activations", "gradient", "validation gap",
    }  # fmt: skip
    assert {one.verdict for one in examination.findings} == {"good"}
    assert [layer.units for layer in examination.layers] == [32, 10]


@pytest.mark.parametrize("task", ["parity", "regression", "multi-label"])
def test_healthy_networks_for_other_tasks_pass(task):
    X = np.random.default_rng(0).standard_normal((300, 4))
    y = X[:, 0] if task == "regression" else np.stack([X[:, 0] > 0, X[:, 1] > 0], axis=1).astype(int)
    data = load_data("parity") if task == "parity" else from_arrays(X, y)
    assert {one.verdict for one in examine_model(train(data), data).findings} == {"good"}


def test_without_data_there_is_less_to_check(model):
    examination = examine_model(model)
    assert {one.check: one.verdict for one in examination.findings} == {"weights": "good", "gradient": "good"}
    assert examination.layers == []


def test_a_network_that_learnt_by_heart(digits):
    y = np.random.default_rng(0).integers(0, 10, len(digits.train))
    wrong = dataclasses.replace(digits, train=dataclasses.replace(digits.train, y=y))
    found = {one.check: one for one in examine_model(train(wrong, epochs=100), wrong).findings}
    assert found["validation rising"].verdict == "bad"
    assert found["validation gap"].verdict == "doubtful"


def test_a_network_whose_units_died(digits):
    dead = train(digits, optimizer="sgd", learning_rate=10.0, epochs=5)
    found = {one.check: one.verdict for one in examine_model(dead, digits).findings}
    assert found["dead ReLUs"] == found["stuck at chance"] == "bad"


@pytest.mark.parametrize("history", [[{}], "x", [{"training_loss": "low"}], 7])
def test_a_history_that_lies_is_damage(model, history):
    with pytest.raises(DamagedFileError, match="history makes no sense"):
        examine_model(dataclasses.replace(model, meta={**model.meta, "history": history}))


def test_other_data_is_refused(model):
    with pytest.raises(UsageError, match="does not fit"):
        examine_model(model, load_data("parity"))


def test_from_python_in_one_line(digits):
    findings = mlpcli.examine(digits).findings
    assert [one.check for one in findings] == CHECKS
    json.dumps([one._asdict() for one in findings], allow_nan=False)
