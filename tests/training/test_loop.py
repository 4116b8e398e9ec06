import dataclasses

import numpy as np
import pytest

from mlpcli.nn.network import Network, Parameters
from mlpcli.nn.optimizers import SGD, Adam, WeightAverage
from mlpcli.nn.schedules import SCHEDULES, Schedule
from mlpcli.training.batches import Examples, SeededOrder, class_targets
from mlpcli.training.loop import Plan, Position, fit
from mlpcli.training.scaling import by_maximum

NETWORK = Network((3, 4, 2), ("tanh", "softmax"), "cross-entropy")


def start():
    return NETWORK.initial_parameters("xavier", np.random.default_rng(7), "float64")


def examples(n=12, **more):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((n, 3)), rng.integers(0, 2, n)
    one = Examples(X, y, class_targets(2, 2, "float64"), np.arange(n), by_maximum(1), np.dtype("float64"))
    return one._replace(**more)


def plan(training, epochs=3, batch_size=None, rate=0.5, **more):
    n = len(training.rows)
    schedule = Schedule(rate, SCHEDULES["constant"](), epochs)
    return Plan(epochs, batch_size or n, schedule, SeededOrder(n, 0), **more)


def trained(training, optimizer=SGD, **more):
    parameters = start()
    list(fit(NETWORK, parameters, optimizer(parameters.flat), training, None, plan(training, **more)))
    return parameters


def test_a_whole_weight_is_so_many_copies_of_an_example():
    counts = np.array([1, 2, 0, 3, 1, 1, 0, 2, 1, 4, 1, 2])
    one = examples()
    copies = np.repeat(np.arange(12), counts)
    repeated = examples(X=one.X[copies], y=one.y[copies], rows=np.arange(len(copies)))
    weighted = examples(weights=counts / counts.mean())
    np.testing.assert_allclose(trained(weighted).flat, trained(repeated).flat, atol=1e-12)


def test_weights_that_are_all_1_change_nothing():
    weighted, plain = trained(examples(weights=np.ones(12)), batch_size=5), trained(examples(), batch_size=5)
    np.testing.assert_allclose(weighted.flat, plain.flat, atol=1e-14)


def test_weights_reach_the_training_loss_and_not_the_validation_loss():
    parameters, weights = start(), np.array([12.0] + [0.0] * 11)
    training, validation = examples(weights=weights), examples()
    (result,) = fit(NETWORK, parameters, SGD(parameters.flat), training, validation, plan(training, 1, rate=1e-12))
    outputs = NETWORK.forward(start(), training.X, NETWORK.workspace(12, "float64"))
    each = -np.log(outputs[np.arange(12), training.y])
    assert result.training_loss == pytest.approx(each[0])
    assert result.validation_loss == pytest.approx(each.mean())


def test_l2_of_one_step_is_added_to_the_gradient():
    without, with_l2 = trained(examples(), epochs=1), trained(examples(), epochs=1, l2=0.2)
    for W, shrunk, initial in zip(without.W, with_l2.W, start().W, strict=True):
        np.testing.assert_allclose(W - shrunk, 0.5 * 0.2 * initial, atol=1e-14)
    for b, same in zip(without.b, with_l2.b, strict=True):
        np.testing.assert_allclose(b, same, atol=1e-14)


def test_l1_of_one_step_is_added_to_the_gradient():
    without, with_l1 = trained(examples(), epochs=1), trained(examples(), epochs=1, l1=0.2)
    for W, shrunk, initial in zip(without.W, with_l1.W, start().W, strict=True):
        np.testing.assert_allclose(W - shrunk, 0.5 * 0.2 * np.sign(initial), atol=1e-14)


def test_a_clipped_step_is_the_rate_times_the_limit_long():
    for limit in (1e-3, 1e-2):
        moved = trained(examples(), epochs=1, clip_norm=limit).flat - start().flat
        assert np.linalg.norm(moved) == pytest.approx(0.5 * limit)
    np.testing.assert_allclose(trained(examples(), clip_norm=1e6).flat, trained(examples()).flat, atol=1e-14)


def test_the_gradient_is_clipped_with_its_penalties():
    moved = trained(examples(), epochs=1, clip_norm=1e-2, l2=100.0).flat - start().flat
    assert np.linalg.norm(moved) == pytest.approx(0.5e-2)


@pytest.mark.parametrize("more", [{}, {"clip_norm": 1e9}, {"l2": 1e-30}])
def test_the_length_of_the_gradient_is_told_whatever_the_way(more):
    # The first step's is that of the mean loss at the start, whether or not the rate is in it on the way.
    parameters, training = start(), examples()
    (result,) = fit(NETWORK, parameters, SGD(parameters.flat), training, None, plan(training, 1, **more))
    gradient = Parameters.zeros(NETWORK.structure, "float64")
    NETWORK.loss_and_gradient(
        start(), training.X, training.targets[training.y], NETWORK.workspace(12, "float64"), gradient
    )
    assert result.gradient_norm == pytest.approx(np.linalg.norm(gradient.flat))


