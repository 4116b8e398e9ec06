import pytest

from mlpcli.nn.schedules import SCHEDULES


def test_constant_stays():
    assert [SCHEDULES["constant"](p) for p in (0.0, 0.3, 1.0)] == [1.0, 1.0, 1.0]


def test_cosine_goes_from_one_through_a_half_to_zero():
    cosine = SCHEDULES["cosine"]
    assert cosine(0.0) == 1.0
    assert cosine(1 / 3) == pytest.approx(0.75)  # cos 60 degrees is 1/2
    assert cosine(0.5) == pytest.approx(0.5)
    assert cosine(1.0) == pytest.approx(0.0)
