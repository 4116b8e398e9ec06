"""Rules of paper, drawn where they are known, under strokes that are known too."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mlpcli.datasets.rules import without_rules

NOISE = 0.01


def drawn(*lines, size=(400, 400)):
    """The ink of lines (points, width, level) of one picture, the strongest where they cross, blurred by reduction."""
    ink = np.zeros((2 * size[1], 2 * size[0]), np.float32)
    for points, width, level in lines:
        layer = Image.new("F", (2 * size[0], 2 * size[1]))
        ImageDraw.Draw(layer).line([(2 * x, 2 * y) for x, y in points], fill=level, width=2 * width, joint="curve")
        ink = np.maximum(ink, np.asarray(layer))
    ink = ink.reshape(size[1], 2, size[0], 2).mean(axis=(1, 3))
    return np.maximum(ink + np.random.default_rng(0).normal(0, NOISE, ink.shape), 0).astype(np.float32)


def ruling(period, slope=0.0, level=0.3, width=2):
    return [([(-9, y - 9 * slope), (409, y + 409 * slope)], width, level) for y in range(-90, 500, period)]


def squares(period, slope=0.0, level=0.3):
    upright = [([(y, x) for x, y in points], *rest) for points, *rest in ruling(period, -slope, level)]
    return [*ruling(period, slope, level), *upright]


SEVEN = ([(140, 120), (240, 120), (180, 280)], 12, 0.9)
ONE = ([(200, 110), (200, 290)], 12, 0.9)
FOUR = ([(170, 110), (150, 210), (250, 210)], 12, 0.9), ([(220, 140), (220, 290)], 12, 0.9)


@pytest.mark.parametrize("slope", [0.0, 0.06, -0.15])
@pytest.mark.parametrize("level", [0.15, 0.5])
@pytest.mark.parametrize("paper", [ruling, squares])
def test_rules_are_taken_away_and_the_strokes_on_them_are_not(paper, level, slope):
    for strokes in ([SEVEN], [ONE], FOUR):
        plain = drawn(*strokes)
        left = without_rules(drawn(*paper(45, slope, level), *strokes), NOISE)
        inner = (slice(20, -20), slice(20, -20))
        assert np.abs(left - plain)[inner].mean() < 0.15 * np.abs(drawn(*paper(45, slope, level)))[inner].mean()
        strong = plain > 0.8
        assert (left[strong] > 0.45).mean() > 0.96


@pytest.mark.parametrize("strokes", [[SEVEN], [ONE], FOUR])
def test_paper_without_rules_is_left_as_it_is(strokes):
    ink = drawn(*strokes)
    np.testing.assert_array_equal(without_rules(ink, NOISE), ink)


def test_strokes_no_darker_than_the_rules_stay_whole_where_they_cross():
    strokes = ([(200, 100), (200, 300)], 8, 0.4)
    left = without_rules(drawn(*ruling(50, 0.0, 0.4), strokes), NOISE)
    assert left[110:290, 199:202].min() > 0.25


def test_one_line_that_ends_within_the_picture_is_a_stroke():
    minus = ([(60, 200), (340, 200)], 4, 0.5)
    ink = drawn(minus)
    np.testing.assert_array_equal(without_rules(ink, NOISE), ink)


def test_a_picture_on_its_side_gives_the_same_on_its_side():
    ink = drawn(*ruling(45, 0.05), SEVEN)
    turned = without_rules(np.ascontiguousarray(ink.T), NOISE)
    np.testing.assert_allclose(turned.T, without_rules(ink, NOISE), atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (200, 3), (70, 70), (1000, 90)])
def test_any_size_will_do(shape):
    ink = np.random.default_rng(0).random(shape, np.float32)
    left = without_rules(ink, 0.3)
    assert left.shape == shape
    assert np.isfinite(left).all()
