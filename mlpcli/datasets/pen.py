"""The width of strokes, and strokes drawn with a finer or a broader pen."""

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from mlpcli.datasets.images import Grey
from mlpcli.datasets.morphology import dilation, erosion

DRAWN = 160  # pixels of the longer side at which strokes are narrowed and widened


def stroke_width(ink: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The mean width of the strokes of each picture (..., height, width), 0 to 1, in pixels: (...); 0 without strokes.

    That is twice their area over the length of their outline, which is how much the ink changes in all (the coarea
    formula): both hold for soft edges, too.
    """
    padded = np.pad(ink, [(0, 0)] * (ink.ndim - 2) + [(1, 1)] * 2)
    dy, dx = np.gradient(padded, axis=(-2, -1))
    outline = np.hypot(dy, dx).sum(axis=(-2, -1))
    return np.asarray(2.0 * padded.sum(axis=(-2, -1)) / np.maximum(outline, 1e-6), np.float64)


def narrowed(ink: Grey, most: float) -> Grey:
    """Strokes that fill their picture (height, width), 0 to 1, as a pen draws them that is `most` wide at most, as a
    share of the picture's longer side; in DRAWN pixels where that changes them.

    Counters that a bold pen has nearly closed open.
    """
    excess = float(stroke_width(ink)) / max(ink.shape) - most
    if excess <= 0:
        return ink
    drawn = _enlarged(ink, 1)
    for step in range(round(excess * DRAWN / 2)):
        level, upright = erosion(drawn, 3, 1), erosion(drawn, 3, 0)
        # Squares and crosses in turn make an octagon, which is nearly round.
        drawn = erosion(level, 3, 0) if step % 2 else np.minimum(level, upright)
    return drawn


def widened(ink: Grey, least: float) -> Grey:
    """Strokes that fill their picture (height, width), 0 to 1, as a pen draws them that is `least` wide at least, as
    `narrowed`.

    Reduced to a few pixels, a fine line would be a grey shade of one.
    """
    lack = least - float(stroke_width(ink)) / max(ink.shape)
    if lack <= 0:
        return ink
    steps = round(lack * DRAWN / 2)
    drawn = _enlarged(ink, steps + 1)
    for step in range(steps):
        level, upright = dilation(drawn, 3, 1), dilation(drawn, 3, 0)
        drawn = dilation(level, 3, 0) if step % 2 else np.maximum(level, upright)
    return drawn


def _enlarged(ink: Grey, margin: int) -> Grey:
    """`ink` at DRAWN pixels, with so many pixels of nothing around it."""
    ratio = DRAWN / max(ink.shape)
    size = (max(1, round(ink.shape[1] * ratio)), max(1, round(ink.shape[0] * ratio)))
    return np.pad(np.asarray(Image.fromarray(ink).resize(size, Image.Resampling.BILINEAR)), margin)
