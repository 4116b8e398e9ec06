"""Pages whose truth is known, as they were drawn here: every character's box, its line, and what else is on them."""

import functools

import numpy as np
import pytest
from PIL import Image

from mlpcli.datasets.page import find_characters
from mlpcli.datasets.strokes import Frame, fit
from mlpcli.errors import DamagedFileError, UsageError
from tests.datasets.pictures import saved
from tests.datasets.written import STROKES, Canvas

SHAPE = (28, 28)
FRAME = Frame(20 / 28, (14.5 / 28, 14.5 / 28))
TEXT = ["3141 592", "65", "35 8979", "0123"]


def write(canvas, text=TEXT, height=48, thickness=5, tilt=0.0, step=44, leading=96, start=(70, 60)):
    """Writes lines of digits, and returns (line, box, whether a space is before it) of each."""
    slope, truth = np.tan(np.radians(tilt)), []
    for number, line in enumerate(text):
        spaced = True
        for place, name in enumerate(line):
            if name == " ":
                spaced = True
                continue
            x, y = start[0] + place * step, start[1] + number * leading
            x, y = x - slope * (y - start[1]), y + slope * (x - start[0])
            truth.append((number, canvas.digit(name, x, y, height, thickness), spaced))
            spaced = False
    return truth


def found(tmp_path, image, name="page.png", **options):
    return find_characters(saved(image, tmp_path / name, **options), SHAPE, FRAME)


def assert_found(characters, truth, tolerance=3, scale=1.0):
    """As many as were written, each in its line, in order, its box as it was drawn."""
    assert [character.line for character in characters] == [line for line, _, _ in truth]
    for character, (_, box, _) in zip(characters, truth, strict=True):
        np.testing.assert_allclose(character.box, np.multiply(box, scale), atol=tolerance)


@functools.cache
def alone(name):
    """What the network should see of a digit."""
    canvas = Canvas(120, 120)
    canvas.digit(name, 30, 30, 48, 5)
    return fit(canvas.ink, SHAPE, FRAME)


def test_every_character_is_found_in_its_place_and_in_order(tmp_path):
    canvas = Canvas(460, 460)
    truth = write(canvas)
    characters = found(tmp_path, canvas.photograph())
    assert_found(characters, truth)
    assert [character.after_space for character in characters] == [spaced for _, _, spaced in truth]


def test_what_the_network_sees_is_the_character(tmp_path):
    canvas = Canvas(460, 460)
    write(canvas)
    names = "".join(TEXT).replace(" ", "")
    for character, name in zip(found(tmp_path, canvas.photograph()), names, strict=True):
        assert character.seen.shape == SHAPE
        likeness = {other: np.corrcoef(character.seen.ravel(), alone(other).ravel())[0, 1] for other in STROKES}
        assert max(likeness, key=likeness.get) == name
        assert likeness[name] > 0.7


@pytest.mark.parametrize("tilt", [-10, -6, -3, 3, 6, 10])
def test_lines_are_read_in_order_under_tilt(tmp_path, tilt):
    canvas = Canvas(620, 560)
    truth = write(canvas, tilt=tilt, start=(110, 110))
    assert_found(found(tmp_path, canvas.photograph()), truth)


def test_chalk_on_a_board_is_found(tmp_path):
    canvas = Canvas(460, 460)
    truth = write(canvas)
    assert_found(found(tmp_path, canvas.photograph(board=True)), truth)


def test_a_shadow_across_the_page_is_no_character(tmp_path):
    canvas = Canvas(460, 460)
    truth = write(canvas)
    x = np.arange(460)[np.newaxis, :]
    light = np.repeat(1 - 0.4 / (1 + np.exp((x - 200) / 8)), 460, axis=0)
    assert_found(found(tmp_path, canvas.photograph(light=light)), truth, tolerance=4)


def test_a_fold_under_faint_writing_does_not_hang_it_together(tmp_path):
    canvas = Canvas(900, 700)
    truth = [(0, canvas.digit(name, 80 + 70 * i, 200, 90, 9, 0.3), i == 0) for i, name in enumerate("2718281828")]
    truth += [(1, canvas.digit(name, 80 + 70 * i, 360, 90, 9, 0.3), i == 0) for i, name in enumerate("4590452")]
    below = np.arange(700)[:, np.newaxis] - 275  # the fold crosses the feet of the first line
    light = (1 - 0.17 * np.exp(-((below / 16) ** 2))) * np.ones((1, 900))
    assert_found(found(tmp_path, canvas.photograph(light=light)), truth, tolerance=16)


def test_ink_beyond_a_dark_margin_of_the_sheet_does_not_count(tmp_path):
    canvas = Canvas(460, 460)
    truth = write(canvas)
    light = np.ones((460, 460))
    light[:, :50] = 0.2  # a dark desk, with something on it
    canvas.draw([[(20, 100), (35, 150)], [(15, 300), (35, 330), (20, 350)]], 5, 0.5)
    assert_found(found(tmp_path, canvas.photograph(light=light)), truth)


