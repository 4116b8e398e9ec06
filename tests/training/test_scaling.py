import json

import numpy as np
import pytest

from mlpcli.training import scaling
from mlpcli.training.scaling import Scaling, by_maximum, standard


def applied(one, raw, dtype="float32"):
    out = np.empty(np.shape(raw), dtype)
    one.apply(np.asarray(raw), out)
    return out


def test_bytes_divided_by_their_maximum():
    np.testing.assert_allclose(applied(by_maximum(255), np.array([[0, 51, 255]], np.uint8)), [[0, 0.2, 1]], rtol=1e-6)


@pytest.mark.parametrize("block", [1, 64, 2**22])
def test_standardised_inputs_have_mean_0_and_deviation_1(monkeypatch, block):
    monkeypatch.setattr(scaling, "_BLOCK", block)
    X = np.random.default_rng(0).normal([5, -3, 1e6], [2, 0.01, 30], (400, 3))
    rows = np.arange(0, 400, 2)
    out = applied(standard(X, rows), X[rows], "float64")
    np.testing.assert_allclose(out.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(out.std(axis=0), 1, rtol=1e-9)


def test_seconds_since_1970_keep_their_digits_in_float32():
    X = 1.7e9 + np.arange(100.0)[:, np.newaxis]
    out = applied(standard(X, np.arange(100)), X)[:, 0]
    np.testing.assert_allclose(np.diff(out), np.diff(out).mean(), rtol=1e-4)


def test_a_constant_input_becomes_0_whatever_rounding_does():
    X = np.full((7, 1), 0.1)
    assert applied(standard(X, np.arange(7)), X).tolist() == [[0.0]] * 7


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e308])
def test_what_cannot_be_standardised_is_refused(bad):
    X = np.array([[1.0], [bad], [-1e308]])
    with pytest.raises(ValueError, match="not finite"):
        standard(X, np.arange(3))


def test_undo_is_the_inverse():
    X = np.random.default_rng(1).normal(100, 7, (50, 2))
    one = standard(X, np.arange(50))
    np.testing.assert_allclose(one.undo(applied(one, X, "float64")), X)


@pytest.mark.parametrize(
    "one", [by_maximum(16.0), standard(np.random.default_rng(0).normal(size=(9, 3)), np.arange(9))]
)
def test_json_keeps_every_bit(one):
    again = Scaling.from_json(json.loads(json.dumps(one.to_json())), 3)
    assert again.scale.tobytes() == one.scale.tobytes()
    assert (again.offset is None) == (one.offset is None)


@pytest.mark.parametrize(
    "described",
    [{}, {"scale": "1"}, {"scale": [1.0]}, {"scale": True}, {"scale": 1e301}, {"scale": 1.0, "offset": [1, None, 2]}],
)
def test_a_description_that_is_none_is_refused(described):
    with pytest.raises((KeyError, TypeError, ValueError)):
        Scaling.from_json(described, 3)
