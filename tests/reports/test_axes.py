import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlpcli.reports.page.axes import linear_axis, log_axis

NUMBERS = st.floats(-1e90, 1e90, allow_subnormal=False)


@given(st.lists(NUMBERS, min_size=1, max_size=5))
@example([0.5, 0.5 + 1e-13])
@example([-9.999999999995e89, -9.999999999995501e89])
def test_an_axis_holds_its_values(values):
    axis = linear_axis("x", values)
    assert axis.low < axis.high
    assert all(-1e-6 <= axis.at(value) <= 1 + 1e-6 for value in values)
    assert list(axis.ticks) == sorted(set(axis.ticks))


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_few_even_and_within(low, spread):
    axis = linear_axis("x", [low, low + spread])
    gaps = [b - a for a, b in zip(axis.ticks, axis.ticks[1:], strict=False)]
    assert 2 <= len(axis.ticks) <= 8
    assert max(gaps) == pytest.approx(min(gaps), rel=1e-6, abs=1e-6 * abs(low))
    assert axis.low <= axis.ticks[0] <= axis.ticks[-1] <= axis.high


def test_ends_that_are_given_stay():
    axis = linear_axis("share", [0.2, 0.3], low=0.0, high=1.0)
    assert (axis.low, axis.high) == (0.0, 1.0)
    assert axis.ticks == (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    assert axis.at(0.25) == 0.25


def test_numbers_of_things_have_whole_ticks():
    axis = linear_axis("epoch", [1.0, 3.0], low=1.0, high=3.0, whole=True)
    assert axis.ticks == (1.0, 2.0, 3.0)
    assert axis.tick_labels == ["1", "2", "3"]


@given(st.lists(st.floats(1e-80, 1e80), min_size=1, max_size=5))
def test_a_logarithmic_axis_holds_its_values(values):
    axis = log_axis("loss", values)
    assert 0 < axis.low < axis.high
    assert len(axis.ticks) <= 12
    assert all(-1e-6 <= axis.at(value) <= 1 + 1e-6 for value in values)


def test_equal_ratios_take_equal_room():
    axis = log_axis("loss", [0.001, 10.0])
    assert axis.at(0.1) - axis.at(0.01) == pytest.approx(axis.at(1.0) - axis.at(0.1))
    assert axis.ticks == pytest.approx((0.001, 0.01, 0.1, 1.0, 10.0))


def test_labels_are_short():
    assert linear_axis("x", [0.0, 2e7]).tick_labels[-1] == "2e7"
    assert linear_axis("x", [-1.0, 1.0]).tick_labels[0] == "\N{MINUS SIGN}1"
    assert all(len(label) <= 8 for label in linear_axis("x", [1e-9, math.pi]).tick_labels)
