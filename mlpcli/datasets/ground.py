"""The ground of a picture, paper or board under any light, and the ink on it: what differs from the ground."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from mlpcli.datasets.images import Grey
from mlpcli.datasets.morphology import closing, opening

WIDEST_STROKE = 0.3  # of the picture's longer side: what is wider is ground
NORMAL_5_TO_30 = 1.12  # standard deviations between these percentiles of a normal distribution
BESIDE = 12  # grey levels: a ground that strong compression makes of one in steps has others as near
LIGHT = 0.5  # what speaks for white as the ground, beside shares of pixels, where all else is even

Pixels = npt.NDArray[np.uint8]


class Ink(NamedTuple):
    """What differs from the ground.

    values: (height, width) or (height, width, 3) float32, 0 for the ground and up to 1: the share of the light that the
    darker of the two takes away. noise: the standard deviation of the ground's. dark: whether ink is the darker one.
    """

    values: Grey
    noise: float
    dark: bool


def grey_of(image: "Image.Image") -> Pixels:
    """The picture's grey values, (height, width); what is transparent is the ground."""
    if image.mode in ("RGBA", "LA"):
        return _opaque(np.asarray(image.convert("LA")))
    return np.asarray(image.convert("L"))


def _opaque(pixels: Pixels) -> Pixels:
    grey, alpha = pixels[..., 0].astype(np.float32), pixels[..., 1].astype(np.float32)
    opaque = alpha > 127
    if not opaque.any():
        return np.zeros(grey.shape, np.uint8)
    if opaque.all():
        return np.asarray(grey, np.uint8)
    # Drawn on nothing: put a dark drawing on white, a light one on black.
    ground = 255.0 if grey[opaque].mean() < 128 else 0.0
    if opaque.mean() > 0.5:  # a page cut out: what is beyond it is more of the page
        ground = float(np.median(grey[opaque]))
    return np.asarray(np.rint(ground + (grey - ground) * (alpha / 255.0)), np.uint8)


def level_ground(grey: Pixels) -> float | None:
    """The one level of a drawing's ground, or None for a photograph, which has none.

    A drawing has a fifth of its pixels at a level that is clean around: hardly any pixel is just beside it, as in the
    steps that a ramp of light becomes in a JPEG. Where two levels are that common, as in a bold character that fills
    its picture, the border and its corners weigh in, and that paper is light.
    """
    counts = np.bincount(grey.reshape(-1), minlength=256)
    common = np.flatnonzero(counts >= grey.size / 5)
    if not len(common):
        return None
    corners = grey[:: len(grey) - 1 or 1, :: grey.shape[1] - 1 or 1]
    shares = np.zeros(256)
    for some in (grey.reshape(-1), border(grey), corners.reshape(-1)):
        shares += np.bincount(some, minlength=256) / some.size
    level = int(common[np.argmax(shares[common] + LIGHT * common / 255)])
    beside = counts[max(level - BESIDE, 0) : level + BESIDE + 1].sum() - counts[level]
    return float(level) if beside < counts[level] / 10 else None


def border(picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The outermost pixels of a picture (height, width, ...), one after another."""
    return np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])


def on_level(grey: Pixels, level: float) -> Grey:
    """What differs from a level ground, to the side to which most does, in grey levels."""
    deviation = grey.astype(np.float32) - np.float32(level)
    return np.asarray(np.maximum(deviation if float((deviation**3).sum()) > 0 else -deviation, 0.0))


def is_dark(pixels: Pixels, widest: float = WIDEST_STROKE) -> bool:
    """Whether the strokes on a photograph's ground are darker than it.

    Taken for the wrong one, the ground keeps the strokes, widened; so it is the one whose ground changes less from
    pixel to pixel.
    """
    window = max(3, round(widest * max(pixels.shape[:2])))
    return change(closing(pixels, window)) <= change(opening(pixels, window))


def off_the_ground(pixels: Pixels, widest: float = WIDEST_STROKE, dark: bool | None = None) -> Ink:
    """The ink of a photograph, (height, width) or (height, width, 3), in each channel.

    The ground is what is left when everything narrower than `widest`, as a share of the longer side, is taken away, by
    a closing (for dark strokes) or an opening (for light ones); both follow a ramp of light and the edge of a shadow
    exactly. dark: which of the two, if it is not to be found out.
    """
    window = max(3, round(widest * max(pixels.shape[:2])))
    if dark is None:
        dark = is_dark(pixels, widest)
    ground = closing(pixels, window) if dark else opening(pixels, window)
    if dark:
        # Ink takes a share of the light; what is near black takes little more, and is full of noise.
        away = 1.0 - pixels / np.maximum(ground, 0.15 * float(ground.max()) + 1.0, dtype=np.float32)
        away[pixels >= ground] = 0.0
    else:
        away = (pixels - ground) / np.maximum(pixels, 0.5 * float(pixels.max()) + 1.0, dtype=np.float32)
    # A closing lies on the noise, not in its middle. Up to two thirds of a picture that is cut close are strokes.
    low, middle = np.quantile(away[::2, ::2], (0.05, 0.3), axis=(0, 1))
    noise = float(np.mean(middle - low)) / NORMAL_5_TO_30
    return Ink(np.maximum(away - middle.astype(np.float32), 0.0), noise, dark)


def change(ground: Pixels) -> int:
    """How much it changes from pixel to pixel, in all."""
    return sum(int(np.abs(np.diff(ground.astype(np.int16), axis=axis)).sum()) for axis in (0, 1))


def filtered(values: npt.NDArray[Any], kind: "ImageFilter.Filter") -> Pixels:
    """Pillow's filter of values from 0 to 255, (height, width) or (height, width, 3)."""
    return np.asarray(Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).filter(kind))
