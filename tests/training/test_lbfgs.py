from itertools import pairwise

import numpy as np
import pytest

from mlpcli.errors import DivergedError, MlpError
from mlpcli.nn.network import Network, Parameters
from mlpcli.nn.schedules import SCHEDULES, Schedule
from mlpcli.training.batches import Examples, SeededOrder, class_targets
from mlpcli.training.lbfgs import LBFGS, MEMORY, fit_lbfgs
from mlpcli.training.loop import Plan, Position
from mlpcli.training.scaling import by_maximum


def problem(hidden=(), l2=1e-2, epochs=200, **more):
    """A network, random parameters, examples of three noisy classes, and a plan. Without hidden layer it is convex."""
    rng, n = np.random.default_rng(0), 60
    y = np.arange(n) % 3
    X = rng.standard_normal((n, 4)) + 1.5 * np.eye(3, 4)[y]
    network = Network((4, *hidden, 3), ("tanh",) * len(hidden) + ("softmax",), "cross-entropy")
    parameters = network.initial_parameters("xavier", rng, "float64")
    targets = class_targets(3, 3, "float64")
    examples = Examples(X, y, targets, np.arange(n), by_maximum(1), np.dtype("float64"))
    plan = Plan(epochs, n, Schedule(1.0, SCHEDULES["constant"](), epochs), SeededOrder(n, 0), l2=l2, **more)
    return network, parameters, examples, plan


def iterate(network, parameters, examples, plan, optimizer=None, position=None):
    optimizer = LBFGS(parameters.flat) if optimizer is None else optimizer
    return fit_lbfgs(network, parameters, optimizer, examples, None, plan, position or Position())


def objective(examples, l2=0.0):
    """The penalised mean loss of the network without hidden layer, and its gradient, written anew."""
    X, y, n = examples.X, examples.y, len(examples.y)
    counts = np.ones(n) if examples.weights is None else examples.weights

    def loss_and_gradient(flat):
        W, b = flat[:12].reshape(3, 4), flat[12:]
        p = np.exp(X @ W.T + b)
        p /= p.sum(axis=1, keepdims=True)
        loss = -(counts * np.log(p[np.arange(n), y])).sum() / n + l2 / 2 * (W**2).sum()
        away = (p - np.eye(3)[y]) * counts[:, np.newaxis] / n
        return loss, np.concatenate([(away.T @ X + l2 * W).reshape(-1), away.sum(axis=0)])

    return loss_and_gradient


@pytest.mark.parametrize("weights", [None, np.random.default_rng(1).uniform(0, 3, 60)])
def test_it_reaches_the_minimum_that_scipy_finds(weights):
    optimize = pytest.importorskip("scipy.optimize")
    network, parameters, examples, plan = problem()
    examples = examples._replace(weights=weights)
    measure = objective(examples, plan.l2)
    theirs = optimize.minimize(measure, parameters.flat.copy(), jac=True, method="L-BFGS-B", options={"gtol": 1e-8})
    results = list(iterate(network, parameters, examples, plan))
    loss, gradient = measure(parameters.flat)
    assert loss == pytest.approx(theirs.fun, abs=1e-7)
    assert np.abs(gradient).max() < 1e-6
    assert len(results) < 100  # it ended by itself


def test_with_a_hidden_layer_it_ends_where_the_gradient_does():
    pytest.importorskip("scipy")
    network, parameters, examples, plan = problem(hidden=(5,))
    results = list(iterate(network, parameters, examples, plan))
    assert len(results) < 200
    gradient = Parameters.zeros(network.structure, "float64")
    network.loss_and_gradient(
        parameters, examples.X, examples.targets[examples.y], network.workspace(60, "float64"), gradient
    )
    for of_loss, W in zip(gradient.W, parameters.W, strict=True):
        np.testing.assert_allclose(of_loss, -plan.l2 * W, atol=1e-6)


def test_its_first_step_is_along_the_gradient_of_the_loss_and_both_penalties():
    pytest.importorskip("scipy")
    network, parameters, examples, plan = problem(l1=0.3)
    before = Parameters(parameters.flat.copy(), network.structure)
    _, gradient = objective(examples, plan.l2)(before.flat)
    gradient[:12] += 0.3 * np.sign(before.flat[:12])
    result = next(iterate(network, parameters, examples, plan))
    np.testing.assert_allclose(before.flat - parameters.flat, result.learning_rate * gradient, rtol=1e-9, atol=1e-12)


