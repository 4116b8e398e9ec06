import numpy as np
import pytest

from mlpcli.nn.initializers import INITIALIZERS
from mlpcli.nn.network import Network


@pytest.mark.parametrize(
    ("name", "deviation", "bias_deviation"),
    [("normal", 1.0, 1.0), ("xavier", (2 / 500) ** 0.5, 0), ("he", 0.1, 0), ("lecun", 0.005**0.5, 0)],
)
def test_spread(name, deviation, bias_deviation):
    W, b = INITIALIZERS[name](300, 200, np.random.default_rng(0))
    assert W.shape == (300, 200)
    assert b.shape == (300,)
    assert abs(W.mean()) < 0.02 * deviation
    assert W.std() == pytest.approx(deviation, rel=0.02)
    assert b.std() == pytest.approx(bias_deviation, abs=0.1 * bias_deviation)


def test_xavier_stays_within_its_bound():
    W, _ = INITIALIZERS["xavier"](50, 10, np.random.default_rng(0))
    assert 0.29 < np.abs(W).max() <= 0.1**0.5  # sqrt(6 / 60)


def test_weights_are_drawn_before_biases_layer_by_layer():
    # The first numbers of NumPy's legacy generator after seed 0, known to everyone who has used it.
    network = Network((2, 1, 1), ("sigmoid", "sigmoid"), "mse")
    parameters = network.initial_parameters("normal", np.random.RandomState(0), "float64")
    known = [1.764052345967664, 0.4001572083672233, 0.9787379841057392, 2.240893199201458, 1.8675579901499675]
    np.testing.assert_array_equal(parameters.flat, known)
