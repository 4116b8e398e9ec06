import json

import numpy as np
import pytest

from mlpcli import checkpoint
from mlpcli.api import train
from mlpcli.errors import DamagedFileError, UsageError
from mlpcli.model import Model, load
from mlpcli.nn.network import Network, Parameters


@pytest.fixture(scope="module")
def saved(tmp_path_factory, digits):
    path = tmp_path_factory.mktemp("model") / "digits.npy"
    train(digits, structure=(64, 8, 10), epochs=3).save(path)
    return path


def test_a_model_survives_its_file(saved, digits):
    model = load(saved)
    assert model.network.structure == (64, 8, 10)
    assert model.classes == tuple("0123456789")
    assert model.evaluate(digits.test).accuracy == model.meta["metrics"]["test_accuracy"]


def test_plain_numpy_can_do_the_forward_pass(saved, digits):
    record = np.load(saved)
    hidden = np.maximum(digits.test.X / 16 @ record["W2"].T + record["b2"], 0)
    label = (hidden @ record["W3"].T + record["b3"]).argmax(axis=1)
    np.testing.assert_array_equal(load(saved).predict(digits.test.X), label)


def test_evaluation_adds_up(saved, digits):
    result = load(saved).evaluate(digits.test)
    assert result.confusion.sum() == result.examples == 360
    np.testing.assert_array_equal(result.confusion.sum(axis=1), np.bincount(digits.test.y))
    predicted = load(saved).predict(digits.test.X)
    assert result.accuracy == (predicted == digits.test.y).mean()
    probabilities = load(saved).predict_proba(digits.test.X)
    picked = probabilities[np.arange(360), digits.test.y]
    assert result.loss == pytest.approx(-np.log(picked).mean(), rel=1e-5)
    assert result.interval[0] < result.accuracy < result.interval[1]


def test_probabilities_sum_to_one_whatever_the_output():
    for output, loss in (("softmax", "cross-entropy"), ("sigmoid", "mse"), ("identity", "mse"), ("tanh", "mse")):
        network = Network((4, 3), (output,), loss)
        parameters = network.initial_parameters("normal", np.random.default_rng(0), "float32")
        meta = {"classes": ["a", "b", "c"], "input": {"scale": 1.0}}
        probabilities = Model(network, parameters, meta).predict_proba(np.random.default_rng(1).normal(size=(700, 4)))
        assert probabilities.shape == (700, 3)
        assert (probabilities >= 0).all()
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_outputs_that_all_vanish_are_no_division_by_zero():
    network = Network((1, 2), ("sigmoid",), "mse")
    parameters = Parameters(np.array([0, 0, -1e4, -1e4], np.float32), network.structure)
    model = Model(network, parameters, {"classes": ["a", "b"], "input": {"scale": 1.0}})
    np.testing.assert_array_equal(model.predict_proba(np.zeros((1, 1))), [[0.5, 0.5]])


@pytest.mark.parametrize("X", [np.zeros(64), np.zeros((2, 63)), np.zeros((2, 8, 9))])
def test_examples_of_another_size_are_refused(saved, X):
    with pytest.raises(UsageError, match="takes \\(N, 64\\)"):
        load(saved).predict(X)


def test_an_answer_that_is_not_finite_is_none(saved):
    with pytest.raises(UsageError, match="not finite"):
        load(saved).predict(np.full((1, 64), np.nan))


def test_images_of_height_by_width_are_taken_too(saved, digits):
    model = load(saved)
    np.testing.assert_array_equal(model.predict(digits.test.X.reshape(-1, 8, 8)), model.predict(digits.test.X))


@pytest.mark.parametrize(
    "change",
    [
        {"activations": ["relu"]},
        {"activations": ["relu", "os.system"]},
        {"activations": 7},
        {"loss": "hinge"},
        {"classes": ["0"]},
        {"classes": ["0"] * 10},
        {"classes": None},
        {"input": {}},
        {"input": None},
        {"input": {"kind": "image", "shape": [8, 8], "maximum": 16, "scale": 0, "box": 1.0, "centre": [0.5, 0.5]}},
        {"input": {"kind": "image", "shape": [8, 9], "maximum": 16, "scale": 1, "box": 1.0, "centre": [0.5, 0.5]}},
        {"input": {"kind": "image", "shape": [64], "maximum": 16, "scale": 1, "box": 1.0, "centre": [0.5, 0.5]}},
        {"input": {"kind": "image", "shape": [8, 8], "maximum": 16, "scale": 1, "box": -1.0, "centre": [0.5, 0.5]}},
        {"input": {"kind": "image", "shape": [8, 8], "maximum": 16, "scale": 1, "box": 1.0, "centre": ["x", 0.5]}},
        {"input": {"kind": "image", "shape": [2**40, 2**40], "maximum": 16, "scale": 1}},
        {"input": {"kind": "sound", "shape": [8, 8], "maximum": 16, "scale": 1}},
        {"data": {}},
        {"data": {"name": 3}},
        {"data": {"name": "digits", "fingerprint": None}},
        {"dtype": "float64"},
        {"data": "digits"},
    ],
    ids=json.dumps,
)
def test_a_description_that_lies_is_refused(saved, tmp_path, change):
    arrays, meta = checkpoint.load(saved)
    path = tmp_path / "forged.npy"
    checkpoint.save(path, arrays, {**meta, **change})
    with pytest.raises(DamagedFileError) as caught:
        load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("stroke", [0.0, -0.1, 1.5, "0.1", None, 1])
def test_a_stroke_that_is_no_share_is_refused(saved, tmp_path, stroke):
    arrays, meta = checkpoint.load(saved)
    path = tmp_path / "forged.npy"
    checkpoint.save(path, arrays, {**meta, "input": {**meta["input"], "stroke": stroke}})
    with pytest.raises(DamagedFileError):
        load(path)


def test_a_file_from_before_strokes_were_measured_is_read(saved, tmp_path):
    arrays, meta = checkpoint.load(saved)
    path = tmp_path / "old.npy"
    described = {key: value for key, value in meta["input"].items() if key != "stroke"}
    assert described != meta["input"]
    checkpoint.save(path, arrays, {**meta, "input": described})
    assert load(path).input == described
