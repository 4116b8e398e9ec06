"""Rules taken out of ink that is known without them."""

import numpy as np
import pytest

from mlpcli.datasets.page_rules import without_rules
from tests.datasets.written import Canvas

VISIBLE = 0.1


def written(darkness):
    canvas = Canvas(700, 500)
    for place, name in enumerate("0123456789"):
        canvas.digit(name, 60 + 60 * place, 210, 60, 6, darkness)
    return canvas


def ruled(canvas, *rules):
    """A copy of a canvas with lines drawn on it, each (gap, tilt, thickness, darkness, squares)."""
    page = Canvas(canvas.width, canvas.height)
    page.ink = canvas.ink.copy()
    for gap, tilt, thickness, darkness, squares in rules:
        page.rules(gap, tilt, thickness, darkness, squares)
    return page


def assert_alike(ink, expected, missing, left_over):
    """At most these shares of the written pixels are missing, and of the others still inked."""
    here = expected > 0.5 * expected.max()
    assert (ink < 0.5 * expected)[here].mean() <= missing
    assert (ink > VISIBLE)[expected == 0].mean() <= left_over


@pytest.mark.parametrize("squares", [False, True])
@pytest.mark.parametrize("tilt", [-10, -4, 0, 1.5, 7, 12])
def test_rules_go_and_darker_strokes_stay(tilt, squares):
    canvas = written(0.8)
    page = ruled(canvas, (44, tilt, 2.0, 0.3, squares))
    assert_alike(without_rules(page.ink, VISIBLE), canvas.ink, 0.02, 0.003)


def test_strokes_as_dark_as_the_rules_go_on_across_them():
    canvas = written(0.4)
    page = ruled(canvas, (44, 2.0, 2.0, 0.4, False))
    assert_alike(without_rules(page.ink, VISIBLE), canvas.ink, 0.06, 0.002)


def test_a_dark_margin_goes_with_faint_rules():
    canvas = written(0.8)
    page = ruled(canvas, (30, 1.0, 2.0, 0.15, False))
    margin = [(40, -9), (36, 509)]
    page.draw([margin], 3, 0.5)
    assert_alike(without_rules(page.ink, VISIBLE), canvas.ink, 0.02, 0.003)


def test_broad_rules_go_in_their_whole_breadth():
    canvas = written(0.8)
    page = ruled(canvas, (70, 3.0, 6.0, 0.3, False))
    assert_alike(without_rules(page.ink, VISIBLE), canvas.ink, 0.03, 0.002)


def test_noise_hides_no_rules():
    canvas = written(0.8)
    page = ruled(canvas, (44, 2.0, 2.5, 0.3, True))
    noise = np.random.default_rng(0).normal(0, VISIBLE / 4, page.ink.shape).astype(np.float32)
    assert_alike(without_rules(np.maximum(page.ink + noise, 0), VISIBLE), canvas.ink, 0.02, 0.003)


def test_without_rules_the_ink_stays_as_it_is():
    ink = written(0.8).ink
    np.testing.assert_array_equal(without_rules(ink, VISIBLE), ink)


def test_a_long_straight_stroke_is_no_rule():
    canvas = Canvas(700, 500)
    canvas.draw([[(100, 200), (200, 206)], [(400, 100), (404, 190)]], 4, 0.8)
    np.testing.assert_array_equal(without_rules(canvas.ink, VISIBLE), canvas.ink)


@pytest.mark.parametrize("shape", [(1, 1), (10, 300), (300, 10)])
def test_small_pictures(shape):
    ink = np.full(shape, 0.5, np.float32)
    assert without_rules(ink, VISIBLE).shape == shape
