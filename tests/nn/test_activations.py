import math

import numpy as np
import pytest

from mlpcli.nn.activations import ACTIVATIONS

LN2, LN3 = math.log(2), math.log(3)


@pytest.mark.parametrize(
    ("name", "z", "a"),
    [
        ("identity", [-2.0, 3.0], [-2.0, 3.0]),
        ("sigmoid", [0.0, LN3, -LN3], [0.5, 0.75, 0.25]),
        ("tanh", [0.0, LN2, -LN2], [0.0, 0.6, -0.6]),
        ("relu", [-2.0, 0.0, 3.0], [0.0, 0.0, 3.0]),
        ("softmax", [0.0, LN3], [0.25, 0.75]),
        ("softmax", [5.0, 5.0, 5.0, 5.0], [0.25, 0.25, 0.25, 0.25]),
    ],
)
def test_values_worked_by_hand(name, z, a):
    buffer = np.array([z])
    ACTIVATIONS[name].apply(buffer, np.empty_like(buffer))
    np.testing.assert_allclose(buffer, [a], rtol=1e-14)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extreme_inputs_neither_warn_nor_overflow(name, dtype):
    # Warnings are errors in this test suite.
    z = np.array([[-1e4, -100.0, 0.0, 100.0, 1e4]], dtype)
    ACTIVATIONS[name].apply(z, np.empty_like(z))
    assert np.isfinite(z).all()
    assert z.dtype == dtype


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivative_is_the_slope(name):
    rng = np.random.default_rng(1)
    z, upstream, step = rng.standard_normal((4, 5)), rng.standard_normal((4, 5)), 1e-6

    def apply(values):
        a = values.copy()
        ACTIVATIONS[name].apply(a, np.empty_like(a))
        return a

    numeric = np.empty_like(z)
    for at in np.ndindex(z.shape):
        nudge = np.zeros_like(z)
        nudge[at] = step
        numeric[at] = ((apply(z + nudge) - apply(z - nudge)) * upstream).sum() / (2 * step)
    delta = upstream.copy()
    ACTIVATIONS[name].derivative(apply(z), delta, np.empty_like(z))
    np.testing.assert_allclose(delta, numeric, atol=1e-8)


def test_softmax_rows_sum_to_one_and_ignore_a_shift():
    z = np.random.default_rng(2).standard_normal((6, 4))
    one, other = z.copy(), z + 1000.0
    for buffer in (one, other):
        ACTIVATIONS["softmax"].apply(buffer, np.empty_like(buffer))
    np.testing.assert_allclose(one.sum(axis=1), 1.0)
    np.testing.assert_allclose(one, other, atol=1e-12)
