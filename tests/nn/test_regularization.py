import numpy as np
import pytest

from mlpcli.nn import regularization
from mlpcli.nn.network import Parameters

STRUCTURE = (3, 4, 2)


@pytest.fixture
def parameters():
    return Parameters(np.random.default_rng(0).standard_normal(26), STRUCTURE)


def test_penalties_worked_by_hand():
    parameters = Parameters(np.array([3.0, -4.0, 7.0, 2.0, -9.0]), (2, 1, 1))  # W2, b2, W3, b3
    assert regularization.penalty(parameters, 0.0, 0.0) == 0.0
    assert regularization.penalty(parameters, 2.0, 0.0) == 2 * (3 + 4 + 2)
    assert regularization.penalty(parameters, 0.0, 2.0) == 9 + 16 + 4
    assert regularization.penalty(parameters, 1.0, 1.0) == 9 + 29 / 2


@pytest.mark.parametrize(("l1", "l2"), [(0.3, 0.0), (0.0, 0.7), (0.3, 0.7)])
def test_their_gradients_are_the_slopes_of_the_penalty(parameters, l1, l2):
    gradient, scratch = Parameters.zeros(STRUCTURE, "f8"), Parameters.zeros(STRUCTURE, "f8")
    gradient.flat[...] = 5.0  # what is there already
    if l1:
        regularization.add_l1(parameters, gradient, l1, scratch)
    if l2:
        regularization.add_l2(parameters, gradient, l2, scratch)
    numeric = np.empty(26)
    for i in range(26):
        ahead, behind = (Parameters(parameters.flat.copy(), STRUCTURE) for _ in range(2))
        ahead.flat[i] += 1e-6
        behind.flat[i] -= 1e-6
        numeric[i] = (regularization.penalty(ahead, l1, l2) - regularization.penalty(behind, l1, l2)) / 2e-6
    np.testing.assert_allclose(gradient.flat - 5.0, numeric, atol=1e-8)
    for b in gradient.b:  # biases are left alone
        assert (b == 5.0).all()


def test_a_weight_of_0_has_no_l1_gradient():
    gradient = Parameters.zeros((1, 1), "f4")
    regularization.add_l1(Parameters.zeros((1, 1), "f4"), gradient, 3.0, Parameters.zeros((1, 1), "f4"))
    assert gradient.flat.tolist() == [0.0, 0.0]


def test_a_long_gradient_is_shortened_in_its_direction():
    gradient = np.array([3.0, 4.0])
    length = regularization.norm(gradient)
    assert length == 5.0
    regularization.clip_norm(gradient, 10.0, length)
    assert gradient.tolist() == [3.0, 4.0]
    regularization.clip_norm(gradient, 5.0, length)
    assert gradient.tolist() == [3.0, 4.0]
    regularization.clip_norm(gradient, 1.0, length)
    np.testing.assert_allclose(gradient, [0.6, 0.8])


def test_max_norm_scales_back_only_the_rows_that_are_too_long():
    parameters = Parameters.zeros((2, 3, 1), "f8")
    parameters.W[0][...] = [[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]]
    parameters.b[0][...] = 100.0
    parameters.W[1][...] = [[2.0, 3.0, 6.0]]  # of length 7
    regularization.limit_norms(parameters, 1.0)
    np.testing.assert_allclose(parameters.W[0], [[0.6, 0.8], [0.3, 0.4], [0.0, 0.0]])
    np.testing.assert_allclose(parameters.W[1], [[2 / 7, 3 / 7, 6 / 7]])
    assert (parameters.b[0] == 100.0).all()


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_max_norm_holds_and_holds_again(dtype):
    parameters = Parameters(np.random.default_rng(1).normal(0, 9, 26).astype(dtype), STRUCTURE)
    regularization.limit_norms(parameters, 2.0)
    lengths = np.concatenate([np.linalg.norm(W, axis=1) for W in parameters.W])
    assert lengths.max() <= 2.0 * (1 + 1e-6)
    once = parameters.flat.copy()
    regularization.limit_norms(parameters, 2.0)
    np.testing.assert_allclose(parameters.flat, once, rtol=1e-6)
