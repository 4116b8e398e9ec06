import dataclasses
import math

import numpy as np
import pytest

from mlpcli.api import train
from mlpcli.config import Settings
from mlpcli.datasets.load import from_arrays
from mlpcli.diagnosis import (
    Course,
    layer_statistics,
    of_history,
    of_inputs,
    of_layers,
    on_divergence,
    troubles,
    while_training,
)
from mlpcli.diagnosis.chance import Chance, chance_of, undecided_loss
from mlpcli.diagnosis.finding import Finding
from mlpcli.diagnosis.sample import read, some_of
from mlpcli.diagnosis.steps import first_steps, rate_to_try
from mlpcli.diagnosis.weights import of_weights
from mlpcli.errors import DivergedError
from mlpcli.nn.network import Network, Parameters
from mlpcli.run import Run
from mlpcli.training.batches import Examples
from mlpcli.training.loop import measure
from mlpcli.training.scaling import Scaling


def course(training, validation=None, accuracy=None):
    return Course(*(None if of is None else np.array(of, float) for of in (training, validation, accuracy)))


def trained(data, **settings):
    run = Run(data, Settings(data=data.name, **settings))
    for _ in run.epochs():
        pass
    return run


def checks(findings):
    return {one.check: one.verdict for one in findings}


def test_troubles_come_worst_first():
    good, doubtful, bad = (Finding("x", verdict, "", "") for verdict in ("good", "doubtful", "bad"))
    assert troubles([good, doubtful, bad, doubtful]) == [bad, doubtful, doubtful]


# Chance


def examples_of(targets, inputs=2):
    targets = np.array(targets, np.float64)
    X = np.ones((len(targets), inputs))
    return Examples(X, targets, None, np.arange(len(targets)), Scaling(np.array(1.0)), np.dtype(np.float64))


@pytest.mark.parametrize(
    ("network", "targets", "loss"),
    [
        (Network((2, 4, 10), ("tanh", "softmax"), "cross-entropy"), np.eye(10), math.log(10)),
        (Network((2, 3), ("sigmoid",), "cross-entropy"), [[0, 1, 1], [1, 1, 0]], 3 * math.log(2)),
        (Network((2, 1), ("sigmoid",), "cross-entropy"), [[0], [1]], math.log(2)),
    ],
)
def test_knowing_nothing_has_the_loss_of_guessing(network, targets, loss):
    assert undecided_loss(network, examples_of(targets)) == pytest.approx(loss)


def test_the_same_answer_has_the_loss_of_the_shares():
    # Three of class 0, one of class 1: the entropy of (3/4, 1/4), and 3 of 4 right.
    some = examples_of([[1, 0], [1, 0], [1, 0], [0, 1]])
    chance = chance_of(Network((2, 2), ("softmax",), "cross-entropy"), some, "classification")
    assert chance[:3] == (pytest.approx(-0.75 * math.log(0.75) - 0.25 * math.log(0.25)), 0.75, 4)


def test_the_same_answer_for_yes_or_no():
    # The first label is always yes, the second half the time: entropy 0 + ln 2; 1 and 1/2 right.
    some = examples_of([[1, 0], [1, 1]])
    chance = chance_of(Network((2, 2), ("sigmoid",), "cross-entropy"), some, "multi-label")
    assert chance[:3] == (pytest.approx(math.log(2), abs=1e-4), 0.75, 2)


def test_the_same_answer_for_quantities_is_their_mean():
    chance = chance_of(Network((2, 1), ("identity",), "mse"), examples_of([[1], [3], [5], [7]]), "regression")
    assert chance[:3] == (pytest.approx(5.0), None, 4)  # the variance


def test_the_same_answer_for_absolute_errors_is_the_median():
    chance = chance_of(Network((2, 1), ("identity",), "mae"), examples_of([[0], [0], [9]]), "regression")
    assert chance.loss == 3.0


def test_at_chance_is_within_standard_errors():
    chance = Chance(0.69, 0.5, 100)  # a standard error is 5 points
    assert chance.is_at_chance(0.59, 2.0)
    assert not chance.is_at_chance(0.61, 2.0)
    assert not Chance(1.0, None, 100).is_at_chance(0.5, 2.0)


def test_examples_are_read_as_the_loop_reads_them(tiny):
    run = Run(tiny, Settings(data="tiny", structure=(3, 5, 2)))
    X, targets = read(some_of(run.training, 7), np.float64)
    rows = run.training.rows[::6]
    np.testing.assert_allclose(X, tiny.train.X[rows] / 255)
    np.testing.assert_array_equal(targets.argmax(axis=1), tiny.train.y[rows])


