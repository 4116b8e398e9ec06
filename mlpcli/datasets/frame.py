"""Where training pictures have their characters, and others put there: the recipe of MNIST, in any proportion.

LeCun et al. 1998: light strokes on a dark ground, the aspect ratio kept, fitted with anti-aliasing into a box of
20 x 20, and placed so that its centre of mass is the centre of 28 x 28.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from mlpcli.datasets.images import Grey
from mlpcli.datasets.pen import stroke_width

MNIST_STROKE = 0.124  # for networks that were saved before it was measured
SEEN = 0.1  # share of the brightest: less does not count as drawn


class Frame(NamedTuple):
    """How the pictures that a network was trained on are placed: shares of the height and width.

    box: the longer side of what is drawn. centre: its centre of mass, (y, x). MNIST has 20/28 and about 14.5/28.
    stroke: the mean width of strokes, as a share of that longer side.
    """

    box: float
    centre: tuple[float, float]
    stroke: float = MNIST_STROKE


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
    stroke = float(np.median(stroke_width(some) / np.maximum(tall, wide)))
    return Frame(box, (float(np.median(y)) / height, float(np.median(x)) / width), min(stroke, 1.0))


def extent(ink: Grey) -> tuple[slice, slice]:
    """The rows and columns that what is drawn takes up; something must be."""
    seen = ink > SEEN
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _centre_of_mass(ink: Grey) -> tuple[float, float]:
    """(y, x) in pixels from the upper left corner of the picture."""
    mass = float(ink.sum())
    y = float((ink.sum(axis=1) * (np.arange(ink.shape[0]) + 0.5)).sum()) / mass
    x = float((ink.sum(axis=0) * (np.arange(ink.shape[1]) + 0.5)).sum()) / mass
    return y, x


def is_framed(ink: Grey, frame: Frame) -> bool:
    """Whether strokes are where training pictures have theirs."""
    longest = max((s.stop - s.start) / side for s, side in zip(extent(ink), ink.shape, strict=True))
    if longest > frame.box + 0.5 / max(ink.shape) or longest < frame.box - 3 / max(ink.shape):
        return False
    return all(
        abs(at - side * centre) <= 1.0
        for at, side, centre in zip(_centre_of_mass(ink), ink.shape, frame.centre, strict=True)
    )


def fit(ink: Grey, shape: tuple[int, int], frame: Frame) -> Grey:
    """Strokes scaled into the frame's box, aspect kept, and centred by mass: (height, width) of `shape`, 0 to 1."""
    cut = ink[extent(ink)]
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
