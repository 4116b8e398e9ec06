"""Strokes in a picture of one character, as the network should see them."""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from mlpcli.datasets.frame import SEEN, Frame, extent, fit, is_framed
from mlpcli.datasets.ground import Pixels, border, filtered, grey_of, is_dark, level_ground, off_the_ground, on_level
from mlpcli.datasets.groups import Mask, contrasting, is_part, main_group, widest_square, without_frame
from mlpcli.datasets.images import Grey
from mlpcli.datasets.morphology import dilation
from mlpcli.datasets.pen import narrowed, widened
from mlpcli.datasets.rules import without_rules

MIN_CONTRAST = 12.0  # of 255: less between ground and strokes is an empty page
SMALL = 64  # pixels of the longer side, up to which a stroke may be a pixel wide
LOOK_SIZE = 640  # pixels of the longer side: enough to find a character
CUT_OUT = 128  # pixels of the longer side, up to which a photograph is of the character alone
CLOSE_SIZE = 480  # pixels of the longer side: enough for one character and its surroundings
NARROW = 0.12  # of the picture's longer side: few strokes are wider
FINEST = 0.8  # times the mean width of the training pictures' strokes: finer ones are widened
BOLDEST = 1.2  # times the mean width of the training pictures' strokes: bolder ones are narrowed
MARGIN = 0.75  # of a character's size: what is looked at around it


class Area(NamedTuple):
    """A part of a picture, pixels; right and bottom are one beyond."""

    left: int
    top: int
    right: int
    bottom: int


def strokes(image: "Image.Image") -> Grey:
    """How much of a stroke each pixel is, (height, width) from 0 to 1; all 0 for a blank picture.

    Of several characters it is the most conspicuous one.
    """
    ink, area = _character(image)
    whole = np.zeros((image.height, image.width), np.float32)
    if ink is not None:
        size = (area.right - area.left, area.bottom - area.top)
        drawn = Image.fromarray(ink)
        fitting = drawn if drawn.size == size else drawn.resize(size, Image.Resampling.BILINEAR)
        whole[area.top : area.bottom, area.left : area.right] = np.asarray(fitting)
    return whole


def _character(image: "Image.Image") -> tuple[Grey | None, Area]:
    """The strokes of the character, and the part of the picture that they are on, at that size or reduced."""
    grey = grey_of(image)
    everywhere = Area(0, 0, image.width, image.height)
    is_small = max(grey.shape) <= SMALL
    level = level_ground(grey)
    if level is not None:
        ink = on_level(grey, level)
        peak = float(ink.max())
        if peak < MIN_CONTRAST:
            return None, everywhere
        ink /= peak
        if is_small:
            return ink, everywhere
        group = main_group(ink, without_frame(ink > 0.5), 0.0)
        return (None if group is None else ink * _near(group.pixels)), everywhere
    if is_small:
        ink, noise, *_ = off_the_ground(grey)
        return _soft(ink, ink > 0.5 * ink.max(), noise), everywhere
    found = _found(image)
    if found is None:
        return None, everywhere
    return _close_up(image, found), found.area


class Found(NamedTuple):
    """A character in a photograph.

    area: it and what is around it. box: it alone. size: its longer side, pixels. dark: whether it is darker than the
    ground. widest: the side of the largest square that its strokes have room for, pixels. score: how conspicuous it is;
    0 for nothing.
    """

    area: Area
    box: Area
    size: float
    dark: bool
    widest: float
    score: float


def _found(image: "Image.Image") -> Found | None:
    """The character and what is around it, or None on a blank page."""
    reduced = image.convert("RGB") if image.mode in ("RGB", "P") else Image.fromarray(grey_of(image))
    reduced.thumbnail((LOOK_SIZE, LOOK_SIZE), Image.Resampling.BOX)
    grey = np.asarray(reduced.convert("L", (1 / 3, 1 / 3, 1 / 3, 0)) if reduced.mode == "RGB" else reduced)
    smooth = filtered(grey, ImageFilter.GaussianBlur(0.7))
    ratio = image.width / grey.shape[1]
    # Of a cut-out little but the character is seen, and its polarity is clear.
    best = _of_either_polarity(smooth) if max(smooth.shape) > CUT_OUT else _place(smooth, is_dark(smooth))
    if best.score <= 0:
        return None
    area, box = (
        Area(
            int(area.left * ratio),
            int(area.top * ratio),
            min(int(area.right * ratio) + 1, image.width),
            min(int(area.bottom * ratio) + 1, image.height),
        )
        for area in (best.area, best.box)
    )
    return Found(area, box, best.size * ratio, best.dark, best.widest * ratio, best.score)


def _of_either_polarity(smooth: Pixels) -> Found:
    """The most conspicuous character of a reduced photograph, darker or lighter than the ground."""
    # Paper is nearly as light as what is lightest, a board is not.
    paper = float(np.median(smooth)) / max(float(np.quantile(smooth, 0.995)), 1.0)
    found = [_place(smooth, dark) for dark in (True, False)]
    for i, share in enumerate((0.3 + 0.7 * paper, 1.0 - 0.7 * paper)):
        found[i] = found[i]._replace(score=share**3 * found[i].score)
    best = max(found, key=lambda one: one.score)
    if best.score <= 0:
        return best
    # Gaps between strokes stand out as the strokes do, the other way round: around the character it is clearer which.
    left, top, right, bottom = best.area
    around = smooth[top:bottom, left:right]
    other = found[1] if best.dark else found[0]
    if is_dark(around, 0.5 * best.size / max(around.shape)) != best.dark and _overlap(best.area, other.area):
        return other
    return best