def test_very_wide_examples_are_few():
    wide = Examples(
        np.zeros((50, 2**20), np.uint8), np.zeros((50, 1)), None, np.arange(50), Scaling(np.array(1.0)), None
    )
    assert len(some_of(wide).rows) <= 16


# History

CHANCE = Chance(math.log(10), 0.1, 1000)


def test_too_few_epochs_say_nothing():
    assert of_history(course([2.3, 2.3]), CHANCE) == []


def test_a_course_as_it_should_be():
    (found,) = of_history(course([2, 1, 0.5], [1.5, 1, 0.6], [0.5, 0.7, 0.8]), CHANCE)
    assert found.verdict == "good"


def test_stuck_at_chance():
    (found,) = of_history(course([2.31, 2.305, 2.304], [2.31, 2.3, 2.3], [0.1, 0.11, 0.102]), CHANCE)
    assert (found.check, found.verdict) == ("stuck at chance", "bad")
    assert "10.2%" in found.found
    assert "--learning-rate" in found.advice


def test_a_high_loss_with_an_accuracy_above_chance_is_not_stuck():
    # As weights of classes make it: the loss is of another size than that of the shares.
    assert checks(of_history(course([9, 6, 4], [9, 6, 4], [0.2, 0.4, 0.6]), CHANCE)) == {"history": "good"}
    # Nor where it hardly falls, as a teacher's does.
    assert checks(of_history(course([830, 825, 820], [2, 1, 0.3], [0.4, 0.7, 0.9]), CHANCE)) == {"history": "good"}


def test_validation_rising_tells_since_when():
    up = course([2, 1, 0.5, 0.2, 0.1], [1.8, 0.9, 0.8, 1.3, 1.9], [0.4, 0.7, 0.75, 0.74, 0.74])
    (found,) = of_history(up, CHANCE)
    assert (found.check, found.verdict) == ("validation rising", "doubtful")
    assert "epoch 3 (0.8)" in found.found


def test_validation_above_knowing_nothing_at_chance_is_bad():
    up = course([2.2, 1, 0.1], [2.4, 3, 5], [0.1, 0.1, 0.11])
    assert checks(of_history(up, CHANCE)) == {"validation rising": "bad"}


@pytest.mark.parametrize(
    ("validation", "examples"),
    [([0.8, 0.12, 0.15], 1000), ([0.8, 0.5, 0.7], 1000), ([0.8, 0.5, 2.2], 29)],
    ids=["small", "not half as much again", "few examples"],
)
def test_what_is_no_rise_to_speak_of(validation, examples):
    found = of_history(course([2, 1, 0.5], validation, [0.7, 0.9, 0.9]), CHANCE._replace(examples=examples))
    assert checks(found) == {"history": "good"}


def test_explosion_and_swinging():
    assert checks(of_history(course([2, 0.5, 1.9]), CHANCE)) == {"loss exploding": "bad"}
    swings = [2, 1.4, 0.9, 0.5, 1.4, 0.6, 1.3, 0.6, 1.2, 0.7]
    assert checks(of_history(course(swings), CHANCE)) == {"loss swinging": "doubtful"}


@pytest.mark.parametrize(
    "history",
    [[{}], [{"training_loss": None}], [{"training_loss": "1"}], [{"training_loss": True}], ["x"], [3], "ab"],
)
def test_a_history_that_lies_is_refused(history):
    with pytest.raises((KeyError, TypeError, ValueError)):
        Course.of(history)


# Layers

NETWORK = Network((2, 3, 2), ("relu", "softmax"), "cross-entropy")


def test_statistics_of_a_layer_by_hand():
    parameters = Parameters.zeros(NETWORK.structure, np.float64)
    parameters.W[0][...] = [[1, 0], [0, 1], [-1, -1]]
    X = np.array([[1.0, 2.0], [3.0, 0.0]])
    hidden, output = layer_statistics(NETWORK, parameters, X)
    # Activations (1, 2, 0) and (3, 0, 0): the third unit is dead.
    assert hidden == (2, "relu", 3, 1.0, pytest.approx(math.sqrt(8 / 6)), None, pytest.approx(1 / 3))
    assert (output.layer, output.mean, output.deviation, output.dead) == (3, 0.5, 0.0, 1.0)


@pytest.mark.parametrize(("activation", "z"), [("sigmoid", 4.0), ("tanh", 2.4)])
def test_saturation_is_where_an_end_is_near(activation, z):
    # sigmoid(4) = 0.982, sigmoid(3.8) = 0.978; tanh(2.4) = 0.984, tanh(2.2) = 0.976
    network = Network((1, 1, 1), (activation, "sigmoid"), "cross-entropy")
    parameters = Parameters.zeros(network.structure, np.float64)
    parameters.W[0][...] = 1
    X = np.array([[z], [-z], [z - 0.2], [0.0]])
    assert layer_statistics(network, parameters, X)[0].saturated == 0.5


