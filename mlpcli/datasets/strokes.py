"""Strokes in a picture of one character, and their place in the frame that training pictures have.

The recipe is that of MNIST itself (LeCun et al. 1998): grey, light strokes on a dark ground, the aspect ratio
kept, fitted with anti-aliasing into a box of 20 x 20, and placed so that its centre of mass is the centre of
28 x 28. For other sizes the same in proportion.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from mlpcli.datasets.components import label
from mlpcli.datasets.ground import border, filtered, grey_of, level_ground, off_the_ground, on_level
from mlpcli.datasets.images import Grey
from mlpcli.datasets.morphology import dilation, erosion
from mlpcli.datasets.rules import without_rules

MIN_CONTRAST = 12.0  # of 255: less between ground and strokes is an empty page
SMALL = 64  # pixels of the longer side, up to which a stroke may be a pixel wide
LOOK_SIZE = 640  # pixels of the longer side: enough to find a character
CLOSE_SIZE = 480  # pixels of the longer side: enough for one character and its surroundings
NARROW = 0.12  # of the picture's longer side: few strokes are wider
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
        group = _main_group(ink, _without_frame(ink > 0.5), 0.0)
        return (None if group is None else ink * _near(group.pixels)), everywhere
    if is_small:
        ink, noise, _ = off_the_ground(grey)
        return _soft(ink, ink > 0.5 * ink.max(), noise), everywhere
    found = _found(image)
    if found is None:
        return None, everywhere
    return _close_up(image, found), found.area


class Found(NamedTuple):
    """A character in a photograph. area: it and what is around it; size: its longer side, pixels; dark: whether it is
    darker than the ground; bold: whether its strokes are wide for the picture.
    """

    area: Area
    size: float
    dark: bool
    bold: bool


def _found(image: "Image.Image") -> Found | None:
    """The character and what is around it, or None on a blank page."""
    reduced = image.convert("RGB") if image.mode in ("RGB", "P") else Image.fromarray(grey_of(image))
    reduced.thumbnail((LOOK_SIZE, LOOK_SIZE), Image.Resampling.BOX)
    grey = np.asarray(reduced.convert("L", (1 / 3, 1 / 3, 1 / 3, 0)) if reduced.mode == "RGB" else reduced)
    smooth = filtered(grey, ImageFilter.GaussianBlur(0.7))
    wide = off_the_ground(smooth)
    ink = without_rules(wide.values, wide.noise)
    # A narrow window follows hands, desks and shadows better, and loses bold strokes.
    narrow = off_the_ground(smooth, NARROW, wide.dark)
    any_width = _main_group(ink, _contrasting(ink, wide.noise), wide.noise)
    ink = np.minimum(ink, narrow.values)
    group = _main_group(ink, _contrasting(ink, narrow.noise), narrow.noise)
    bold = any_width is not None and (
        group is None or any_width.score > 1.3 * group.score or _is_hollow(group.pixels, any_width.pixels)
    )
    group = any_width if bold else group
    if group is None:
        return None
    rows, columns = np.flatnonzero(group.pixels.any(axis=1)), np.flatnonzero(group.pixels.any(axis=0))
    ratio = image.width / grey.shape[1]
    size = max(rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1)
    around = MARGIN * size + 2
    area = Area(
        max(0, int((columns[0] - around) * ratio)),
        max(0, int((rows[0] - around) * ratio)),
        min(image.width, int((columns[-1] + 1 + around) * ratio) + 1),
        min(image.height, int((rows[-1] + 1 + around) * ratio) + 1),
    )
    return Found(area, size * ratio, wide.dark, bold)


def _is_hollow(seen: npt.NDArray[np.bool_], whole: npt.NDArray[np.bool_]) -> bool:
    """Whether `seen` is what a narrow window has left of the bold strokes `whole`."""
    inside = (seen & whole).sum()
    return bool(inside > 0.8 * seen.sum() and 1.3 * inside < whole.sum() < 4 * inside)


def _close_up(image: "Image.Image", found: Found) -> Grey | None:
    """The strokes of the character in a part of a photograph, at most CLOSE_SIZE pixels long."""
    area = found.area
    part = image.convert("RGB").crop(area) if image.mode == "RGB" else Image.fromarray(grey_of(image)).crop(area)
    part.thumbnail((CLOSE_SIZE, CLOSE_SIZE), Image.Resampling.BOX)
    pixels = np.asarray(part.filter(ImageFilter.GaussianBlur(0.7)))
    share = found.size / max(area.right - area.left, area.bottom - area.top)
    ink, noise, _ = off_the_ground(pixels, (0.6 if found.bold else 0.4) * share, found.dark)
    if ink.ndim == 3:
        ink, noise = _of_one_colour(ink, noise)
    ink = without_rules(ink, noise)
    group = _main_group(ink, _contrasting(ink, noise), noise)
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


def _contrasting(ink: Grey, noise: float) -> npt.NDArray[np.bool_]:
    """What stands out from the noise, at half of how far its own group does."""
    mask = ink > max(3.5 * noise, 0.03)
    return _upper(ink, mask, label(mask).labels)


def _upper(ink: Grey, mask: npt.NDArray[np.bool_], labels: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """The pixels of `mask` that have more than half the ink of the stronger ones of their group."""
    of, values = labels[mask], ink[mask]
    n = int(of.max(initial=0)) + 1
    mean = np.bincount(of, values, n) / np.maximum(np.bincount(of, minlength=n), 1)
    strong = values > mean[of]
    full = np.bincount(of[strong], values[strong], n) / np.maximum(np.bincount(of[strong], minlength=n), 1)
    result = np.zeros_like(mask)
    result[mask] = values > 0.5 * full[of]
    return result


def _soft(ink: Grey, mask: npt.NDArray[np.bool_], noise: float) -> Grey | None:
    """Strokes with soft edges, 0 to 1, from the ink where `mask` is, and next to it."""
    if not mask.any():
        return None
    full = float(np.median(ink[mask]))
    if full < max(MIN_CONTRAST / 255, 6.0 * noise):
        return None
    low = max(0.2 * full, 2.0 * noise)
    return np.where(_near(mask), np.clip((ink - low) / (full - low), 0.0, 1.0), 0.0).astype(np.float32)


def _near(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """`mask` and what is next to it: the soft edges of strokes belong to them."""
    return dilation(dilation(mask, 5, 0), 5, 1)


class Group(NamedTuple):
    """pixels: (height, width) bool; score: how conspicuous it is."""

    pixels: npt.NDArray[np.bool_]
    score: float


def _main_group(ink: Grey, mask: npt.NDArray[np.bool_], noise: float) -> Group | None:
    """The pixels of `mask` that belong to the most conspicuous character, or None."""
    height, width = mask.shape
    pieces = label(mask)
    extents = (pieces.boxes[:, 2:] - pieces.boxes[:, :2]).max(axis=1)
    mask = np.concatenate([[False], extents > 0.005 * max(mask.shape)])[pieces.labels]  # no specks
    reach = max(3, round(0.012 * max(mask.shape)) | 1)
    joined = label(dilation(dilation(mask, reach, 0), reach, 1))
    if not len(joined.areas):
        return None
    mask = _upper(ink, mask, joined.labels)
    flat = joined.labels[mask]
    n = len(joined.areas) + 1
    areas = np.bincount(flat, minlength=n)[1:]
    contrast = np.bincount(flat, ink[mask], n)[1:] / np.maximum(areas, 1)
    boxes = _boxes(mask, joined.labels, n)
    sizes = np.maximum(boxes[:, 2:] - boxes[:, :2], 1)
    longer = sizes.max(axis=1)
    contact = np.bincount(border(np.where(mask, joined.labels, 0)), minlength=n)[1:]
    clear = np.minimum(contrast / max(noise, 1e-3), 25.0) - 4.0
    score = np.maximum(clear, 0.0) * longer * contrast
    outline = mask & ~erosion(erosion(mask, 3, 0), 3, 1)
    # A desk lies along the border, however long the outline of its grain is; a character just touches it.
    around = np.minimum(np.bincount(joined.labels[outline], minlength=n)[1:], 3 * longer)
    at_border = contact / np.maximum(around, 1)
    score *= np.where(contact == 0, 1.0, np.clip(1.0 - 6.0 * at_border, 0.02, 0.6))
    score *= np.where((sizes[:, 0] > 6 * sizes[:, 1]) | (sizes[:, 1] > 15 * sizes[:, 0]), 0.3, 1.0)  # a line
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2 / np.array([width, height]) - 0.5
    score *= 1.0 - 0.7 * np.hypot(middle[:, 0], middle[:, 1])
    score[areas < 4] = 0.0
    best = int(np.argmax(score))
    if score[best] <= 0:
        return None
    kept = np.zeros(n, bool)
    kept[best + 1] = True
    box = boxes[best].copy()
    for _ in range(2):
        gap = np.maximum(boxes[:, :2] - box[2:], box[:2] - boxes[:, 2:]).max(axis=1)
        size = (box[2:] - box[:2]).max()
        belongs = (gap < 0.2 * size) & (contrast > 0.4 * contrast[best]) & (longer > 0.1 * size) & (longer < 1.2 * size)
        belongs &= (contact == 0) | (at_border < 0.15)
        kept[1:] |= belongs
        box = np.concatenate([boxes[kept[1:], :2].min(axis=0), boxes[kept[1:], 2:].max(axis=0)])
    return Group(kept[joined.labels] & mask, float(score[best]))


def _boxes(mask: npt.NDArray[np.bool_], labels: npt.NDArray[np.int32], n: int) -> npt.NDArray[np.int64]:
    """The box around the pixels of `mask` of each group from 1 to n - 1: left, top, right, bottom, (n - 1, 4)."""
    y, x = np.nonzero(mask)
    of = labels[y, x]
    boxes = np.empty((n, 4), np.int64)
    boxes[:, :2], boxes[:, 2:] = max(mask.shape), 0
    for place, at in enumerate((x, y)):
        np.minimum.at(boxes[:, place], of, at)
        np.maximum.at(boxes[:, place + 2], of, at + 1)
    return boxes[1:]


def _without_frame(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """`mask` without a frame around the picture, such as a scanner's dark border: lines on all four sides."""
    rest = mask.copy()
    for at in range(min(mask.shape) // 10):  # thicker, it is a character cut to its edges
        inner = rest[at : len(mask) - at, at : mask.shape[1] - at]
        if min(side.mean() for side in (inner[0], inner[-1], inner[:, 0], inner[:, -1])) < 0.9:
            return rest
        inner[[0, -1]], inner[:, [0, -1]] = False, False
    return mask


class Frame(NamedTuple):
    """How the pictures that a network was trained on are placed: shares of the height and width.

    box: the longer side of what is drawn. centre: its centre of mass, (y, x). MNIST has 20/28 and about 14.5/28.
    """

    box: float
    centre: tuple[float, float]


def measure_frame(X: npt.NDArray[Any], shape: tuple[int, ...], maximum: float) -> Frame:
    """The frame of training pictures X (N, I), light on dark, 0 to `maximum`: medians over at most 2,000 of them."""
    height, width = shape
    some = X[:: max(1, len(X) // 2000)].reshape(-1, height, width) / np.float32(maximum)
    some = some[some.max(axis=(1, 2)) > SEEN]
    if not len(some):
        return Frame(1.0, (0.5, 0.5))
    rows, columns = (some > SEEN).any(axis=2), (some > SEEN).any(axis=1)
    tall = height - rows.argmax(axis=1) - rows[:, ::-1].argmax(axis=1)
    wide = width - columns.argmax(axis=1) - columns[:, ::-1].argmax(axis=1)
    box = float(np.median(np.maximum(tall / height, wide / width)))
    mass = some.sum(axis=(1, 2))
    y = (some.sum(axis=2) @ (np.arange(height) + 0.5)) / mass
    x = (some.sum(axis=1) @ (np.arange(width) + 0.5)) / mass
    return Frame(box, (float(np.median(y)) / height, float(np.median(x)) / width))


SEEN = 0.1  # share of the brightest: less does not count as drawn


def prepare(image: "Image.Image", shape: tuple[int, int], frame: Frame) -> Grey:
    """The picture as the network should see it: (height, width) of `shape`, 0 to 1, light on dark.

    ValueError for a picture without strokes. One that is already as the training pictures are is left as it is.
    """
    ink, _ = _character(image)
    if ink is None or not (ink > SEEN).any():
        raise ValueError("no strokes")
    if ink.shape == shape == (image.height, image.width) and _is_framed(ink, frame) and image.mode in ("L", "RGB"):
        grey = grey_of(image).astype(np.float32)
        if np.median(border(grey)) < 0.1 * grey.max():
            return grey / max(float(grey.max()), 1.0) if grey.max() < 200 else grey / np.float32(255)
    return fit(ink, shape, frame)


def _extent(ink: Grey) -> tuple[slice, slice]:
    """The rows and columns that what is drawn takes up."""
    seen = ink > SEEN
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _centre_of_mass(ink: Grey) -> tuple[float, float]:
    """(y, x) in pixels from the upper left corner of the picture."""
    mass = float(ink.sum())
    y = float((ink.sum(axis=1) * (np.arange(ink.shape[0]) + 0.5)).sum()) / mass
    x = float((ink.sum(axis=0) * (np.arange(ink.shape[1]) + 0.5)).sum()) / mass
    return y, x


def _is_framed(ink: Grey, frame: Frame) -> bool:
    longest = max((s.stop - s.start) / side for s, side in zip(_extent(ink), ink.shape, strict=True))
    if longest > frame.box + 0.5 / max(ink.shape) or longest < frame.box - 3 / max(ink.shape):
        return False
    return all(
        abs(at - side * centre) <= 1.0
        for at, side, centre in zip(_centre_of_mass(ink), ink.shape, frame.centre, strict=True)
    )


def fit(ink: Grey, shape: tuple[int, int], frame: Frame) -> Grey:
    """Strokes scaled into the frame's box, aspect kept, and centred by mass: (height, width) of `shape`, 0 to 1."""
    cut = ink[_extent(ink)]
    ratio = frame.box * min(shape[0] / cut.shape[0], shape[1] / cut.shape[1])
    height, width = (max(1, round(side * ratio)) for side in cut.shape)
    # Pillow widens a filter by the reduction, so that this is anti-aliased at any ratio.
    resized = Image.fromarray(np.ascontiguousarray(cut)).resize((width, height), Image.Resampling.BILINEAR)
    drawing = np.asarray(resized, np.float32)
    drawing = np.clip(drawing / max(float(drawing.max()), 1e-6), 0.0, 1.0)
    centre = _centre_of_mass(drawing)
    top, left = (
        min(max(round(side * share - at), 0), side - size)
        for side, share, at, size in zip(shape, frame.centre, centre, drawing.shape, strict=True)
    )
    placed = np.zeros(shape, np.float32)
    placed[top : top + height, left : left + width] = drawing
    return placed