def test_the_loss_never_rises():
    pytest.importorskip("scipy")
    network, parameters, examples, plan = problem()
    measure, losses = objective(examples, plan.l2), []
    for _ in iterate(network, parameters, examples, plan):
        losses.append(measure(parameters.flat)[0])
    assert all(after <= before + 1e-12 for before, after in pairwise(losses))


def test_the_training_loss_is_that_of_the_weights_without_penalties():
    pytest.importorskip("scipy")
    network, parameters, examples, plan = problem(epochs=4, l1=1e-3)
    results = list(iterate(network, parameters, examples, plan))
    assert results[-1].training_loss == pytest.approx(objective(examples)(parameters.flat)[0])


def test_on_a_quadratic_its_direction_is_newtons():
    # With as many pairs as dimensions the inverse Hessian is exact on the space they span.
    rng = np.random.default_rng(0)
    A = rng.standard_normal((4, 4))
    hessian = A @ A.T + np.eye(4)
    optimizer = LBFGS(np.zeros(4))
    directions = [np.eye(4)[0]]  # conjugate, as exact searches make them
    for unit in np.eye(4)[1:]:
        directions.append(unit - sum((d @ hessian @ unit) / (d @ hessian @ d) * d for d in directions))
    for d in directions:
        optimizer.remember(d, hessian @ d)
    gradient = rng.standard_normal(4)
    np.testing.assert_allclose(optimizer.direction(gradient), -np.linalg.solve(hessian, gradient), rtol=1e-8)


def test_without_pairs_it_is_steepest_descent():
    assert LBFGS(np.zeros(2)).direction(np.array([1.0, -2.0])).tolist() == [-1.0, 2.0]


def test_the_oldest_pair_is_forgotten_and_bad_curvature_never_learnt():
    optimizer = LBFGS(np.zeros(3, np.float32))
    for i in range(MEMORY + 2):
        optimizer.remember(np.full(3, i + 1.0), np.full(3, 2.0))
    assert optimizer.pairs == MEMORY
    assert set(optimizer.vectors) == {f"{name}{i}" for name in ("move", "change") for i in range(MEMORY)}
    assert optimizer.vectors["move0"].tolist() == [3.0] * 3
    assert optimizer.vectors[f"move{MEMORY - 1}"].tolist() == [MEMORY + 2.0] * 3
    assert optimizer.vectors["move0"].dtype == np.float32
    optimizer.remember(np.ones(3), -np.ones(3))
    assert optimizer.vectors[f"move{MEMORY - 1}"].tolist() == [MEMORY + 2.0] * 3


@pytest.mark.parametrize("after", [1, 3, MEMORY + 3])
def test_it_goes_on_from_its_vectors_as_if_it_had_never_stopped(after):
    pytest.importorskip("scipy")
    network, parameters, examples, plan = problem(hidden=(5,), epochs=MEMORY + 8)
    whole = Parameters(parameters.flat.copy(), network.structure)
    expected = list(iterate(network, whole, examples, plan))
    optimizer, position = LBFGS(parameters.flat), Position()
    first = iterate(network, parameters, examples, plan, optimizer, position)
    for _ in range(after):
        next(first)
    first.close()
    again = LBFGS(parameters.flat)
    again.vectors = {name: vector.copy() for name, vector in optimizer.vectors.items()}
    rest = list(iterate(network, parameters, examples, plan, again, Position(epoch=position.epoch)))
    assert parameters.flat.tobytes() == whole.flat.tobytes()
    assert [r.epoch for r in rest] == list(range(after, len(expected)))
    assert [r.training_loss for r in rest] == [r.training_loss for r in expected[after:]]


def test_a_stop_within_an_iteration_leaves_all_as_it_was():
    pytest.importorskip("scipy")
    network, parameters, examples, plan = problem(should_stop=lambda: True)
    before = parameters.flat.copy()
    assert list(iterate(network, parameters, examples, plan)) == []
    np.testing.assert_array_equal(parameters.flat, before)


def test_a_beginning_that_is_not_finite_is_told():
    pytest.importorskip("scipy")
    network, parameters, examples, plan = problem()
    parameters.flat[...] = np.nan
    with pytest.raises(DivergedError, match="epoch 1: the loss is not finite"):
        next(iterate(network, parameters, examples, plan))


def test_without_scipy_it_tells_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    network, parameters, examples, plan = problem()
    with pytest.raises(MlpError, match=r"needs SciPy; install it with: pip install 'mlpcli\[lbfgs\]'"):
        next(iterate(network, parameters, examples, plan))