def _place(smooth: Pixels, dark: bool) -> Found:
    """The most conspicuous character of one polarity in a reduced photograph."""
    wide = off_the_ground(smooth, dark=dark)
    ink = without_rules(wide.values, wide.noise)
    # A narrow window follows hands, desks and shadows better, and loses bold strokes.
    narrow = off_the_ground(smooth, NARROW, dark)
    thin = np.minimum(ink, narrow.values)
    # Paper is lighter than the desk that it lies on, a board darker than the wall.
    light = smooth / np.float32(max(int(smooth.max()), 1))
    plausible: Grey = np.square(light if dark else 1.0 - light).astype(np.float32)
    whole = main_group(ink, contrasting(ink, wide.noise), wide.noise, plausible)
    group = main_group(thin, contrasting(thin, narrow.noise), narrow.noise, plausible)
    if whole is not None and (group is None or whole.score > 1.3 * group.score or is_part(group, whole, ink)):
        group = whole
    if group is None:
        return Found(Area(0, 0, 0, 0), Area(0, 0, 0, 0), 0.0, dark, 0.0, 0.0)
    rows, columns = np.flatnonzero(group.pixels.any(axis=1)), np.flatnonzero(group.pixels.any(axis=0))
    box = Area(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    size = max(box.right - box.left, box.bottom - box.top)
    around = int(MARGIN * size + 2)
    height, width = smooth.shape
    area = Area(
        max(0, box.left - around),
        max(0, box.top - around),
        min(width, box.right + around),
        min(height, box.bottom + around),
    )
    return Found(area, box, float(size), dark, float(widest_square(group.pixels, size)), group.score)


def _overlap(one: Area, other: Area) -> bool:
    return one.left < other.right and other.left < one.right and one.top < other.bottom and other.top < one.bottom


def _close_up(image: "Image.Image", found: Found) -> Grey | None:
    """The strokes of the character in a part of a photograph, at most CLOSE_SIZE pixels long."""
    area = found.area
    part = image.convert("RGB").crop(area) if image.mode == "RGB" else Image.fromarray(grey_of(image)).crop(area)
    part.thumbnail((CLOSE_SIZE, CLOSE_SIZE), Image.Resampling.BOX)
    pixels = np.asarray(part.filter(ImageFilter.GaussianBlur(0.7)))
    window = max(1.3 * found.widest, 0.15 * found.size) / max(area.right - area.left, area.bottom - area.top)
    ink, noise, *_ = off_the_ground(pixels, window + 3 / max(pixels.shape), found.dark)
    if ink.ndim == 3:
        ink, noise = _of_one_colour(ink, noise)
    ink = without_rules(ink, noise)
    ratio = part.width / (area.right - area.left)
    here = np.full(ink.shape, 0.01, np.float32)
    left, top, right, bottom = found.box
    rows = slice(int((top - area.top) * ratio), int((bottom - area.top) * ratio) + 1)
    here[rows, int((left - area.left) * ratio) : int((right - area.left) * ratio) + 1] = 1.0
    group = main_group(ink, contrasting(ink, noise), noise, here)
    return None if group is None else _soft(ink, group.pixels, noise)


def _of_one_colour(ink: Grey, noise: float) -> tuple[Grey, float]:
    """The ink of (height, width, 3) that has the colour of the strongest in the middle of the picture."""
    height, width = ink.shape[:2]
    middle = ink[height // 4 : height - height // 4, width // 4 : width - width // 4].reshape(-1, 3)
    mean = middle.mean(axis=1)
    colour = middle[mean >= 0.5 * np.quantile(mean, 0.995)].mean(axis=0)
    length = float(colour @ colour)
    if length < 1e-6:
        return ink.mean(axis=2), noise
    along = ink @ (colour / np.float32(length))
    beside = np.sqrt(np.maximum((ink**2).sum(axis=2) / np.float32(length) - along**2, 0.0))
    spread = noise / length**0.5
    strength = float(np.sqrt(length / 3))
    return np.maximum(along - np.maximum(beside - 2 * spread, 0.0), 0.0) * np.float32(strength), noise


def _soft(ink: Grey, mask: Mask, noise: float) -> Grey | None:
    """Strokes with soft edges, 0 to 1, from the ink where `mask` is, and next to it."""
    if not mask.any():
        return None
    full = float(np.median(ink[mask]))
    if full < max(MIN_CONTRAST / 255, 4.5 * noise):
        return None
    low = max(0.2 * full, 2.0 * noise)
    return np.where(_near(mask), np.clip((ink - low) / (full - low), 0.0, 1.0), 0.0).astype(np.float32)


def _near(mask: Mask) -> Mask:
    """`mask` and what is next to it: the soft edges of strokes belong to them."""
    return dilation(dilation(mask, 5, 0), 5, 1)


def prepare(image: "Image.Image", shape: tuple[int, int], frame: Frame) -> Grey:
    """The picture as the network should see it: (height, width) of `shape`, 0 to 1, light on dark.

    ValueError for a picture without strokes. One that is already as the training pictures are is left as it is.
    """
    ink, _ = _character(image)
    if ink is None or not (ink > SEEN).any():
        raise ValueError("no strokes")
    if ink.shape == shape == (image.height, image.width) and is_framed(ink, frame) and image.mode in ("L", "RGB"):
        grey = grey_of(image).astype(np.float32)
        if np.median(border(grey)) < 0.1 * grey.max():
            return grey / max(float(grey.max()), 1.0) if grey.max() < 200 else grey / np.float32(255)
    return as_trained(ink, shape, frame)


def as_trained(ink: Grey, shape: tuple[int, int], frame: Frame) -> Grey:
    """Strokes, 0 to 1, drawn with a pen like that of the training pictures and put where these have theirs."""
    drawn = np.ascontiguousarray(ink[extent(ink)])
    return fit(widened(narrowed(drawn, BOLDEST * frame.stroke), FINEST * frame.stroke), shape, frame)
