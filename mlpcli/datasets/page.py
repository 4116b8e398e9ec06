"""The characters on a photographed page: each one's box and picture, in reading order.

What differs from the paper is cut into groups of connected pixels; the groups that are parts of one character are
joined, those of several characters are parted, all sizes being judged by the characters around. The places of the
characters tell the lines of writing.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from mlpcli.datasets.components import Components, label
from mlpcli.datasets.frame import SEEN, Frame, extent
from mlpcli.datasets.ground import Pixels, filtered, grey_of, off_the_ground
from mlpcli.datasets.images import Grey, measure_image, read_image
from mlpcli.datasets.lines import lines_of_writing, spaces
from mlpcli.datasets.morphology import closing, dilation
from mlpcli.datasets.page_rules import without_rules
from mlpcli.datasets.pen import stroke_width
from mlpcli.datasets.strokes import SMALL, as_trained, prepare, strokes
from mlpcli.errors import DamagedFileError

READ_SIZE = 2000  # pixels of the longer side: a character of a hundredth of it still has 20
STROKE_WIDTH = 0.08  # of the longer side: what is wider belongs to the ground
CLEAR_SKEW = 0.25  # from 0 to 1: less, and it is seen which of dark and light writing gives more characters
LEAST_INK = 6 / 255  # of the light
SMALLEST = 8  # pixels: less is no character that could be read
INKED = (0.3, 0.5, 0.7)  # of the typical ink: more for what hangs together
FAINTEST = 0.55  # of the typical ink: what is fainter is not written
DARKEST = 0.3  # of the light of the ground that is written on: what is darker is beyond the page
SHADOW = 0.5  # of that light: what is lighter is on the page
SPECK = 0.4  # of the typical height in a line: what is lower is a point, comma or speck
HIGHER = 1.6  # times as high as a comma beside it is a character
LOWEST_PART = 0.6  # of the typical height: what is lower is not cut off from what it touches
JOINED_IF_SURE = 0.9  # of 1
SURROUNDINGS = 0.35  # of a character's size, looked at around it
MOST_CLUTTER = 0.7  # times its own ink: seen were up to 0.4 on paper, and 1.4 and more on grained wood
FEW = 8  # characters: fewer may be bits of a single one that fills the picture
FILLING = 0.4  # of the picture's height: what is higher fills it; a page has no character as high
MOST = 4000  # pieces that are looked at, the largest; a page has hundreds

Boxes = npt.NDArray[np.int64]  # (n, 4): left, top, right, bottom; right and bottom are one beyond
Floats = npt.NDArray[np.float64]
Box = tuple[int, int, int, int]
Confidence = Callable[[Grey], npt.NDArray[np.floating]]


class Character(NamedTuple):
    """A character on a page.

    box: left, top, right, bottom in pixels of the upright picture in full size; right and bottom are one beyond.
    line: the line of writing that it is in, from 0, top to bottom.
    after_space: whether there is a wider gap before it, or it is the first of its line.
    seen: (height, width) float32, 0 to 1, light on dark: what the network should see.
    """

    box: Box
    line: int
    after_space: bool
    seen: Grey


class Glyph(NamedTuple):
    """The ink of one character, (height, width) from 0 to 1, and the place of its upper left corner on the page."""

    left: int
    top: int
    ink: Grey

    @property
    def box(self) -> Box:
        return self.left, self.top, self.left + self.ink.shape[1], self.top + self.ink.shape[0]


def find_characters(
    path: str | Path, shape: tuple[int, int], frame: Frame, confidence: Confidence | None = None
) -> list[Character]:
    """The characters on the page that the picture in a file shows, in reading order.

    confidence: of pictures like `seen`, (n, height, width), how sure (n,) from 0 to 1 the network is of each: with
    it, strokes are joined to characters, and parted, as the network knows them, and not by their sizes alone.

    A picture as small as those in training, or that a single character fills, is that character.

    UsageError where there is no such file, DamagedFileError for a file that is no picture or shows no characters.
    """
    image = read_image(path, READ_SIZE)
    full_height, full_width, _ = measure_image(path)
    glyphs = _found(image) if max(image.size) > SMALL else []
    scale = np.array([full_width / image.width, full_height / image.height] * 2)
    if len(glyphs) < FEW:
        alone = _alone(path, (full_height, full_width), shape, frame)
        if alone is not None and _is_of(alone.box, np.array([glyph.box for glyph in glyphs]).reshape(-1, 4) * scale):
            return [alone]
        if not glyphs:
            raise DamagedFileError(f"{path}: no characters found; give a picture of a page with writing on it")
    found: list[Character] = []
    judge = None if confidence is None else _Judge(confidence, shape, frame)
    for line in _in_lines(glyphs, judge):
        boxes = np.array([glyph.box for glyph in line])
        for glyph, box, spaced in zip(line, np.rint(boxes * scale).astype(int), spaces(boxes), strict=True):
            left, top, right, bottom = box.tolist()
            number = found[-1].line + (glyph is line[0]) if found else 0
            seen = as_trained(glyph.ink, shape, frame)
            found.append(Character((left, top, right, bottom), number, bool(spaced), seen))
    return found


def _alone(path: str | Path, full: tuple[int, int], shape: tuple[int, int], frame: Frame) -> Character | None:
    """The character that fills a picture, which is (height, width) of `full` in full size."""
    image = read_image(path, colour=True)
    ink = strokes(image)
    rows, columns = extent(ink) if (ink > SEEN).any() else (slice(0, 0), slice(0, 0))
    # What is lower stands on a page, where it would have been found: it is a rule, or dirt.
    if rows.stop - rows.start < FILLING * image.height:
        return None
    y, x = full[0] / image.height, full[1] / image.width
    left, right = (round(edge * x) for edge in (columns.start, columns.stop))
    top, bottom = (round(edge * y) for edge in (rows.start, rows.stop))
    return Character((left, top, right, bottom), 0, True, prepare(image, shape, frame))


def _is_of(whole: Box, boxes: npt.NDArray[np.floating]) -> bool:
    """Whether boxes (n, 4) are bits of the character in a box: all inside, and none nearly as high."""
    left, top, right, bottom = whole
    slack = 0.05 * (bottom - top)
    inside = (boxes[:, :2] > (left - slack, top - slack)).all() and (
        boxes[:, 2:] < (right + slack, bottom + slack)
    ).all()
    return bool(inside and (boxes[:, 3] - boxes[:, 1] < 0.7 * (bottom - top)).all())


def _found(image: "Image.Image") -> list[Glyph]:
    """The characters, dark on paper or light on a board; or several of them that touch."""
    grey = filtered(grey_of(image), ImageFilter.MedianFilter(3))
    skew = _skew(grey)
    if abs(skew) > CLEAR_SKEW:
        return _glyphs(_ink(grey, skew < 0))
    on_paper, on_board = (_glyphs(_ink(grey, dark)) for dark in (True, False))
    # Paper is nearly as light as what is lightest, a board is not.
    paper = float(np.median(grey)) / max(float(np.quantile(grey, 0.995)), 1.0)
    is_paper = len(on_paper) * (0.3 + 0.7 * paper) ** 3 >= len(on_board) * (1.0 - 0.7 * paper) ** 3
    return on_paper if is_paper else on_board


def _skew(grey: Pixels) -> float:
    """From -1 to 1: below 0 where few pixels are much darker than those around them, above where few are lighter.

    On both sides of an edge, as between paper and desk, pixels differ alike.
    """
    away = grey.astype(np.float32) - filtered(grey, ImageFilter.BoxBlur(STROKE_WIDTH / 2 * max(grey.shape)))
    cubes = away**3
    return float(cubes.sum()) / max(float(np.abs(cubes).sum()), 1.0)


def _ink(grey: Pixels, dark: bool) -> Grey:
    """How much of a stroke each pixel is, (height, width) from 0 to 1; of strokes darker or lighter than the ground."""
    ink = off_the_ground(grey, STROKE_WIDTH, dark)
    low = max(LEAST_INK, 4.0 * ink.noise)
    if float(ink.values.max()) < 2 * low:
        return np.zeros(grey.shape, np.float32)
    values = without_rules(ink.values, low)
    ground = closing(grey, max(3, round(STROKE_WIDTH * max(grey.shape)))) if dark else np.full_like(grey, 255)
    typical = _typical_strokes(values, ground, low)
    full = max(typical.ink, 2 * low)
    light = ground / np.float32(max(typical.ground, 1.0))
    values *= np.clip((light - DARKEST) / (SHADOW - DARKEST), 0.0, 1.0)
    return np.asarray(np.clip((values - 0.2 * full) / (0.8 * full), 0.0, 1.0), np.float32)


class _Typical(NamedTuple):
    """ink: of the strokes, as a share of the light. ground: the grey value of what they are on."""

    ink: float
    ground: float


def _typical_strokes(ink: Grey, ground: Pixels, low: float) -> _Typical:
    """What is strong and on a light ground weighs more: paper is lighter than the desk that it lies on."""
    pieces = label(ink > low)
    strength, energy = _strength(ink, pieces)
    likely = (pieces.boxes[:, 3] - pieces.boxes[:, 1] >= SMALLEST) & _is_written(pieces)
    if not likely.any():
        return _Typical(0.0, 0.0)
    left, top, right, bottom = pieces.boxes[likely].T
    beneath = ground[(top + bottom) // 2, (left + right) // 2].astype(np.float64)
    weights = (energy * strength)[likely] * beneath**3
    return _Typical(_typical(strength[likely], weights), _typical(beneath, weights))


def _strength(ink: Grey, pieces: Components) -> tuple[Floats, Floats]:
    """The ink of each piece, the stronger pixels counting more, and the sum of its squares."""
    inked = pieces.labels > 0
    numbers, values = pieces.labels[inked] - 1, ink[inked]
    energy = np.bincount(numbers, values**2).astype(np.float64)
    return energy / np.maximum(np.bincount(numbers, values), 1e-9), energy


def _is_written(pieces: Components) -> npt.NDArray[np.bool_]:
    """Whether each piece may be strokes of a character: not a blob, nor at the border of the picture."""
    height, width = pieces.labels.shape
    boxes = pieces.boxes
    inside = (boxes[:, 0] > 0) & (boxes[:, 1] > 0) & (boxes[:, 2] < width) & (boxes[:, 3] < height)
    # A stroke of width w and length l has an area of w l and an outline of about 2 l.
    padded = np.pad(pieces.labels, 1)
    outline = np.zeros(len(boxes) + 1, np.int64)
    for axis in (0, 1):
        edge = np.diff(padded, axis=axis) != 0
        before, after = (padded[:-1], padded[1:]) if axis == 0 else (padded[:, :-1], padded[:, 1:])
        for side in (before[edge], after[edge]):
            outline += np.bincount(side, minlength=len(outline))
    stroke = 2 * pieces.areas / (0.8 * outline[1:])  # an outline in steps is longer than a smooth one
    return np.asarray(inside & (stroke < 0.4 * (boxes[:, 2:] - boxes[:, :2]).max(axis=1)))


def _around(boxes: Boxes) -> Boxes:
    """The box around boxes."""
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


def _glyphs(ink: Grey) -> list[Glyph]:
    """The characters, or several of them that touch."""
    mask, hanging = np.zeros(ink.shape, np.bool_), np.ones(ink.shape, np.bool_)
    for threshold in INKED:
        mask[hanging] = ink[hanging] > threshold
        pieces = label(mask)
        boxes = pieces.boxes
        widths, heights = (boxes[:, 2:] - boxes[:, :2]).T
        written = _is_written(pieces) & (heights < 0.7 * len(ink)) & (_strength(ink, pieces)[0] > FAINTEST)
        likely = written & (heights >= SMALLEST) & (widths < 4 * heights)
        if not likely.any():
            return []
        typical = _typical(heights[likely], pieces.areas[likely])
        # What is too large may be characters that hang together by a shadow.
        large = (heights > 2 * typical) | (widths > 5 * typical)
        if not large.any():
            break
        hanging = np.concatenate([[False], large])[pieces.labels]
    kept = np.flatnonzero(written & (heights > 0.1 * typical) & (heights < 2.5 * typical) & (widths < 10 * typical))
    kept = kept[np.argsort(pieces.areas[kept])[-MOST:]]
    glyphs = []
    for group in _joined(kept, boxes, typical):
        left, top, right, bottom = _around(boxes[group])
        if bottom - top > 0.4 * typical:
            mine = np.isin(pieces.labels[top:bottom, left:right], group + 1)
            glyphs.append(Glyph(int(left), int(top), np.where(mine, ink[top:bottom, left:right], 0.0)))
    return _on_paper(ink, glyphs)


def _on_paper(ink: Grey, glyphs: list[Glyph]) -> list[Glyph]:
    """Those glyphs around which there is little ink that is no glyph's: beyond the sheet, all is full of it, as the
    grain of a desk.
    """
    clean = np.zeros(ink.shape, bool)
    for glyph in glyphs:
        height, width = glyph.ink.shape
        clean[glyph.top : glyph.top + height, glyph.left : glyph.left + width] |= glyph.ink > 0
    clean = dilation(dilation(clean, 5, 0), 5, 1)  # soft edges
    clutter = np.pad(((ink > INKED[1]) & ~clean).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    kept = []
    for glyph in glyphs:
        height, width = glyph.ink.shape
        around = round(SURROUNDINGS * max(height, width))
        top, left = max(0, glyph.top - around), max(0, glyph.left - around)
        bottom, right = (
            min(at, side)
            for at, side in zip((glyph.top + height + around, glyph.left + width + around), ink.shape, strict=True)
        )
        beside = clutter[bottom, right] - clutter[top, right] - clutter[bottom, left] + clutter[top, left]
        if beside < MOST_CLUTTER * (glyph.ink > 0.3).sum():
            kept.append(glyph)
    return kept


def _typical(values: npt.NDArray[Any], weights: npt.NDArray[Any]) -> float:
    """The weighted median."""
    order = np.argsort(values)
    share = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(share, share[-1] / 2)])


def _joined(numbers: npt.NDArray[np.int64], boxes: Boxes, typical: float) -> list[npt.NDArray[np.int64]]:
    """The pieces of each character: those one above the other, close, and together no larger than a character."""
    left, top, right, bottom = boxes[numbers].T
    overlap = np.minimum(right, right[:, None]) - np.maximum(left, left[:, None])
    gap = np.maximum(top, top[:, None]) - np.minimum(bottom, bottom[:, None])
    narrow = np.minimum(right - left, (right - left)[:, None])
    one, other = np.nonzero(np.triu((overlap >= 0.5 * narrow) & (gap < 0.3 * typical), 1))
    order = np.argsort(gap[one, other], kind="stable")
    owner = np.arange(len(numbers))
    for i, j in zip(one[order], other[order], strict=True):
        both = (owner == owner[i]) | (owner == owner[j])
        around = _around(boxes[numbers[both]])
        if owner[i] != owner[j] and max(around[2:] - around[:2]) < 1.4 * typical:
            owner[both] = owner[i]
    return [numbers[owner == at] for at in np.unique(owner)]


class _Judge:
    """How sure the network is of glyphs."""

    def __init__(self, confidence: Confidence, shape: tuple[int, int], frame: Frame) -> None:
        self._confidence, self._shape, self._frame = confidence, shape, frame

    def __call__(self, *glyphs: Glyph) -> list[float]:
        seen = np.stack([as_trained(glyph.ink, self._shape, self._frame) for glyph in glyphs])
        return [float(sure) for sure in self._confidence(seen)]


def _in_lines(glyphs: list[Glyph], judge: _Judge | None) -> list[list[Glyph]]:
    """The glyphs of each line of writing, left to right, those that touch parted, specks left out."""
    glyphs = _without_commas(glyphs)
    result = []
    for numbers in lines_of_writing(np.array([glyph.box for glyph in glyphs])):
        line = [glyphs[i] for i in numbers]
        typical = float(np.quantile([glyph.ink.shape[0] for glyph in line], 0.6))
        if judge is not None:
            line = _completed(line, typical, judge)
        line = [glyph for glyph in line if glyph.ink.shape[0] > SPECK * typical]
        result.append([part for glyph in line for part in _parted(glyph, typical, judge)])
    return [line for line in result if line]


def _without_commas(glyphs: list[Glyph]) -> list[Glyph]:
    """The glyphs but for those that stand low beside a much higher one: of a bold pen, commas are as high as digits."""
    left, top, right, bottom = np.array([glyph.box for glyph in glyphs]).reshape(-1, 4).T
    height = bottom - top
    beside = np.maximum(left, left[:, None]) - np.minimum(right, right[:, None]) < 0.5 * height
    low = (
        (top[:, None] > top + 0.7 * height)
        & (bottom[:, None] > bottom - 0.1 * height)
        & (bottom[:, None] < bottom + 0.6 * height)
    )
    commas = (beside & low & (height > HIGHER * height[:, None])).any(axis=1)
    return [glyph for glyph, is_comma in zip(glyphs, commas, strict=True) if not is_comma]


def _completed(line: list[Glyph], typical: float, judge: _Judge) -> list[Glyph]:
    """Neighbours joined that all but touch and together are a character that the network knows."""
    whole = line[:1]
    for glyph in line[1:]:
        last = whole[-1]
        both = _together(last, glyph)
        near = glyph.left - (last.left + last.ink.shape[1]) < 0.1 * typical
        if near and max(both.ink.shape) < 1.4 * typical and both.ink.shape[1] < 1.1 * typical:
            sure, *apart = judge(both, last, glyph)
            if sure > JOINED_IF_SURE and sure > min(apart):
                whole[-1] = both
                continue
        whole.append(glyph)
    return whole


def _together(one: Glyph, other: Glyph) -> Glyph:
    left, top, right, bottom = _around(np.array([one.box, other.box])).tolist()
    ink = np.zeros((bottom - top, right - left), np.float32)
    for glyph in (one, other):
        x, y = glyph.left - left, glyph.top - top
        area = ink[y : y + glyph.ink.shape[0], x : x + glyph.ink.shape[1]]
        np.maximum(area, glyph.ink, out=area)
    return Glyph(left, top, ink)


def _parted(glyph: Glyph, typical: float, judge: _Judge | None) -> list[Glyph]:
    """The characters of a glyph: cut where the least ink is crossed, if it is too wide for one of `typical` height."""
    height, width = glyph.ink.shape
    wide = width / max(typical, 0.75 * height)
    if wide < (1.3 if judge is None else 0.8):
        return [glyph]
    path, crossed = _thinnest(glyph.ink, max(2, round(0.25 * min(typical, width / 2))))
    stroke = float(stroke_width(glyph.ink))
    if crossed > stroke * (3.0 if wide > 1.8 else 1.1 if judge is None else 1.3):
        return [glyph]
    right_of = np.arange(width) >= path[:, None]
    parts = []
    for side in (~right_of, right_of):
        part = _cropped(Glyph(glyph.left, glyph.top, np.where(side, glyph.ink, 0.0).astype(np.float32)))
        if part is None or part.ink.shape[0] < LOWEST_PART * typical:
            return [glyph]
        parts += _parted(part, typical, judge)
    if judge is None:
        return parts
    whole, *sure = judge(glyph, *parts)
    if wide < 1.2 and (whole > 0.9 or min(sure) < 0.8):
        return [glyph]
    if wide < 1.8 and whole > 0.9 and crossed > 0.75 * stroke:  # a loop is crossed twice
        return [glyph]
    return parts if whole * max(0.0, min(1.0, 2.2 - wide)) < min(sure) else [glyph]


def _thinnest(ink: Grey, margin: int) -> tuple[npt.NDArray[np.int64], float]:
    """The path from top to bottom that crosses the least ink, how much; the first column right of it in each row."""
    height, width = ink.shape
    x = np.arange(width)
    # Of equal cuts the one nearest the middle.
    cost = ink + 1e-3 + np.where((x < margin) | (x >= width - margin), np.inf, 0.0) + 2e-3 * np.abs(x / width - 0.5)
    steps = np.zeros((height, width), np.int64)
    total = cost[0]
    for row in range(1, height):
        around = np.pad(total, 1, constant_values=np.inf)
        choices = np.stack([around[1:-1], around[:-2] + 0.3e-3, around[2:] + 0.3e-3])
        best = choices.argmin(axis=0)
        steps[row] = np.array([0, -1, 1])[best]
        total = cost[row] + choices[best, x]
    path = np.empty(height, np.int64)
    path[-1] = int(total.argmin())
    for row in range(height - 1, 0, -1):
        path[row - 1] = path[row] + steps[row, path[row]]
    return path, float(ink[np.arange(height), path].sum())


def _cropped(glyph: Glyph) -> Glyph | None:
    seen = glyph.ink > SEEN
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if not len(rows):
        return None
    cut = glyph.ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Glyph(glyph.left + int(columns[0]), glyph.top + int(rows[0]), cut)
