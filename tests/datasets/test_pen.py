"""Strokes of a known width."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mlpcli.datasets.frame import measure_frame
from mlpcli.datasets.pen import narrowed, stroke_width, widened


def bar(width, length=300, side=400):
    ink = np.zeros((side, side), np.float32)
    top, left = (side - length) // 2, (side - width) // 2
    ink[top : top + length, left : left + width] = 1
    return ink


def ring(outer, inner, side=400):
    image = Image.new("L", (4 * side, 4 * side))
    draw = ImageDraw.Draw(image)
    for radius, level in ((outer, 255), (inner, 0)):
        draw.ellipse([4 * (side / 2 - radius)] * 2 + [4 * (side / 2 + radius)] * 2, fill=level)
    return np.asarray(image.resize((side, side), Image.Resampling.BOX), np.float32) / 255


@pytest.mark.parametrize("width", [10, 25, 60])
def test_the_width_of_a_bar_is_twice_its_area_over_its_outline(width):
    assert stroke_width(bar(width)) == pytest.approx(width * 300 / (width + 300), rel=0.05)


@pytest.mark.parametrize("width", [8, 20, 50])
def test_the_width_of_a_ring_is_the_difference_of_its_radii(width):
    ink = ring(150, 150 - width)
    assert stroke_width(ink) == pytest.approx(width, rel=0.05)
    np.testing.assert_allclose(stroke_width(np.stack([ink, ink])), stroke_width(ink))


def test_blur_does_not_change_the_width():
    soft = np.asarray(Image.fromarray(ring(150, 130)).resize((50, 50), Image.Resampling.BOX))
    assert stroke_width(soft) * 8 == pytest.approx(20, rel=0.15)


def test_nothing_has_no_width():
    assert stroke_width(np.zeros((2, 5, 5))).tolist() == [0, 0]


def test_what_is_fine_enough_is_left_as_it_is():
    ink = ring(199, 160)
    assert narrowed(ink, 0.1) is ink


def test_a_bold_ring_becomes_as_fine_as_asked_and_its_middle_stays():
    ink = ring(199, 90)
    fine = narrowed(ink, 0.1)
    assert stroke_width(fine) / 160 == pytest.approx(0.1, abs=0.015)
    distance = np.hypot(*(np.indices(fine.shape) - (fine.shape[0] - 1) / 2)) / 160 * 400
    assert fine[np.abs(distance - 145) < 3].min() > 0.9


def test_a_nearly_closed_counter_opens():
    fine = narrowed(ring(199, 10), 0.2)
    hole = fine[fine.shape[0] // 2, fine.shape[1] // 2 :] < 0.5
    assert hole.argmin() > 20  # pixels of 80: it was 4


def test_a_frame_tells_the_strokes_of_its_pictures():
    pictures = np.stack([np.asarray(Image.fromarray(ring(150, 120)).resize((100, 100), Image.Resampling.BOX))] * 3)
    frame = measure_frame((255 * pictures).reshape(3, -1), (100, 100), 255)
    assert frame.stroke == pytest.approx(30 / 300, rel=0.1)


@pytest.mark.parametrize("width", [4, 6, 12])
def test_fine_strokes_are_widened_to_what_was_asked(width):
    ink = ring(150, 150 - width)[40:360, 40:360]
    wide = widened(ink, 0.12)
    assert stroke_width(wide) / max(wide.shape) == pytest.approx(0.12, rel=0.2)
    # The ring is still a ring, its middle line where it was: nothing well within it, all ink on it.
    side = max(wide.shape)
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    radius = np.hypot(y, x) / (side / (300 + 0.12 * 320) * 300)
    assert wide[radius < 0.38].max() < 0.1
    assert wide[(radius > 0.47) & (radius < 0.51)].min() > 0.9


def test_strokes_that_are_wide_enough_stay():
    ink = ring(150, 100)[40:360, 40:360]
    assert widened(ink, 0.12) is ink
