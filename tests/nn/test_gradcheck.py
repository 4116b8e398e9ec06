import numpy as np
import pytest

from mlpcli.nn import network as network_module
from mlpcli.nn.activations import ACTIVATIONS, Activation
from mlpcli.nn.dropout import Dropout
from mlpcli.nn.gradcheck import THRESHOLD, check_gradient
from mlpcli.nn.losses import LOSSES, Loss, LossFamily
from mlpcli.nn.network import Network, Parameters

PAIRS = [
    (output, loss)
    for loss, family in LOSSES.items()
    for output in ACTIVATIONS
    if family.make(*family.defaults).allows(output)
]
SMALLER = {"distillation": (3.0, 0.6), "huber": (0.7,)}  # than usual, so that every part of the loss counts


def problem(hidden, output, loss, layers, seed=0, batch=5):
    """A network of so many layers of weights, at a random point, and a batch of odd size."""
    rng = np.random.default_rng([seed, layers])
    structure = (4, *(6, 5, 7)[: layers - 1], 3)
    network = Network(structure, (hidden,) * (layers - 1) + (output,), loss, SMALLER.get(loss, ()))
    # Not zero anywhere: at 0 a ReLU has no derivative to compare with.
    parameters = Parameters(0.7 * rng.standard_normal(network.initial_parameters("he", rng, "f8").flat.size), structure)
    X, targets = rng.standard_normal((batch, 4)), np.eye(3)[rng.integers(0, 3, batch)]
    if loss == "distillation":
        targets = np.concatenate([targets, rng.dirichlet(np.ones(3), batch)], axis=1)
    return network, parameters, X, targets, rng


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
@pytest.mark.parametrize(("output", "loss"), PAIRS)
def test_back_propagation_is_the_gradient(output, loss, layers):
    for hidden in ACTIVATIONS if layers > 1 else ["identity"]:
        result = check_gradient(*problem(hidden, output, loss, layers), entries_per_group=2)
        assert result.passed, (hidden, result)
        assert result.along_direction < 1e-7, hidden
        assert set(result.per_group) == {f"{letter}{layer}" for layer in range(2, layers + 2) for letter in "Wb"}


@pytest.mark.parametrize(("output", "loss"), PAIRS)
def test_it_is_the_gradient_with_weights_and_soft_targets_too(output, loss):
    for hidden in ACTIVATIONS:
        network, parameters, X, targets, rng = problem(hidden, output, loss, 3)
        if loss != "distillation":
            targets = 0.7 * targets + 0.1
        result = check_gradient(network, parameters, X, targets, rng, 2, weights=np.array([0.0, 0.5, 1.0, 2.0, 3.5]))
        assert result.passed, (hidden, result)


@pytest.mark.parametrize("rates", [(0.3, 0.0, 0.0), (0.0, 0.5, 0.5), (0.2, 0.4, 0.6)])
@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_it_is_the_gradient_of_what_dropout_leaves(hidden, rates):
    network, parameters, X, targets, rng = problem(hidden, "softmax", "cross-entropy", 3)
    dropout = Dropout(rates, network.structure, 8, "float64")
    dropout.draw(len(X), np.random.default_rng(1))
    result = check_gradient(network, parameters, X, targets, rng, dropout=dropout)
    assert result.passed, result


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


def _half(outputs, targets, delta, scratch, each):
    SQUARED.of_output(outputs, targets, delta, scratch, each)
    delta /= 2


SQUARED = LOSSES["mse"].make()


def test_a_forgotten_factor_two_is_caught(monkeypatch):
    monkeypatch.setitem(LOSSES, "mse", LossFamily(lambda: Loss(_half, {})))
    assert not check_gradient(*problem("tanh", "sigmoid", "mse", 2)).passed


def _sum_not_mean(self, parameters, X, targets, workspace, gradient, factor=None, *rest):
    return ORIGINAL(self, parameters, X, targets, workspace, gradient, 1.0, *rest)


ORIGINAL = Network.loss_and_gradient


def test_a_forgotten_batch_mean_is_caught(monkeypatch):
    monkeypatch.setattr(Network, "loss_and_gradient", _sum_not_mean)
    assert not check_gradient(*problem("tanh", "sigmoid", "mse", 2)).passed


def _forgets_weights(self, parameters, X, targets, workspace, gradient, factor=None, weights=None, dropout=None):
    return ORIGINAL(self, parameters, X, targets, workspace, gradient, factor)


def test_forgotten_weights_are_caught(monkeypatch):
    monkeypatch.setattr(Network, "loss_and_gradient", _forgets_weights)
    assert not check_gradient(*problem("tanh", "sigmoid", "mse", 2), weights=np.arange(5.0)).passed


def test_dropout_forgotten_on_the_way_back_is_caught(monkeypatch):
    network, parameters, X, targets, rng = problem("tanh", "softmax", "cross-entropy", 3)
    dropout = Dropout((0.0, 0.5, 0.5), network.structure, 5, "float64")
    dropout.draw(5, np.random.default_rng(1))
    monkeypatch.setattr(Dropout, "backward", lambda self, layer, delta: None)
    assert not check_gradient(network, parameters, X, targets, rng, dropout=dropout).passed


@pytest.mark.parametrize("group", ["W2", "b2", "W3", "b3"])
def test_a_wrong_group_is_named(group, monkeypatch):
    def spoil(self, parameters, X, targets, workspace, gradient, *rest):
        total = ORIGINAL(self, parameters, X, targets, workspace, gradient, *rest)
        getattr(gradient, group[0])[int(group[1]) - 2][...] *= 1.5
        return total

    monkeypatch.setattr(network_module.Network, "loss_and_gradient", spoil)
    result = check_gradient(*problem("tanh", "softmax", "cross-entropy", 2))
    assert {name for name, error in result.per_group.items() if error > THRESHOLD} == {group}
    assert not result.passed