@pytest.mark.parametrize("squares", [False, True])
@pytest.mark.parametrize("tilt", [0, 3])
def test_rules_are_no_characters(tmp_path, tilt, squares):
    canvas = Canvas(800, 640)
    truth = write(canvas, height=60, step=60, leading=120, start=(110, 100), tilt=tilt)
    canvas.rules(40, tilt, squares=squares)
    assert_found(found(tmp_path, canvas.photograph()), truth, tolerance=4)


def test_specks_points_and_commas_are_left_out(tmp_path):
    canvas = Canvas(460, 460)
    truth = write(canvas)
    canvas.draw([[(205, 105), (206, 107)]], 6, 0.8)  # a point
    canvas.draw([[(255, 104), (250, 116)]], 5, 0.8)  # a comma
    for x, y in np.random.default_rng(0).uniform(10, 450, (30, 2)):
        if canvas.ink[int(y) - 8 : int(y) + 8, int(x) - 8 : int(x) + 8].max(initial=0) == 0:
            canvas.draw([[(x, y), (x + 1, y)]], 2, 0.8)
    assert_found(found(tmp_path, canvas.photograph()), truth)


def test_the_comma_of_a_bold_pen_is_left_out(tmp_path):
    canvas = Canvas(460, 460)
    truth = write(canvas, ["31 592", "65 358"], thickness=9)
    for top in (104, 200):
        canvas.draw([[(165, top), (159, top + 18)]], 9, 0.8)  # over half as high as the digits
    assert_found(found(tmp_path, canvas.photograph()), truth)


def test_light_or_dark_writing_does_not_depend_on_the_desk(tmp_path):
    canvas = Canvas(600, 600)
    truth = write(canvas, start=(120, 120))
    inside = np.zeros((600, 600), bool)
    inside[70:530, 70:560] = True
    for desk in (0.05, 1.1):  # of the light of the paper
        light = np.where(inside, 0.9, desk)
        assert_found(found(tmp_path, canvas.photograph(light=light)), truth)


def test_a_five_whose_roof_is_apart_is_one_character(tmp_path):
    canvas = Canvas(460, 460)
    truth = write(canvas, ["1234", "0678"])
    canvas.draw([[(300, 65), (300, 82)], [(300, 84), (318, 90), (318, 104), (298, 107)]], 5, 0.8)
    canvas.draw([[(302, 57), (322, 52)]], 4, 0.8)
    five = (0, (297, 50, 322, 110), False)
    characters = found(tmp_path, canvas.photograph())
    assert len(characters) == len(truth) + 1
    np.testing.assert_allclose(characters[4].box, five[1], atol=4)


def touching(count):
    """A page on which so many round digits hang together by thin strokes, and what is written on it."""
    canvas = Canvas(460, 460)
    truth = write(canvas, ["0483", "17 52"])
    at, chained = 290, []
    for _ in range(count):
        box = canvas.digit("0", at, 60, 48, 5)
        if chained:
            canvas.draw([[(at - 6, 84), (at + 2, 84)]], 3, 0.8)
        chained.append((0, box, not chained))
        at += box[2] - box[0] + 4
    truth[4:4] = chained
    return canvas, truth


def test_digits_that_touch_are_parted(tmp_path):
    canvas, truth = touching(3)
    assert_found(found(tmp_path, canvas.photograph()), truth, tolerance=5)


def test_of_two_that_touch_the_network_says_whether_they_are_one(tmp_path):
    canvas, truth = touching(2)
    path = saved(canvas.photograph(), tmp_path / "page.png")

    def is_wide(seen):
        assert seen.shape[1:] == SHAPE
        inked = seen > 0.1
        return inked.any(axis=1).sum(axis=1) > inked.any(axis=2).sum(axis=1)

    together = find_characters(path, SHAPE, FRAME, lambda seen: np.where(is_wide(seen), 0.99, 0.1))
    assert len(together) == len(truth) - 1
    apart = find_characters(path, SHAPE, FRAME, lambda seen: np.where(is_wide(seen), 0.1, 0.99))
    assert_found(apart, truth, tolerance=5)


def test_narrow_digits_that_touch_are_parted_if_the_network_knows_them_apart(tmp_path):
    canvas = Canvas(460, 460)
    truth = write(canvas, ["0483", "52 60"])
    first, second = (canvas.draw([[(at, 60), (at, 108)]], 5, 0.8) for at in (300, 344))
    canvas.draw([[(300, 84), (344, 84)]], 3, 0.8)
    path = saved(canvas.photograph(), tmp_path / "page.png")

    def knows_ones(seen):
        """Sure of all but what has two upright strokes beside each other, joined: an H."""
        upright = (seen > 0.5).mean(axis=1) > 0.5
        return np.where((np.diff(upright.astype(int), axis=1) == 1).sum(axis=1) > 1, 0.3, 0.99)

    both = [(0, first, False), (0, second, False)]
    assert_found(
        find_characters(path, SHAPE, FRAME, knows_ones), truth[:4] + both + truth[4:], tolerance=22
    )  # half the bar is each's
    together = [(0, (297, 58, 347, 110), False)]
    sure = find_characters(path, SHAPE, FRAME, lambda seen: np.full(len(seen), 0.95))
    assert_found(sure, truth[:4] + together + truth[4:], tolerance=5)


