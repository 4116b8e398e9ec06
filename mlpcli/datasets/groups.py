"""Groups of strokes, and the one that is a character: not a speck, nor a hand, a shadow or a desk at the border."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mlpcli.datasets.components import label
from mlpcli.datasets.ground import border
from mlpcli.datasets.images import Grey
from mlpcli.datasets.morphology import dilation, erosion

Mask = npt.NDArray[np.bool_]

SMALLEST = 0.012  # of the picture's longer side: what is smaller is no character
LINE = 7.0  # times as long as wide: a line, and where it is not upright no character
FAINTEST = 0.045  # ink: less is a blank page's


class Group(NamedTuple):
    """pixels: (height, width) bool; score: how conspicuous it is."""

    pixels: Mask
    score: float


def main_group(ink: Grey, mask: Mask, noise: float, plausible: Grey | None = None) -> Group | None:
    """The pixels of `mask` that belong to the most conspicuous character, or None.

    plausible: (height, width), 0 to 1, how likely a character is in such surroundings, where that is known.
    """
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
    boxes = joined.boxes + np.array([1, 1, -1, -1]) * (reach // 2)
    sizes = np.maximum(boxes[:, 2:] - boxes[:, :2], 1)
    longer = sizes.max(axis=1)
    contact = np.bincount(border(joined.labels), minlength=n)[1:]  # within reach
    clear = np.minimum(contrast / max(noise, 1e-3), 25.0) - 4.0
    score = np.maximum(clear, 0.0) * longer * contrast
    outline = mask & ~erosion(erosion(mask, 3, 0), 3, 1)
    at_border = contact / np.maximum(np.bincount(joined.labels[outline], minlength=n)[1:], 1)
    score *= np.where(contact == 0, 1.0, np.clip(1.0 - 5.0 * at_border, 0.03, 0.6))
    score *= np.clip(1.6 - 1.6 * contact / longer, 0.1, 1.0)
    lines, level = _lines(mask, joined.labels, n)
    score *= np.where(lines & (level | (contact > 0)), 0.2, 1.0)
    if plausible is not None:
        around = (joined.labels > 0) & ~mask
        of = joined.labels[around]
        score *= np.bincount(of, plausible[around], n)[1:] / np.maximum(np.bincount(of, minlength=n)[1:], 1)
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2 / np.array([width, height]) - 0.5
    score *= 1.0 - 0.7 * np.hypot(middle[:, 0], middle[:, 1])
    score[(longer < SMALLEST * max(mask.shape)) | (contrast < FAINTEST)] = 0.0
    best = int(np.argmax(score))
    if score[best] <= 0:
        return None
    kept = np.zeros(n, bool)
    kept[best + 1] = True
    box = boxes[best].copy()
    for _ in range(2):
        gap = np.maximum(boxes[:, :2] - box[2:], box[:2] - boxes[:, 2:]).max(axis=1)
        size = (box[2:] - box[:2]).max()
        belongs = (gap < 0.13 * size) & (longer > 0.1 * size) & (longer < 1.2 * size)
        belongs &= (contrast > 0.4 * contrast[best]) & (contrast < 1.45 * contrast[best])
        belongs &= (contact == 0) | ((at_border < 0.15) & ~lines)
        kept[1:] |= belongs
        box = np.concatenate([boxes[kept[1:], :2].min(axis=0), boxes[kept[1:], 2:].max(axis=0)])
    return Group(kept[joined.labels] & mask, float(score[best]))


def without_frame(mask: Mask) -> Mask:
    """`mask` without a frame around the picture, such as a scanner's dark border: lines on all four sides."""
    rest = mask.copy()
    for at in range(min(mask.shape) // 10):  # thicker, it is a character cut to its edges
        inner = rest[at : len(mask) - at, at : mask.shape[1] - at]
        if min(side.mean() for side in (inner[0], inner[-1], inner[:, 0], inner[:, -1])) < 0.9:
            return rest
        inner[[0, -1]], inner[:, [0, -1]] = False, False
    return mask


def _lines(mask: Mask, labels: npt.NDArray[np.int32], n: int) -> tuple[Mask, Mask]:
    """Of each of the n - 1 groups whether it is straight and thin, and whether it is more level than upright."""
    y, x = np.nonzero(mask)
    of = labels[y, x]
    counts = np.maximum(np.bincount(of, minlength=n), 1)
    dx, dy = (each - (np.bincount(of, each, n) / counts)[of] for each in (x, y))
    xx, yy, xy = (np.bincount(of, product, n)[1:] / counts[1:] for product in (dx * dx, dy * dy, dx * dy))
    # The variances along and across its longest direction.
    middle, apart = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    return (middle - apart) * LINE**2 < middle + apart, xx > yy


def contrasting(ink: Grey, noise: float) -> Mask:
    """What stands out from the noise, at half of how far its own group does."""
    mask = ink > max(3.5 * noise, 0.03)
    return _upper(ink, mask, label(mask).labels)


def _upper(ink: Grey, mask: Mask, labels: npt.NDArray[np.int32]) -> Mask:
    """The pixels of `mask` that have more than half the ink of the stronger ones of their group."""
    of, values = labels[mask], ink[mask]
    n = int(of.max(initial=0)) + 1
    mean = np.bincount(of, values, n) / np.maximum(np.bincount(of, minlength=n), 1)
    strong = values > mean[of]
    full = np.bincount(of[strong], values[strong], n) / np.maximum(np.bincount(of[strong], minlength=n), 1)
    result = np.zeros_like(mask)
    result[mask] = values > 0.5 * full[of]
    return result


def is_part(group: Group, whole: Group, ink: Grey) -> bool:
    """Whether a group is a piece of another one, all of which is equally strong ink, such as the end of a bold stroke.

    Ink in a shadow is stronger than the shadow.
    """
    rest = whole.pixels & ~group.pixels
    shared = np.count_nonzero(group.pixels & whole.pixels)
    if shared < 0.5 * np.count_nonzero(group.pixels) or np.count_nonzero(rest) < 0.1 * shared:
        return False
    return float(np.median(ink[rest])) > 0.8 * float(np.median(ink[group.pixels]))


def widest_square(mask: Mask, most: int) -> int:
    """The side of the largest square within a mask, pixels, rounded up by a sixth at most; no more than `most`."""
    side = 3
    while side < most:
        inside = erosion(erosion(mask, side, 0), side, 1)
        if not inside.any():
            return side
        side = int(1.17 * side) + 1
    return most
