import numpy as np
import pytest

from mlpcli.nn.dropout import Dropout
from mlpcli.nn.network import Network
from mlpcli.training.batches import dropout_generator


def left_of(A, rate, seed=0):
    dropout = Dropout((rate,), (A.shape[1], 3), len(A), A.dtype)
    dropout.draw(len(A), np.random.default_rng(seed))
    return dropout.forward(0, A)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_a_fraction_is_dropped_and_the_mean_is_kept(rate, dtype):
    A = np.full((500, 400), 3.0, dtype)
    left = left_of(A, rate)
    assert left.dtype == dtype
    assert (left == 0).mean() == pytest.approx(rate, abs=0.006)  # five standard errors of 200,000
    assert left.mean() == pytest.approx(3.0, rel=0.025)
    np.testing.assert_allclose(left[left != 0], 3.0 / (1 - rate), rtol=1e-6)
    assert (A == 3.0).all()


def test_units_and_examples_are_dropped_independently():
    kept = left_of(np.ones((2000, 50)), 0.5) != 0
    # A standard error of a mean over 2,000 is 0.011, over 50 it is 0.071.
    assert np.abs(kept.mean(axis=0) - 0.5).max() < 0.06
    assert np.abs(kept.mean(axis=1) - 0.5).max() < 0.36
    assert np.abs(np.corrcoef(kept.T) - np.eye(50)).max() < 0.12


def test_what_was_dropped_gets_no_gradient():
    dropout = Dropout((0.0, 0.4), (2, 6, 1), 5, "float64")
    dropout.draw(5, np.random.default_rng(0))
    A, delta = np.ones((5, 6)), np.full((5, 6), 2.0)
    left = dropout.forward(1, A).copy()
    dropout.backward(1, delta)
    np.testing.assert_array_equal(delta, 2.0 * left)


def test_a_layer_without_dropout_is_passed_through():
    dropout = Dropout((0.0, 0.5), (3, 4, 2), 5, "float64")
    A = np.ones((5, 3))
    assert dropout.forward(0, A) is A
    delta = np.ones((5, 3))
    dropout.backward(0, delta)
    assert (delta == 1).all()


def test_a_smaller_batch_uses_as_many_rows():
    dropout = Dropout((0.5,), (4, 2), 8, "float32")
    dropout.draw(3, np.random.default_rng(0))
    assert dropout.forward(0, np.ones((3, 4), np.float32)).shape == (3, 4)


def test_masks_are_a_pure_function_of_seed_epoch_and_step():
    def mask(*of):
        dropout = Dropout((0.5,), (40, 2), 8, "float32")
        dropout.draw(8, dropout_generator(*of))
        return dropout.forward(0, np.ones((8, 40), np.float32)).tobytes()

    assert mask(1, 2, 3) == mask(1, 2, 3)
    assert len({mask(1, 2, 3), mask(0, 2, 3), mask(1, 0, 3), mask(1, 2, 0), mask(1, 3, 2)}) == 5


def test_prediction_drops_nothing():
    network = Network((3, 5, 2), ("tanh", "softmax"), "cross-entropy")
    parameters = network.initial_parameters("xavier", np.random.default_rng(0), "float64")
    workspace, X, y = network.workspace(4, "float64"), np.ones((4, 3)), np.eye(2)[[0, 1, 0, 1]]
    before = network.forward(parameters, X, workspace).copy()
    dropout = Dropout((0.5, 0.5), network.structure, 4, "float64")
    dropout.draw(4, np.random.default_rng(0))
    network.output_delta(parameters, X, y, workspace, None, dropout)
    assert not np.allclose(workspace.A[-1], before)
    np.testing.assert_array_equal(network.forward(parameters, X, workspace), before)


@pytest.mark.parametrize("rates", [(0.5,), (0.5, 1.0), (-0.1, 0.5), (0.5, 0.5, 0.5)])
def test_rates_that_are_none_are_refused(rates):
    with pytest.raises(ValueError, match="2 rates from 0 up to but not 1"):
        Dropout(rates, (3, 4, 2), 5, "float32")
