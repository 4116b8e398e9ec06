"""The characters on a photographed page: each one's box and picture, in reading order.

What differs from the paper is cut into groups of connected pixels; the groups that are parts of one character are
joined, those of several characters are parted, all sizes being judged by the characters around. The centres of the
characters then tell the lines of writing.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from mlpcli.datasets import strokes
from mlpcli.datasets.components import Components, label
from mlpcli.datasets.images import Grey, measure_image, read_image
from mlpcli.datasets.strokes import Frame, fit
from mlpcli.errors import DamagedFileError

READ_SIZE = 2000  # pixels of the longer side: a character of a hundredth of it still has 20
STROKE_WIDTH = 0.08  # of the longer side: what is wider belongs to the ground
SMALLEST = 8  # pixels: less is no character that could be read

Boxes = npt.NDArray[np.int64]  # (n, 4): left, top, right, bottom; right and bottom are one beyond
Floats = npt.NDArray[np.float64]


class Character(NamedTuple):
    """A character on a page.

    box: left, top, right, bottom in pixels of the upright picture in full size; right and bottom are one beyond.
    line: the line of writing that it is in, from 0, top to bottom.
    after_space: whether there is a wider gap before it, or it is the first of its line.
    seen: (height, width) float32, 0 to 1, light on dark: what the network should see.
    """

    box: tuple[int, int, int, int]
    line: int
    after_space: bool
    seen: Grey


def find_characters(path: str | Path, shape: tuple[int, int], frame: Frame) -> list[Character]:
    """The characters on the page that the picture in a file shows, in reading order.

    UsageError where there is no such file, DamagedFileError for a file that is no picture or shows no characters.
    """
    image = read_image(path, READ_SIZE)
    full_height, full_width, _ = measure_image(path)
    ink = _ink(image)
    pieces = label(ink > 0.5)
    groups = _characters(pieces)
    if not groups:
        raise DamagedFileError(f"{path}: no characters found; give a picture of a page with writing on it")
    scale = np.array([full_width / image.width, full_height / image.height] * 2)
    found = []
    for number, line in enumerate(_lines(np.array([_around(pieces.boxes[g]) for g in groups]))):
        boxes = np.array([_around(pieces.boxes[groups[i]]) for i in line])
        for i, box, spaced in zip(line, boxes, _spaced(boxes), strict=True):
            left, top, right, bottom = (int(edge) for edge in np.rint(box * scale))
            seen = fit(_cut(ink, pieces, groups[i]), shape, frame)
            found.append(Character((left, top, right, bottom), number, bool(spaced), seen))
    return found


def _ink(image: "Image.Image") -> Grey:
    """How much of a stroke each pixel is, (height, width) from 0 to 1."""
    grey = strokes._filtered(strokes._grey(image), ImageFilter.MedianFilter(3))
    window = max(3, round(STROKE_WIDTH * max(grey.shape)))
    dark, light = -strokes._opening(-grey, window), strokes._opening(grey, window)
    if strokes._change(dark) <= strokes._change(light):
        away = (dark - grey) * (dark.max() / np.maximum(dark, 0.2 * dark.max() + 1.0))
    else:
        away = grey - light
    away -= np.median(away)
    noise = 1.4826 * float(np.median(np.abs(away)))
    low = max(6.0, 4.0 * noise)
    if float(away.max()) < 2 * low:
        return np.zeros_like(grey)
    full = max(float(np.quantile(away[away > low], 0.75)), 2 * low)
    return np.clip((away - 0.2 * full) / (0.8 * full), 0.0, 1.0).astype(np.float32)


def _around(boxes: Boxes) -> Boxes:
    """The box around boxes."""
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


def _cut(ink: Grey, pieces: Components, group: list[int]) -> Grey:
    """The ink of a character alone, with the soft edges of its strokes."""
    left, top, right, bottom = _around(pieces.boxes[group])
    area = slice(max(top - 2, 0), bottom + 2), slice(max(left - 2, 0), right + 2)
    mine = np.isin(pieces.labels[area], np.array(group) + 1)
    near = strokes._near(mine)
    return np.where(near & (mine | (pieces.labels[area] == 0)), ink[area], 0.0).astype(np.float32)


def _characters(pieces: Components) -> list[list[int]]:
    """The pieces of each character."""
    boxes = pieces.boxes
    sizes = boxes[:, 2:] - boxes[:, :2]
    height, width = pieces.labels.shape
    inside = (boxes[:, 0] > 0) & (boxes[:, 1] > 0) & (boxes[:, 2] < width) & (boxes[:, 3] < height)
    likely = inside & (sizes[:, 1] >= SMALLEST) & (sizes[:, 0] < 4 * sizes[:, 1]) & (sizes[:, 1] < 0.7 * height)
    if not likely.any():
        return []
    typical = _typical(sizes[likely, 1], pieces.areas[likely])
    kept = likely & (sizes[:, 1] > 0.15 * typical) & (sizes[:, 1] < 2.5 * typical)
    groups = [[int(i)] for i in np.flatnonzero(kept)]
    groups = _joined(groups, boxes, typical)
    return [g for g in groups if _around(boxes[g])[3] - _around(boxes[g])[1] > 0.4 * typical]


def _typical(heights: npt.NDArray[Any], weights: npt.NDArray[Any]) -> float:
    """The weighted median."""
    order = np.argsort(heights)
    share = np.cumsum(weights[order])
    return float(heights[order][np.searchsorted(share, share[-1] / 2)])


def _joined(groups: list[list[int]], boxes: Boxes, typical: float) -> list[list[int]]:
    """Pieces one above the other, close and together no larger than a character, are one."""
    while True:
        around = np.array([_around(boxes[g]) for g in groups])
        left, top, right, bottom = around.T
        overlap = np.minimum(right, right[:, None]) - np.maximum(left, left[:, None])
        gap = np.maximum(top, top[:, None]) - np.minimum(bottom, bottom[:, None])
        narrow = np.minimum(right - left, (right - left)[:, None])
        tall = np.maximum(bottom, bottom[:, None]) - np.minimum(top, top[:, None])
        wide = np.maximum(right, right[:, None]) - np.minimum(left, left[:, None])
        fits = (tall < 1.4 * typical) & (wide < 1.4 * typical)
        close = (overlap >= 0.5 * narrow) & (gap < 0.3 * typical) & fits
        np.fill_diagonal(close, False)
        if not close.any():
            return groups
        cost = np.where(close, gap, np.inf)
        i, j = np.unravel_index(np.argmin(cost), cost.shape)
        groups[i] = groups[i] + groups[j]
        del groups[j]


def _lines(boxes: Boxes) -> list[list[int]]:
    """Numbers of the characters in each line, left to right, lines from top to bottom."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    typical = float(np.median(boxes[:, 3] - boxes[:, 1]))
    level = _levels(centres, typical)
    order = np.argsort(level)
    breaks = np.flatnonzero(np.diff(level[order]) > 0.5 * typical) + 1
    return [[int(i) for i in line[np.argsort(centres[line, 0])]] for line in np.split(order, breaks)]


def _levels(centres: Floats, typical: float) -> Floats:
    """The height of each centre, lines of writing made level: of all slopes, at top and bottom, the sharpest lines."""
    x = centres[:, 0] - centres[:, 0].mean()
    y = centres[:, 1] - centres[:, 1].mean()
    reach = max(float(np.abs(y).max()), 1.0)
    best, level = -np.inf, y
    for slope in np.arange(-0.24, 0.25, 0.01):
        for fan in np.arange(-0.08, 0.081, 0.02):
            flat = (y - slope * x) / (1 + fan / reach * x)
            near = np.abs(flat - flat[:, None]) / (0.25 * typical)
            score = float(np.maximum(1 - near, 0).sum()) - len(x) * 0.1 * (abs(slope) + abs(fan))
            if score > best:
                best, level = score, flat
    return level


def _spaced(boxes: Boxes) -> npt.NDArray[np.bool_]:
    """Whether there is a space before each character of a line."""
    gaps = boxes[1:, 0] - boxes[:-1, 2]
    typical = float(np.median(boxes[:, 3] - boxes[:, 1]))
    usual = float(np.quantile(gaps, 0.3)) if len(gaps) else 0.0
    return np.concatenate([[True], gaps > usual + 0.5 * typical])
