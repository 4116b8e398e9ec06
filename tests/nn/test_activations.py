import math

import numpy as np
import pytest

from mlpcli.nn.activations import ACTIVATIONS

LN2, LN3 = math.log(2), math.log(3)
E = math.e


@pytest.mark.parametrize(
    ("name", "z", "a"),
    [
        ("identity", [-2.0, 3.0], [-2.0, 3.0]),
        ("sigmoid", [0.0, LN3, -LN3], [0.5, 0.75, 0.25]),
        ("tanh", [0.0, LN2, -LN2], [0.0, 0.6, -0.6]),
        ("relu", [-2.0, 0.0, 3.0], [0.0, 0.0, 3.0]),
        ("leaky-relu", [-2.0, 0.0, 3.0], [-0.02, 0.0, 3.0]),
        ("elu", [-LN2, 0.0, 3.0], [-0.5, 0.0, 3.0]),
        ("selu", [-LN2, 0.0, 1.0], [-1.7580993408473766 / 2, 0.0, 1.0507009873554805]),  # SCALE ALPHA = 1.7580993...
        ("softplus", [0.0, math.log(E - 1), -LN3, LN3], [LN2, 1.0, math.log(4 / 3), math.log(4)]),
        ("silu", [0.0, LN3, -LN3], [0.0, 0.75 * LN3, -0.25 * LN3]),
        ("softmax", [0.0, LN3], [0.25, 0.75]),
        ("softmax", [5.0, 5.0, 5.0, 5.0], [0.25, 0.25, 0.25, 0.25]),
    ],
)
def test_values_worked_by_hand(name, z, a):
    buffer = np.array([z])
    ACTIVATIONS[name].apply(buffer, np.empty_like(buffer))
    np.testing.assert_allclose(buffer, [a], rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_extreme_inputs_neither_warn_nor_overflow(name, dtype):
    # Warnings are errors in this test suite.
    largest = 1e4 if name == "softmax" else float(np.finfo(dtype).max) / 2
    z = np.array([[-largest, -1e4, -100.0, 0.0, 100.0, 1e4, largest]], dtype)
    scratch, delta = np.full_like(z, np.nan), np.ones_like(z)
    ACTIVATIONS[name].apply(z, scratch)
    assert np.isfinite(z).all()
    assert z.dtype == dtype
    ACTIVATIONS[name].derivative(z, delta, scratch)
    assert np.isfinite(delta).all()
    assert np.abs(delta).max() < 1.76  # selu has the steepest place of all, just below 0


def applied(name, values):
    a, scratch = np.array(values, np.float64), np.full(np.shape(values), np.nan)
    ACTIVATIONS[name].apply(a, scratch)
    return a, scratch


def slope(name, values):
    a, scratch = applied(name, [values])
    delta = np.ones_like(a)
    ACTIVATIONS[name].derivative(a, delta, scratch)
    return delta[0]


@pytest.mark.parametrize(
    ("name", "far_left", "far_right"),
    [
        ("leaky-relu", (-1.0, 0.01), (100.0, 1.0)),
        ("elu", (-1.0, 0.0), (100.0, 1.0)),
        ("selu", (-1.7580993408473766, 0.0), (105.07009873554805, 1.0507009873554805)),
        ("gelu", (0.0, 0.0), (100.0, 1.0)),
        ("silu", (0.0, 0.0), (100.0, 1.0)),
        ("softplus", (0.0, 0.0), (100.0, 1.0)),
    ],
)
def test_far_out_each_is_its_asymptote(name, far_left, far_right):
    z = [-100.0, 100.0]
    found = list(zip(applied(name, [z])[0][0], slope(name, z), strict=True))
    np.testing.assert_allclose(found, [far_left, far_right], atol=1e-12)


def test_gelu_is_near_the_normal_distribution_that_it_stands_for():
    # z Phi(z) by the error function; the closed form of the paper is within 0.0005 of it.
    z = np.linspace(-6, 6, 601)
    exact = [one * 0.5 * (1 + math.erf(one / math.sqrt(2))) for one in z]
    away = np.abs(applied("gelu", z[:, np.newaxis])[0][:, 0] - exact)
    assert 0.0004 < away.max() < 0.0005


def test_gelu_as_others_print_it():
    # PyTorch's gelu(z, approximate="tanh")
    expected = [-0.1588, 0.3457, 0.8412, 1.9546]
    np.testing.assert_allclose(applied("gelu", [[-1.0, 0.5, 1.0, 2.0]])[0], [expected], atol=5e-5)


def test_gelu_of_more_rows_than_it_takes_at_a_time():
    z = np.random.default_rng(0).normal(0, 2, (1000, 3))
    whole, left = applied("gelu", z)
    for at in (0, 255, 256, 257, 999):
        row, of_row = applied("gelu", z[at : at + 1])
        np.testing.assert_allclose(whole[at : at + 1], row, rtol=1e-14)
        np.testing.assert_allclose(left[at : at + 1], of_row, rtol=1e-13, atol=1e-15)


def test_selu_keeps_the_mean_and_variance_that_it_was_made_for():
    # Klambauer et al.: of standard normal z, the mean stays 0 and the variance 1; by the trapezoidal rule here.
    z = np.linspace(-12, 12, 240_001)
    weights = np.exp(-(z**2) / 2)
    weights /= weights.sum()
    a = applied("selu", [z])[0][0]
    assert weights @ a == pytest.approx(0.0, abs=1e-8)
    assert weights @ a**2 == pytest.approx(1.0, abs=1e-8)


@pytest.mark.parametrize(("name", "at", "lowest"), [("silu", -1.2784645, -0.2784645), ("gelu", -0.7524614, -0.1700408)])
def test_where_the_lowest_point_of_a_curve_is(name, at, lowest):
    # At silu's lowest point z = -(1 + W(1/e)), so that a = -W(1/e); gelu's (tanh form) by bisection of its slope.
    a, scratch = applied(name, [[at]])
    delta = np.ones_like(a)
    ACTIVATIONS[name].derivative(a, delta, scratch)
    assert a.item() == pytest.approx(lowest, abs=1e-7)
    assert delta.item() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name not in ("identity", "softmax", "silu", "gelu")])