def test_max_norm_holds_after_every_step():
    lengths = []

    def look(step, loss):
        lengths.append(max(float(np.linalg.norm(W, axis=1).max()) for W in parameters.W))

    parameters, training = start(), examples()
    list(
        fit(
            NETWORK,
            parameters,
            SGD(parameters.flat),
            training,
            None,
            plan(training, 5, 4, rate=5.0, max_norm=0.8, on_step=look),
        )
    )
    assert len(lengths) == 15
    assert max(lengths) <= 0.8 + 1e-9
    assert max(lengths) > 0.79  # it was needed


def test_dropout_of_inputs_that_are_the_same_scales_them():
    # One input, one weight, no hidden layer: each step sees 0 or x / (1 - p).
    network = Network((1, 1), ("identity",), "mse")
    parameters = Parameters.zeros((1, 1), "float64")
    X, y = np.ones((400, 1)), np.ones((400, 1))
    training = Examples(X, y, None, np.arange(400), by_maximum(1), np.dtype("float64"))
    one = plan(training, 1, rate=1.0, dropout=(0.5,))
    list(fit(network, parameters, SGD(parameters.flat), training, None, one))
    # dW = mean of 2 (0 - 1) * x~ with x~ = 0 or 2: -2 times the kept fraction times 2, about 2 in size
    assert parameters.W[0].item() == pytest.approx(2.0, abs=0.4)
    assert parameters.b[0].item() == pytest.approx(2.0)


def test_each_step_of_each_epoch_drops_other_units():
    # All examples are the same and nothing moves, so that a loss tells of its masks alone.
    training = examples(X=np.ones((12, 3)), y=np.zeros(12, np.int64))
    losses = []
    still = plan(training, 4, 3, rate=1e-30, dropout=(0.0, 0.5), on_step=lambda step, loss: losses.append(loss))
    parameters = start()
    list(fit(NETWORK, parameters, SGD(parameters.flat), training, None, still))
    assert len(losses) == 16
    assert len(set(losses)) > 12
    by_epoch = [tuple(losses[i : i + 4]) for i in range(0, 16, 4)]
    assert len(set(by_epoch)) == 4


def test_an_average_is_what_is_validated():
    parameters, training = start(), examples()
    average = WeightAverage(parameters.flat, 0.9)
    fitted = fit(NETWORK, parameters, SGD(parameters.flat), training, training, plan(training, 4, 3), average=average)
    for result in fitted:
        outputs = NETWORK.forward(
            Parameters(average.vector, NETWORK.structure), training.X, NETWORK.workspace(12, "float64")
        )
        assert result.validation_loss == pytest.approx(-np.log(outputs[np.arange(12), training.y]).mean())
    assert not np.allclose(average.vector, parameters.flat)


def test_a_plateau_lowers_the_rate_after_it():
    # At a huge rate with inputs that tell nothing of the classes the validation loss rises at once.
    training = examples()
    schedule = Schedule(1.0, SCHEDULES["plateau"](), 8, decay=0.5, patience=1)
    one = dataclasses.replace(plan(training, 8), schedule=schedule)
    parameters, history = start(), []
    liars = training._replace(y=1 - training.y)  # whose loss rises as the other falls
    for result in fit(NETWORK, parameters, SGD(parameters.flat), training, liars, one, None, history):
        history.append(result)
    assert [r.learning_rate for r in history] == [1, 1, 0.5, 0.25, 0.125, 1 / 16, 1 / 32, 1 / 64]


@pytest.mark.parametrize("more", [{}, {"dropout": (0.2, 0.5), "l2": 0.01, "clip_norm": 0.5, "max_norm": 2.0}])
@pytest.mark.parametrize("after", [1, 3, 4, 7])
def test_a_loop_goes_on_from_its_position_as_if_it_had_never_stopped(after, more):
    training = examples(weights=np.linspace(0.1, 1.9, 12))
    whole, optimizer = start(), Adam(start().flat)
    expected = list(fit(NETWORK, whole, optimizer, training, training, plan(training, 3, 5, 0.01, **more)))
    parameters, optimizer, position, steps = start(), Adam(start().flat), Position(), []
    stopping = plan(
        training, 3, 5, 0.01, on_step=lambda *a: steps.append(a), should_stop=lambda: len(steps) == after, **more
    )
    results = list(fit(NETWORK, parameters, optimizer, training, training, stopping, position))
    assert position.epoch * 3 + position.step == after
    results += fit(NETWORK, parameters, optimizer, training, training, plan(training, 3, 5, 0.01, **more), position)
    assert parameters.flat.tobytes() == whole.flat.tobytes()
    timeless = [[dataclasses.replace(r, seconds=0.0) for r in some] for some in (results, expected)]
    assert timeless[0] == timeless[1]