def test_a_network_of_one_layer_has_no_hidden_trouble():
    network = Network((2, 2), ("softmax",), "cross-entropy")
    parameters = Parameters.zeros(network.structure, np.float64)
    assert of_layers(layer_statistics(network, parameters, np.eye(2))) == []


def test_activations_that_overflow_are_said():
    parameters = Parameters.zeros(NETWORK.structure, np.float32)
    parameters.flat[...] = 3e38
    found = of_layers(layer_statistics(NETWORK, parameters, np.full((2, 2), 3e38, np.float32)))
    assert checks(found) == {"activations": "bad"}


# Inputs and weights


@pytest.mark.parametrize(("factor", "verdict"), [(1, "good"), (5, "doubtful"), (100, "bad"), (1e-3, "doubtful")])
def test_the_size_of_inputs(factor, verdict):
    X = np.random.default_rng(0).standard_normal((50, 4)) * factor
    assert checks(of_inputs(X, "raw")) == {"inputs": verdict}


def test_one_input_that_drowns_the_others_is_named():
    X = np.random.default_rng(0).standard_normal((50, 4)) * [1e-3, 1, 1e-3, 1e-3]
    (found,) = of_inputs(X, "raw")
    assert found.found.startswith("input 1 (from 0) varies ")


def test_constant_inputs_are_a_matter_of_how_many():
    X = np.random.default_rng(0).standard_normal((50, 10))
    X[:, :4] = 1
    assert checks(of_inputs(X, "unit")) == {"inputs": "good"}
    X[:, :6] = 1
    (found,) = of_inputs(X, "unit")
    assert found.found.startswith("60% of the 10 inputs are the same")
    assert checks(of_inputs(np.ones((5, 3)), "unit")) == {"inputs": "bad"}


@pytest.mark.parametrize(
    ("spoil", "verdict"),
    [
        (lambda W: None, "good"),
        (lambda W: np.multiply(W, 100, W), "doubtful"),
        (lambda W: W.fill(0), "bad"),
        (lambda W: W.fill(0.5), "bad"),
        (lambda W: W.fill(np.nan), "bad"),
    ],
)
def test_the_size_of_weights(spoil, verdict):
    parameters = NETWORK.initial_parameters("normal", np.random.default_rng(0), np.float32)
    spoil(parameters.W[0])
    assert checks(of_weights(parameters)) == {"weights": verdict}


# Whole runs, with a defect or without


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("settings", [{}, {"activation": "tanh"}, {"activation": "sigmoid", "optimizer": "sgd"}])
def test_healthy_runs_are_left_in_peace(digits, tiny, seed, settings):
    for data in (digits, tiny):
        assert while_training(trained(data, seed=seed, **settings)) == []


