"""Running extremes, openings and closings, against slow loops and rows worked by hand."""

import numpy as np
import pytest

from mlpcli.datasets.morphology import closing, dilation, erosion, opening

DTYPES = [np.uint8, np.int16, np.float32, bool]


def some(dtype, shape=(13, 17), seed=0):
    values = np.random.default_rng(seed).integers(0, 256, shape)
    return values > 128 if dtype is bool else values.astype(dtype) - (100 if dtype is np.int16 else 0)


def slow(extreme, values, window, axis):
    """The extreme of what lies within `window // 2` of each item."""
    result = np.empty_like(values)
    for at in range(values.shape[axis]):
        near = range(max(0, at - window // 2), min(values.shape[axis], at + window // 2 + 1))
        np.moveaxis(result, axis, 0)[at] = extreme([np.take(values, i, axis) for i in near], axis=0)
    return result


@pytest.mark.parametrize("window", [1, 2, 3, 4, 5, 8, 9, 16, 33, 60])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("dtype", DTYPES)
def test_extremes_are_those_of_a_slow_loop(dtype, axis, window):
    values = some(dtype, seed=window)
    for fast, extreme in ((dilation, np.max), (erosion, np.min)):
        result = fast(values, window, axis)
        assert result.dtype == values.dtype
        np.testing.assert_array_equal(result, slow(extreme, values, window, axis))


def test_channels_are_apart():
    values = some(np.uint8, (9, 11, 3))
    for operation in (opening, closing):
        apart = [operation(values[..., channel], 5) for channel in range(3)]
        np.testing.assert_array_equal(operation(values, 5), np.stack(apart, axis=-1))


def test_a_row_by_hand():
    row = np.array([[5, 5, 5, 2, 2, 2, 5, 5, 1, 5, 9, 9, 9, 5, 5, 5]], np.uint8)
    # The 1 is narrower than 3, the three 2 than 5; the 9 are as wide as 3; the 5 between 2 and 1 stand out by two.
    assert closing(row, 3, (1,)).tolist() == [[5, 5, 5, 2, 2, 2, 5, 5, 5, 5, 9, 9, 9, 5, 5, 5]]
    assert closing(row, 5, (1,)).tolist() == [[5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 9, 9, 9, 5, 5, 5]]
    assert opening(row, 3, (1,)).tolist() == [[5, 5, 5, 2, 2, 2, 2, 2, 1, 5, 9, 9, 9, 5, 5, 5]]


def test_a_square_goes_once_the_window_is_wider():
    picture = np.full((20, 30), 200, np.uint8)
    picture[6:11, 8:13] = 50
    np.testing.assert_array_equal(closing(picture, 5), picture)
    assert (closing(picture, 7) == 200).all()
    np.testing.assert_array_equal(opening(255 - picture, 5), 255 - picture)
    assert (opening(255 - picture, 7) == 55).all()


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)])
@pytest.mark.parametrize("window", [3, 6, 11])
@pytest.mark.parametrize("dtype", DTYPES)
def test_openings_lie_below_and_closings_above_and_both_are_idempotent(dtype, window, axes):
    values = some(dtype)
    lower, upper = opening(values, window, axes), closing(values, window, axes)
    assert (lower <= values).all()
    assert (values <= upper).all()
    assert (lower != values).any()
    assert (upper != values).any()
    np.testing.assert_array_equal(opening(lower, window, axes), lower)
    np.testing.assert_array_equal(closing(upper, window, axes), upper)


@pytest.mark.parametrize("window", [3, 7])
def test_a_closing_is_the_opening_of_the_negative(window):
    values = some(np.uint8)
    np.testing.assert_array_equal(closing(values, window), 255 - opening(255 - values, window))


def test_what_is_given_is_left_alone():
    values = some(np.uint8)
    before = values.copy()
    closing(values, 5)
    opening(values, 1)
    np.testing.assert_array_equal(values, before)
