import numpy as np
import pytest

from mlpcli.nn import network as network_module
from mlpcli.nn.activations import ACTIVATIONS, Activation
from mlpcli.nn.gradcheck import THRESHOLD, check_gradient
from mlpcli.nn.losses import LOSSES, Loss
from mlpcli.nn.network import Network, Parameters

PAIRS = [(output, loss) for loss, parts in LOSSES.items() for output in ACTIVATIONS if parts.allows(output)]


def problem(hidden, output, loss, layers, seed=0, batch=5):
    """A network of so many layers of weights, at a random point, and a batch of odd size."""
    rng = np.random.default_rng([seed, layers])
    structure = (4, *(6, 5, 7)[: layers - 1], 3)
    network = Network(structure, (hidden,) * (layers - 1) + (output,), loss)
    # Not zero anywhere: at 0 a ReLU has no derivative to compare with.
    parameters = Parameters(0.7 * rng.standard_normal(network.initial_parameters("he", rng, "f8").flat.size), structure)
    return network, parameters, rng.standard_normal((batch, 4)), np.eye(3)[rng.integers(0, 3, batch)], rng


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
@pytest.mark.parametrize(("output", "loss"), PAIRS)
@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_back_propagation_is_the_gradient(hidden, output, loss, layers):
    result = check_gradient(*problem(hidden, output, loss, layers))
    assert result.passed, result
    assert result.along_direction < 1e-7
    assert set(result.per_group) == {f"{letter}{layer}" for layer in range(2, layers + 2) for letter in "Wb"}


def test_the_odd_last_batch_in_a_larger_workspace_has_the_same_gradient():
    network, parameters, X, targets, _ = problem("tanh", "softmax", "cross-entropy", 3, batch=3)
    exact, roomy = (Parameters.zeros(network.structure, "float64") for _ in range(2))
    network.loss_and_gradient(parameters, X, targets, network.workspace(3, "float64"), exact)
    workspace = network.workspace(8, "float64")
    network.loss_and_gradient(parameters, np.ones((8, 4)), np.ones((8, 3)), workspace, roomy)  # leaves its traces
    network.loss_and_gradient(parameters, X, targets, workspace, roomy)
    np.testing.assert_array_equal(exact.flat, roomy.flat)


def _no_op(a, delta, scratch):
    pass


def _sign_error(a, delta, scratch):
    np.multiply(delta, -(1 - a * a), delta)


def _mixed_up(a, delta, scratch):
    np.multiply(delta, a * (1 - a), delta)  # the sigmoid's, on a tanh


@pytest.mark.parametrize("wrong", [_no_op, _sign_error, _mixed_up])
def test_a_wrong_activation_derivative_is_caught(wrong, monkeypatch):
    monkeypatch.setitem(ACTIVATIONS, "tanh", Activation(ACTIVATIONS["tanh"].apply, wrong))
    assert not check_gradient(*problem("tanh", "softmax", "cross-entropy", 3)).passed


def _half(outputs, targets, delta, scratch):
    total = LOSSES_BEFORE["mse"].of_output(outputs, targets, delta, scratch)
    delta /= 2
    return total


LOSSES_BEFORE = dict(LOSSES)


def test_a_forgotten_factor_two_is_caught(monkeypatch):
    monkeypatch.setitem(LOSSES, "mse", Loss(_half, {}))
    assert not check_gradient(*problem("tanh", "sigmoid", "mse", 2)).passed


def _sum_not_mean(self, parameters, X, targets, workspace, gradient, factor=None):
    return ORIGINAL(self, parameters, X, targets, workspace, gradient, 1.0)


ORIGINAL = Network.loss_and_gradient


def test_a_forgotten_batch_mean_is_caught(monkeypatch):
    monkeypatch.setattr(Network, "loss_and_gradient", _sum_not_mean)
    assert not check_gradient(*problem("tanh", "sigmoid", "mse", 2)).passed


@pytest.mark.parametrize("group", ["W2", "b2", "W3", "b3"])
def test_a_wrong_group_is_named(group, monkeypatch):
    def spoil(self, parameters, X, targets, workspace, gradient, factor=None):
        total = ORIGINAL(self, parameters, X, targets, workspace, gradient, factor)
        getattr(gradient, group[0])[int(group[1]) - 2][...] *= 1.5
        return total

    monkeypatch.setattr(network_module.Network, "loss_and_gradient", spoil)
    result = check_gradient(*problem("tanh", "softmax", "cross-entropy", 2))
    assert {name for name, error in result.per_group.items() if error > THRESHOLD} == {group}
    assert not result.passed