@pytest.mark.parametrize("seed", range(3))
def test_healthy_runs_for_other_tasks_are_left_in_peace(seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((300, 4)) * [1, 50, 0.01, 1] + [0, 1000, 0, 0]
    for y in (X[:, 0] * 40 + X[:, 3], np.stack([X[:, 0] > 0, X[:, 3] > X[:, 0]], axis=1).astype(int)):
        assert while_training(trained(from_arrays(X, y), seed=seed)) == []


@pytest.mark.parametrize(
    "settings",
    [
        {"activation": "gelu", "dropout": (0.3,)},
        {"activation": "leaky-relu", "loss": "focal", "optimizer": "nesterov"},
        {"label_smoothing": 0.1, "class_weights": "balanced", "validation": 0.0},
        {"schedule": "plateau", "patience": 20, "l2": 1e-4},
        {"shift": 1.0, "rotation": 10.0, "average": 0.99},
    ],
)
def test_healthy_runs_with_other_settings_are_left_in_peace(digits, settings):
    assert while_training(trained(digits, **settings)) == []


def test_a_student_is_left_in_peace(digits, tmp_path):
    train(digits, epochs=10).save(tmp_path / "teacher.npy")
    for validation in (None, 0.0):
        run = trained(digits, teacher=str(tmp_path / "teacher.npy"), epochs=20, validation=validation)
        assert while_training(run) == []


def test_raw_pixels_and_large_weights_saturate_sigmoids(digits):
    raw = dataclasses.replace(
        digits, train=dataclasses.replace(digits.train, X=np.minimum(255, digits.train.X.astype(int) * 16))
    )
    settings = {"scaling": "raw", "init": "normal", "activation": "sigmoid", "loss": "mse", "optimizer": "sgd"}
    found = while_training(trained(raw, epochs=3, **settings))
    assert checks(found)["saturated sigmoids"] == "bad"
    assert checks(found)["inputs"] == "bad"


def test_a_huge_rate_kills_relus(digits):
    found = while_training(trained(digits, epochs=5, optimizer="sgd", learning_rate=10.0))
    assert checks(found)["dead ReLUs"] == "bad"
    assert checks(found)["stuck at chance"] == "bad"


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_tiny_rate_is_stuck(digits, optimizer):
    found = while_training(trained(digits, epochs=5, optimizer=optimizer, learning_rate=1e-9))
    assert checks(found) == {"stuck at chance": "bad"}


@pytest.mark.parametrize("seed", range(3))
def test_random_labels_make_validation_rise(digits, seed):
    y = np.random.default_rng(seed).integers(0, 10, len(digits.train))
    wrong = dataclasses.replace(digits, train=dataclasses.replace(digits.train, y=y))
    found = while_training(trained(wrong, seed=seed))
    assert checks(found) == {"validation rising": "bad"}


def test_looking_changes_nothing(tiny):
    run = trained(tiny, epochs=4)
    before = run.parameters.flat.copy()
    while_training(run)
    np.testing.assert_array_equal(run.parameters.flat, before)
    assert len(run.history) == 4


# Divergence

EXPLOSIVE = {"optimizer": "sgd", "structure": (64, 32, 10), "loss": "mse", "epochs": 2}


def test_the_rate_to_try_does_not_diverge(digits):
    y = digits.train.X.sum(axis=1) * 1.0
    data = from_arrays(digits.train.X.astype(float), y, task="regression")
    run = Run(data, Settings(data="arrays", optimizer="sgd", learning_rate=1000.0, epochs=3))
    with pytest.raises(DivergedError):
        list(run.epochs())
    rate = rate_to_try(run)
    assert rate < 1000.0
    assert trained(data, optimizer="sgd", learning_rate=rate, epochs=3).finished
    assert on_divergence(run) == f"--learning-rate {rate:g}"


def test_unscaled_inputs_are_the_likely_cause_of_divergence():
    X = np.random.default_rng(0).uniform(0, 255, (200, 8))
    run = Run(from_arrays(X, X[:, 0]), Settings(data="arrays", optimizer="sgd", scaling="raw"))
    with pytest.raises(DivergedError):
        list(run.epochs())
    assert on_divergence(run).startswith("--scaling standard")


def test_the_ratio_of_plain_descent_is_rate_times_gradient_over_weights(tiny):
    settings = {"optimizer": "sgd", "structure": (3, 2), "learning_rate": 0.5, "schedule": "constant", "seed": 3}
    run = Run(tiny, Settings(data="tiny", batch_size=36, dtype="float64", **settings))
    W = run.parameters.W[0]
    slope = np.empty_like(W)
    for index in np.ndindex(*W.shape):  # the loss itself is the oracle
        losses = []
        for change in (1e-6, -1e-6):
            W[index] += change
            losses.append(measure(run.network, run.parameters, run.training)[0])
            W[index] -= change
        slope[index] = (losses[0] - losses[1]) / 2e-6
    steps = first_steps(run, 1)
    assert steps.ratios.shape == (1, 1)
    assert steps.ratios[0, 0] == pytest.approx(0.5 * np.linalg.norm(slope) / np.linalg.norm(W), rel=1e-6)
    assert steps.losses[0] == pytest.approx(measure(run.network, run.parameters, run.training)[0])


def test_class_weights_that_work_are_no_trouble():
    # One in twenty is of the rare class, and a line parts it with some overlap: weights cost plain accuracy.
    rng = np.random.default_rng(3)
    y = (rng.random(1200) < 0.05).astype(int)
    X = rng.standard_normal((1200, 4)) + 1.6 * y[:, np.newaxis]
    data = from_arrays(X, y)
    run = Run(data, Settings(data="arrays", class_weights="balanced", epochs=12))
    list(run.epochs())
    assert run.history[-1].validation_balanced_accuracy > 0.8
    assert [found.check for found in while_training(run)] == []


def test_a_rate_that_is_far_too_high_gets_one_that_works(digits):
    run = Run(digits, Settings(data="digits", learning_rate=1e11))
    rate = rate_to_try(run, 50)
    assert rate < 10.0
    assert train(digits, learning_rate=rate, epochs=3).history[-1]["training_loss"] < 1e3
