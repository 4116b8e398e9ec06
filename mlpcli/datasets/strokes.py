"""Strokes in a picture of one character, and their place in the frame that training pictures have.

The recipe is that of MNIST itself (LeCun et al. 1998): grey, light strokes on a dark ground, the aspect ratio
kept, fitted with anti-aliasing into a box of 20 x 20, and placed so that its centre of mass is the centre of
28 x 28. For other sizes the same in proportion.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from mlpcli.datasets.images import Grey

MIN_CONTRAST = 12.0  # of 255: less between ground and strokes is an empty page
SMALL = 64  # pixels of the longer side, up to which a stroke may be a pixel wide
GROUP_SHARE = 0.15  # of the largest group's area; smaller groups are specks
LIGHT = 0.5  # what speaks for white as the ground, beside shares of pixels, where all else is even
WIDEST_STROKE = 0.3  # of the longer side: what is wider is ground


def strokes(image: "Image.Image") -> Grey:
    """How much of a stroke each pixel is, (height, width) from 0 to 1; all 0 for a blank picture.

    Strokes are what differs from the ground. In a drawing that is one level. In a photograph it is what is left
    when everything narrower than WIDEST_STROKE is taken away, by a closing (for dark strokes) or an opening (for
    light ones) of the grey values; both follow a ramp of light and the edge of a shadow exactly.
    """
    grey = _grey(image)
    is_small = max(grey.shape) <= SMALL
    level = _level_ground(grey)
    if level is not None:
        ink = _on_level(grey, level)
        peak = float(ink.max())
        if peak < MIN_CONTRAST:
            return np.zeros_like(ink)
        return ink / peak if is_small else ink / peak * _near(_main_groups(_without_frame(ink > 0.5 * peak)))
    smooth = grey if is_small else _filtered(grey, ImageFilter.MedianFilter(3))
    ink, gain, noise = _off_the_ground(smooth)
    if float(ink.max()) < max(MIN_CONTRAST, 6.0 * noise):
        return np.zeros_like(ink)
    ink = ink * gain
    peak = float(ink.max())
    full = float(np.median(ink[ink > 0.5 * peak]))
    low = max(0.2 * full, 2.0 * noise)
    kept = _near(_main_groups(_without_frame(ink > 0.5 * (low + full))))
    return np.where(kept, np.clip((ink - low) / max(full - low, 1.0), 0.0, 1.0), 0.0).astype(np.float32)


def _near(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """`mask` and what is next to it: the soft edges of strokes belong to them."""
    return _filtered(255.0 * mask, ImageFilter.MaxFilter(5)) > 0


def _grey(image: "Image.Image") -> Grey:
    if image.mode != "LA":
        return np.asarray(image, np.float32)
    grey, alpha = (np.asarray(band, np.float32) for band in image.split())
    opaque = alpha > 127
    if not opaque.any() or opaque.all():
        return grey * 0 if not opaque.any() else grey
    # Drawn on nothing: put a dark drawing on white, a light one on black.
    ground = 255.0 if grey[opaque].mean() < 128 else 0.0
    if opaque.mean() > 0.5:  # a page cut out: what is beyond it is more of the page
        ground = float(np.median(grey[opaque]))
    return (ground + (grey - ground) * (alpha / 255.0)).astype(np.float32)


def _border(grey: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def _filtered(values: Grey, kind: "ImageFilter.Filter") -> Grey:
    picture = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
    return np.asarray(picture.filter(kind), np.float32)


def _level_ground(grey: Grey) -> float | None:
    """The one level of a drawing's ground, or None for a photograph, which has none.

    A drawing has a fifth of its pixels at a level that is clean around: hardly any pixel is just beside it. Where
    two levels are that common, as in a bold character that fills its picture, the border and its corners weigh in, and
    that paper is light.
    """
    whole = np.clip(grey, 0, 255).astype(np.int64)
    counts = np.bincount(whole.reshape(-1), minlength=256)
    common = np.flatnonzero(counts >= grey.size / 5)
    if not len(common):
        return None
    edges, corners = _border(whole), whole[:: len(whole) - 1 or 1, :: whole.shape[1] - 1 or 1].reshape(-1)
    shares = np.zeros(256)
    for some in (whole.reshape(-1), edges, corners):
        shares += np.bincount(some, minlength=256) / some.size
    level = int(common[np.argmax(shares[common] + LIGHT * common / 255)])
    beside = counts[max(level - 4, 0) : level + 5].sum() - counts[level]
    return float(level) if beside < counts[level] / 10 else None


def _on_level(grey: Grey, level: float) -> Grey:
    """What differs from a level ground, to the side to which most does."""
    deviation = grey - level
    return np.asarray(np.maximum(deviation if float((deviation**3).sum()) > 0 else -deviation, 0.0))


def _off_the_ground(grey: Grey) -> tuple[Grey, Grey | float, float]:
    """How far each pixel of a photograph is from its ground, to the side of the strokes; what to multiply that with,
    for ink to look alike in light and shadow; and the ground's noise.

    Strokes are dark or light. Taken for the wrong one, the ground keeps them, widened; so it is the one whose ground
    changes less from pixel to pixel.
    """
    window = max(3, round(WIDEST_STROKE * max(grey.shape)))
    dark, light = -_opening(-grey, window), _opening(grey, window)
    if _change(dark) <= _change(light):
        away, gain = (
            dark - grey,
            dark.max() / np.maximum(dark, 0.2 * dark.max() + 1.0),
        )  # ink takes a share of the light
    else:
        away, gain = grey - light, 1.0
    # A closing lies on the noise, not in its middle. Up to two thirds of a picture that is cut close are strokes.
    away -= np.quantile(away, 0.3)
    near = np.abs(away[np.abs(away) <= 32.0])
    return np.maximum(away, 0.0), gain, 1.4826 * float(np.median(near)) if near.size else 0.0


def _change(ground: Grey) -> float:
    return float(np.abs(np.diff(ground, axis=0)).sum() + np.abs(np.diff(ground, axis=1)).sum())


def _opening(grey: Grey, window: int) -> Grey:
    """The grey opening by a square: what is lighter than its surroundings and narrower than `window` is gone.

    The picture is continued beyond its border by its outermost pixels.
    """
    for axis in (0, 1):
        grey = -_running_maximum(-grey, window, axis)
    for axis in (0, 1):
        grey = _running_maximum(grey, window, axis)
    return grey


def _running_maximum(values: Grey, window: int, axis: int) -> Grey:
    """The maximum over `window` (made odd) pixels around each, along an axis; of ever longer runs, so in log time."""
    reach = window // 2
    padding = [(0, 0), (0, 0)]
    padding[axis] = (reach, reach)
    runs = np.moveaxis(np.pad(values, padding, mode="edge"), axis, 0)
    length = values.shape[axis]
    span = 1
    while 2 * span <= 2 * reach + 1:
        runs = np.maximum(runs[:-span], runs[span:])
        span *= 2
    rest = 2 * reach + 1 - span
    return np.asarray(np.moveaxis(np.maximum(runs[:length], runs[rest : rest + length]), 0, axis))


def _without_frame(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """`mask` without a frame around the picture, such as a scanner's dark border: lines on all four sides."""
    rest = mask.copy()
    for at in range(min(mask.shape) // 10):  # thicker, it is a character cut to its edges
        inner = rest[at : len(mask) - at, at : mask.shape[1] - at]
        if min(side.mean() for side in (inner[0], inner[-1], inner[:, 0], inner[:, -1])) < 0.9:
            return rest
        inner[[0, -1]], inner[:, [0, -1]] = False, False
    return mask


def _main_groups(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """`mask` without its small groups of connected pixels (specks, dust)."""
    height, width = mask.shape
    ratio = min(1.0, 128 / max(height, width))
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    small = np.asarray(Image.fromarray(mask.astype(np.float32)).resize(size, Image.Resampling.BOX)) > 0.2
    labels = np.where(small, np.arange(1, small.size + 1).reshape(small.shape), 0)
    while True:  # each pixel takes its neighbourhood's largest label until none changes
        spread = np.pad(labels, 1)
        for axis in (0, 1):
            spread = np.maximum(spread, np.maximum(np.roll(spread, 1, axis), np.roll(spread, -1, axis)))
        spread = np.where(small, spread[1:-1, 1:-1], 0)
        if (spread == labels).all():
            break
        labels = spread
    areas = np.bincount(labels.reshape(-1))
    areas[0] = 0
    kept = (areas >= GROUP_SHARE * areas.max())[labels] & small
    grown = Image.fromarray((255 * kept).astype(np.uint8)).filter(ImageFilter.MaxFilter(3))
    return (np.asarray(grown.resize((width, height), Image.Resampling.NEAREST)) > 0) & mask


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
    ink = strokes(image)
    if not (ink > SEEN).any():
        raise ValueError("no strokes")
    if ink.shape == shape and _is_framed(ink, frame) and image.mode == "L":
        grey = np.asarray(image, np.float32)
        if np.median(_border(grey)) < 0.1 * grey.max():
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
