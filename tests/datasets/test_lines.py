"""Boxes put in lines of writing: what was set in lines must come back as them."""

import numpy as np
import pytest

from mlpcli.datasets.lines import lines_of_writing, spaces

HEIGHT = 40


def written(lines, rng, gap=14, leading=90, wobble=6):
    """Boxes of characters in lines of so many, and the number of the line of each, in the order of writing."""
    boxes, numbers = [], []
    for number, count in enumerate(lines):
        x = 50 + rng.uniform(0, 20)
        for _ in range(count):
            width, height = rng.uniform(8, 34), HEIGHT * rng.uniform(0.85, 1.15)
            y = 100 + number * leading + rng.uniform(-wobble, wobble)
            boxes.append([x, y, x + width, y + height])
            numbers.append(number)
            x += width + rng.uniform(0.5, 1.5) * gap
    return np.array(boxes), np.array(numbers)


def moved(boxes, by):
    """The boxes, their centres moved as `by` moves points (x, y) of two arrays."""
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    new_x, new_y = by(x, y)
    return boxes + np.stack([new_x - x, new_y - y, new_x - x, new_y - y], axis=1)


def assert_read(boxes, numbers, seed=0):
    """However the boxes are ordered, the lines are found, each from left to right."""
    order = np.random.default_rng(seed).permutation(len(boxes))
    found = lines_of_writing(np.rint(boxes[order]).astype(np.int64))
    expected = [np.flatnonzero(numbers == number).tolist() for number in np.unique(numbers)]
    assert [[int(order[i]) for i in line] for line in found] == expected


def turned(degrees):
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return lambda x, y: (cos * x - sin * y, sin * x + cos * y)


@pytest.mark.parametrize("tilt", range(-10, 11, 2))
def test_lines_are_read_under_tilt(tilt):
    boxes, numbers = written([14, 9, 14, 3, 12], np.random.default_rng(tilt + 100))
    assert_read(moved(boxes, turned(tilt)), numbers)


@pytest.mark.parametrize("tilt", [-10, -5, 0, 5, 10])
def test_a_single_line_stays_one_under_tilt(tilt):
    boxes, numbers = written([12], np.random.default_rng(tilt + 50))
    assert_read(moved(boxes, turned(tilt)), numbers)


def test_lines_may_bend():
    boxes, numbers = written([16, 16, 16, 16], np.random.default_rng(1))
    assert_read(moved(boxes, lambda x, y: (x, y + 35 * np.sin(x / 800 * np.pi))), numbers)


@pytest.mark.parametrize("fan", [-0.05, 0.05])
def test_lines_may_run_together_as_in_perspective(fan):
    boxes, numbers = written([14, 14, 14, 14, 14], np.random.default_rng(2))
    assert_read(moved(boxes, lambda x, y: (x, y + fan * (y - 300) / 200 * (x - 300))), numbers)


def test_columns_far_apart_are_read_across():
    boxes, numbers = written([6, 6, 6], np.random.default_rng(3))
    beside = boxes + np.array([1, 0, 1, 0]) * (boxes[:, 2].max() + 3 * HEIGHT)
    order = np.argsort(np.concatenate([numbers, numbers]), kind="stable")
    assert_read(np.concatenate([boxes, beside])[order], np.concatenate([numbers, numbers])[order])


def test_one_character_is_a_line():
    assert lines_of_writing(np.array([[5, 6, 20, 40]])) == [[0]]


def test_characters_below_each_other_are_a_line_each():
    assert lines_of_writing(np.array([[50, 210, 70, 250], [52, 10, 72, 50], [49, 110, 69, 150]])) == [[1], [2], [0]]


def line(gaps, widths=20, height=HEIGHT):
    left = np.cumsum([0, *[gap + widths for gap in gaps]])
    return np.stack([left, np.zeros_like(left), left + widths, np.full_like(left, height)], axis=1)


def test_spaces_are_the_wider_gaps():
    assert spaces(line([10, 12, 60, 9, 11, 55, 10])).tolist() == [True, False, False, True, False, False, True, False]


def test_digits_set_evenly_have_no_spaces_however_far_apart():
    assert spaces(line([50, 52, 49, 51])).tolist() == [True, False, False, False, False]


def test_the_first_of_a_line_has_a_space_before_it():
    assert spaces(line([])).tolist() == [True]
