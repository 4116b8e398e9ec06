import math

import numpy as np
import pytest

from mlpcli.nn.losses import LOSSES, sigmoid_cross_entropy, softmax_cross_entropy, squared_error


def loss_of(function, z, targets, dtype="float64"):
    z, targets = np.array(z, dtype), np.array(targets, dtype)
    return function(z, targets, np.empty_like(z), np.empty_like(z))


def test_squared_error_is_summed_over_outputs_and_examples():
    # (1 - 0.5)^2 + (0 - 0.5)^2, and (0 - 1)^2 + (2 - 0)^2
    assert loss_of(squared_error, [[0.5, 0.5], [1.0, 0.0]], [[1.0, 0.0], [0.0, 2.0]]) == 0.5 + 5.0


def test_cross_entropy_of_no_knowledge_is_the_logarithm_of_the_classes():
    assert loss_of(softmax_cross_entropy, [[0.0] * 4], [[0, 0, 1, 0]]) == pytest.approx(math.log(4))
    assert loss_of(sigmoid_cross_entropy, [[0.0] * 4], [[0, 0, 1, 1]]) == pytest.approx(4 * math.log(2))


def test_cross_entropy_of_a_probability_of_three_quarters():
    assert loss_of(softmax_cross_entropy, [[0.0, math.log(3)]], [[0, 1]]) == pytest.approx(math.log(4 / 3))
    assert loss_of(sigmoid_cross_entropy, [[math.log(3)]], [[0]]) == pytest.approx(math.log(4))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("function", [softmax_cross_entropy, sigmoid_cross_entropy])
def test_certainty_that_is_wrong_costs_its_margin_and_takes_no_log_of_zero(function, dtype):
    # Far from the target the loss is linear in z: probabilities round to 0 there, their logarithms must not.
    z, targets = [[1e4, 0.0]], [[0, 1]]
    expected = 1e4 + (math.log(2) if function is sigmoid_cross_entropy else 0.0)
    assert loss_of(function, z, targets, dtype) == pytest.approx(expected)
    assert loss_of(function, [[1e4, -1e4]], [[1, 0]], dtype) == 0.0


def test_each_loss_says_which_outputs_it_is_defined_for():
    assert {
        name for name in ("identity", "sigmoid", "tanh", "relu", "softmax") if LOSSES["cross-entropy"].allows(name)
    } == {
        "softmax",
        "sigmoid",
    }
    assert all(LOSSES["mse"].allows(name) for name in ("identity", "sigmoid", "tanh", "relu", "softmax"))
