import math

import numpy as np
import pytest

from mlpcli.nn.network import Network, Parameters
from mlpcli.training.distillation import Teacher, student
from mlpcli.training.scaling import by_maximum


def test_answers_worked_by_hand():
    # Two inputs straight to two outputs: z = (x1, x2) / 10, T = 2, so that (2 ln 3, 0) becomes (3/4, 1/4).
    network = Network((2, 2), ("softmax",), "cross-entropy")
    parameters = Parameters(np.array([1.0, 0, 0, 1, 0, 0]), network.structure)
    teach = Teacher(network, parameters, by_maximum(10), 2.0)
    out = np.empty((2, 2))
    teach(np.array([[20 * math.log(3), 0.0], [5.0, 5.0]]), out)
    np.testing.assert_allclose(out, [[0.75, 0.25], [0.5, 0.5]])


def test_at_temperature_1_it_answers_as_it_predicts():
    rng = np.random.default_rng(0)
    network = Network((3, 5, 4), ("tanh", "softmax"), "cross-entropy")
    parameters = network.initial_parameters("normal", rng, "float64")
    raw = rng.integers(0, 9, (1300, 3))
    out = np.empty((1300, 4))
    Teacher(network, parameters, by_maximum(9), 1.0)(raw, out)
    np.testing.assert_allclose(out, network.forward(parameters, raw / 9, network.workspace(1300, "float64")))


def test_a_higher_temperature_is_softer():
    rng = np.random.default_rng(0)
    network = Network((3, 4), ("softmax",), "cross-entropy")
    parameters = network.initial_parameters("normal", rng, "float32")
    raw, out, surest = rng.integers(0, 9, (50, 3)), np.empty((50, 4), np.float32), []
    for temperature in (1.0, 5.0, 1e3):
        Teacher(network, parameters, by_maximum(1), temperature)(raw, out)
        np.testing.assert_allclose(out.sum(axis=1), 1, rtol=1e-5)
        surest.append(out.max(axis=1).mean())
    assert surest == sorted(surest, reverse=True)
    assert surest[-1] == pytest.approx(0.25, abs=0.01)


def test_answers_for_some_rows_lie_in_their_places():
    network = Network((1, 2), ("softmax",), "cross-entropy")
    teach = Teacher(network, Parameters.zeros(network.structure, "float32"), by_maximum(1), 3.0)
    answers = teach.answers(np.ones((5, 1), np.uint8), np.array([4, 1]), "float32")
    assert answers.tolist() == [[0, 0], [0.5, 0.5], [0, 0], [0, 0], [0.5, 0.5]]


def test_a_teacher_without_softmax_is_refused():
    network = Network((1, 2), ("sigmoid",), "mse")
    with pytest.raises(ValueError, match="its outputs are sigmoid, not softmax"):
        Teacher(network, Parameters.zeros(network.structure, "float32"), by_maximum(1), 3.0)


def test_a_student_is_the_same_network_with_another_loss():
    network = Network((3, 2), ("softmax",), "cross-entropy")
    learner = student(network, 3.0, 0.5)
    assert (learner.structure, learner.activations) == (network.structure, network.activations)
    assert (learner.loss, learner.loss_parameters) == ("distillation", (3.0, 0.5))