def blank(height=300, width=400, noise=3.0):
    grey = np.random.default_rng(0).normal(210, noise, (height, width))
    return Image.fromarray(grey.clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("image", [Image.new("L", (300, 200), 255), Image.new("L", (3, 3)), blank(), blank(noise=9.0)])
def test_a_blank_page_is_damage(tmp_path, image):
    with pytest.raises(DamagedFileError, match=r"blank\.png: no characters found; give"):
        found(tmp_path, image, "blank.png")


def test_a_blank_ruled_page_is_damage(tmp_path):
    canvas = Canvas(700, 500)
    canvas.rules(40, 1.0)
    with pytest.raises(DamagedFileError, match="no characters found"):
        found(tmp_path, canvas.photograph())


@pytest.mark.parametrize("scale", [1, 4])
def test_a_character_that_fills_the_picture_is_found(tmp_path, scale):
    """A crop around a character, and again larger than pages are looked at."""
    canvas = Canvas(100, 190)
    box = canvas.digit("7", 15, 20, 150, 14)
    image = canvas.photograph()
    (character,) = found(tmp_path, image.resize((100 * scale, 190 * scale)))
    assert (character.line, character.after_space) == (0, True)
    np.testing.assert_allclose(character.box, np.multiply(box, scale), atol=4 * scale)
    alone = fit(np.asarray(canvas.ink), SHAPE, FRAME)
    assert np.corrcoef(character.seen.ravel(), alone.ravel())[0, 1] > 0.9


@pytest.mark.parametrize("name", ["0", "3", "5", "8"])
def test_bits_of_a_character_that_fills_the_picture_are_no_characters(tmp_path, name):
    canvas = Canvas(150, 190)
    canvas.digit(name, 15, 12, 166, 14)
    image = canvas.photograph()
    grey = np.asarray(image.convert("L")).copy()
    grey[60:130:30, 60:90] = 90  # specks
    assert len(found(tmp_path, Image.fromarray(grey))) == 1


def test_a_picture_as_small_as_those_in_training_is_one_character(tmp_path):
    rng = np.random.default_rng(0)
    for name in "0123456789":
        canvas = Canvas(120, 120)
        canvas.digit(name, 30, 30, 48, 6)
        noisy = fit(canvas.ink, SHAPE, FRAME) * 255 + rng.normal(0, 8, SHAPE)
        (character,) = found(tmp_path, Image.fromarray(noisy.clip(0, 255).astype(np.uint8)))
        assert np.corrcoef(character.seen.ravel(), noisy.ravel())[0, 1] > 0.8


def test_no_file_and_no_picture(tmp_path):
    with pytest.raises(UsageError):
        find_characters(tmp_path / "none.png", SHAPE, FRAME)
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(DamagedFileError, match="not an image"):
        find_characters(tmp_path / "text.png", SHAPE, FRAME)


def test_boxes_are_in_pixels_of_the_upright_picture(tmp_path):
    canvas = Canvas(460, 460)
    truth = write(canvas, start=(120, 60))
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its side: turn it 90 degrees clockwise to see it
    lying = canvas.photograph().transpose(Image.Transpose.ROTATE_90)
    assert_found(found(tmp_path, lying, "lying.jpg", quality=95, exif=exif), truth)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_boxes_are_in_pixels_of_the_full_size(tmp_path, suffix):
    canvas = Canvas(460, 460)
    truth = write(canvas)
    large = canvas.photograph().resize((4600, 4140), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x0112] = 8  # turn it 90 degrees counter-clockwise
    lying = large.transpose(Image.Transpose.ROTATE_270)
    assert_found(found(tmp_path, lying, f"large.{suffix}", exif=exif), truth, 30, [10, 9, 10, 9])


def on_a_desk(picture, border=90, seed=3):
    """The page as a sheet on dark wood, whose grain runs across."""
    page = np.asarray(picture)
    rng = np.random.default_rng(seed)
    height, width = (side + 2 * border for side in page.shape)
    grain = np.repeat(rng.normal(0, 22, (height, width // 24 + 1)), 24, axis=1)[:, :width]
    desk = np.clip(70 + grain, 0, 255).astype(np.uint8)
    desk[border:-border, border:-border] = page
    return Image.fromarray(desk)


def test_the_grain_of_the_desk_is_no_writing(tmp_path):
    canvas = Canvas(460, 460)
    truth = [(line, tuple(at + 90 for at in box), spaced) for line, box, spaced in write(canvas)]
    assert_found(found(tmp_path, on_a_desk(canvas.photograph())), truth)
