"""Paper and board under any light, and the ink on them."""

import numpy as np
import pytest
from PIL import Image

from mlpcli.datasets import ground
from tests.datasets.pictures import drawing

SIZE = 240
DRAWN = np.asarray(drawing((SIZE, SIZE)), float) == 0


def lit(light, share=0.6):
    """Paper under a light, (SIZE, SIZE) grey values, on which ink takes a share of it away."""
    return np.rint(light * np.where(DRAWN, 1 - share, 1.0)).astype(np.uint8)


def ramp(low=80, high=240):
    return np.linspace(low, high, SIZE)[np.newaxis, :] * np.ones((SIZE, 1))


def shadow(width=6):
    return 150 + 80 / (1 + np.exp((np.arange(SIZE)[:, np.newaxis] - 100) / width)) * np.ones((1, SIZE))


# Within half a window of the border there is not all of the window, and a closing lies higher than a ramp of light.
WHOLE = (slice(36, -36), slice(36, -36))


@pytest.mark.parametrize("light", [ramp(), ramp().T, shadow(), np.full((SIZE, SIZE), 200.0)])
def test_light_leaves_no_ink(light):
    ink = ground.off_the_ground(np.rint(light).astype(np.uint8), 0.3, dark=True)
    assert ink.values[WHOLE].max() < 0.02


@pytest.mark.parametrize("light", [ramp(), ramp().T, shadow()])
def test_ink_is_the_share_of_the_light_that_it_takes_away(light):
    ink = ground.off_the_ground(lit(light), 0.3)
    assert ink.dark
    values, drawn = ink.values[WHOLE], DRAWN[WHOLE]
    assert np.median(values[drawn]) == pytest.approx(0.6, abs=0.03)
    assert np.quantile(values[~drawn], 0.99) < 0.03


def test_light_strokes_are_told_from_dark_ones():
    board = np.where(DRAWN, 60.0, 0.0) + 50 + 0.2 * ramp()
    ink = ground.off_the_ground(board.astype(np.uint8))
    assert not ink.dark
    assert np.median(ink.values[DRAWN]) == pytest.approx(np.median(60 / board[DRAWN]), abs=0.03)  # of its own light
    assert np.quantile(ink.values[~DRAWN], 0.99) < 0.06
    assert ground.off_the_ground(255 - board.astype(np.uint8)).dark


def test_what_is_known_to_be_dark_is_not_sought_light():
    picture = np.full((SIZE, SIZE), 128, np.uint8)
    picture[40:50, 40:200], picture[150:160, 40:200] = 40, 220
    dark, light = (ground.off_the_ground(picture, dark=dark).values for dark in (True, False))
    assert (dark[45, 100] > 0.4, dark[155, 100]) == (True, 0.0)
    assert (light[45, 100], light[155, 100] > 0.3) == (0.0, True)


@pytest.mark.parametrize("spread", [2.0, 5.0, 10.0])
def test_the_noise_of_the_ground_is_estimated(spread):
    rng = np.random.default_rng(0)
    noisy = lit(np.full((SIZE, SIZE), 200.0)) + rng.normal(0, spread, (SIZE, SIZE))
    ink = ground.off_the_ground(noisy.clip(0, 255).astype(np.uint8))
    assert 0.8 < ink.noise / (spread / 200) < 1.5


def test_what_is_wider_than_strokes_is_ground():
    picture = np.full((SIZE, SIZE), 220, np.uint8)
    picture[:, 100:220] = 120  # a dark cloth half the picture wide
    assert ground.off_the_ground(picture, 0.3, dark=True).values.max() == 0.0
    assert ground.off_the_ground(picture, 0.6, dark=True).values.max() > 0.3


def test_channels_have_their_own_ink():
    colour = np.full((SIZE, SIZE, 3), 220, np.uint8)
    colour[DRAWN] = (30, 60, 215)  # blue takes red and green
    red, green, blue = ground.off_the_ground(colour).values[DRAWN].mean(axis=0)
    assert red > green > 0.5
    assert blue < 0.1


@pytest.mark.parametrize(("paper", "ink"), [(255, 0), (0, 255), (200, 170), (90, 120)])
def test_a_clean_drawing_has_a_level_ground(paper, ink):
    pixels = np.asarray(drawing((SIZE, SIZE), paper, ink))
    assert ground.level_ground(pixels) == paper
    values = ground.on_level(pixels, float(paper))
    np.testing.assert_array_equal(values, np.where(DRAWN, abs(paper - ink), 0))


def test_a_bold_character_that_fills_its_picture_is_not_its_ground():
    bold = np.full((SIZE, SIZE), 255, np.uint8)
    bold[10:-10, 20:-20] = 0  # 80 % ink
    assert ground.level_ground(bold) == 255


def test_a_photograph_has_no_level_ground():
    noise = np.random.default_rng(0).normal(0, 3, (SIZE, SIZE))
    assert ground.level_ground((lit(ramp()) + noise).clip(0, 255).astype(np.uint8)) is None
    assert ground.level_ground((lit(np.full((SIZE, SIZE), 200.0)) + noise).astype(np.uint8)) is None


@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (255, 0)])
def test_a_drawing_on_nothing_is_put_on_what_it_stands_out_from(ink, paper):
    image = drawing((SIZE, SIZE), (ink, 0), (ink, 255), "LA")
    np.testing.assert_array_equal(ground.grey_of(image), np.where(DRAWN, ink, paper))


def test_a_wholly_transparent_picture_is_blank():
    assert not ground.grey_of(Image.new("RGBA", (9, 7), (200, 100, 50, 0))).any()


def test_the_border_is_all_there_is_on_the_outside():
    inside = np.zeros((5, 4))
    inside[1:-1, 1:-1] = 7
    assert not ground.border(inside).any()
    assert ground.border(7 - inside).min() == 7
    assert len(ground.border(inside)) == 2 * (5 + 4)


def test_change_counts_steps_of_both_directions():
    assert ground.change(np.array([[0, 10], [255, 250]], np.uint8)) == (10 + 5) + (255 + 240)