def test_the_derivative_needs_nothing_but_the_activation(name):
    a, scratch = applied(name, [[-1.5, 0.5, 2.0]])
    first, second = np.ones_like(a), np.ones_like(a)
    ACTIVATIONS[name].derivative(a, first, scratch)
    ACTIVATIONS[name].derivative(a, second, np.full_like(a, np.nan))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("spread", [1.0, 8.0])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivative_is_the_slope(name, spread):
    rng = np.random.default_rng(1)
    z, upstream, step = spread * rng.standard_normal((4, 5)), rng.standard_normal((4, 5)), 1e-6

    def apply(values):
        return applied(name, values)[0]

    numeric = np.empty_like(z)
    for at in np.ndindex(z.shape):
        nudge = np.zeros_like(z)
        nudge[at] = step
        numeric[at] = ((apply(z + nudge) - apply(z - nudge)) * upstream).sum() / (2 * step)
    delta = upstream.copy()
    a, scratch = applied(name, z)
    ACTIVATIONS[name].derivative(a, delta, scratch)
    np.testing.assert_allclose(delta, numeric, atol=1e-8)


def test_softmax_rows_sum_to_one_and_ignore_a_shift():
    z = np.random.default_rng(2).standard_normal((6, 4))
    one, other = z.copy(), z + 1000.0
    for buffer in (one, other):
        ACTIVATIONS["softmax"].apply(buffer, np.empty_like(buffer))
    np.testing.assert_allclose(one.sum(axis=1), 1.0)
    np.testing.assert_allclose(one, other, atol=1e-12)
