"""Groups of connected pixels in a large mask, labelled by runs: pixels one after another in a row."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.int64]


class Components(NamedTuple):
    """The connected groups of a mask's pixels, n of them, in the order of their first pixel, row by row.

    labels: (height, width) int32, 0 for the ground, k + 1 for pixels of group k.
    boxes: (n, 4) int64, left, top, right, bottom; right and bottom are one beyond.
    areas: (n,) int64, pixels.
    """

    labels: npt.NDArray[np.int32]
    boxes: Whole
    areas: Whole


def label(mask: npt.NDArray[np.bool_]) -> Components:
    """The groups of the pixels of `mask` (height, width) that touch, at a side or a corner."""
    height, width = mask.shape
    # A column of ground on both sides, so that no run goes on in the next row, nor touches what is there.
    stride = width + 2
    flat = np.zeros(height * stride + 1, np.int8)
    flat[:-1].reshape(height, stride)[:, 1:-1] = mask
    changes = np.flatnonzero(np.diff(flat)) + 1
    starts, ends = changes[0::2], changes[1::2]
    group = _joined(len(starts), *_touching(starts, ends, stride))
    tops, lefts = np.divmod(starts, stride)
    lengths = ends - starts
    n = int(group.max(initial=-1)) + 1
    boxes = np.empty((n, 4), np.int64)
    boxes[:, :2] = max(height, width)
    boxes[:, 2:] = 0
    np.minimum.at(boxes[:, 0], group, lefts - 1)
    np.minimum.at(boxes[:, 1], group, tops)
    np.maximum.at(boxes[:, 2], group, lefts - 1 + lengths)
    np.maximum.at(boxes[:, 3], group, tops + 1)
    labels = np.zeros((height, width), np.int32)
    labels[mask] = np.repeat((group + 1).astype(np.int32), lengths)
    return Components(labels, boxes, np.bincount(group, lengths, n).astype(np.int64))


def _touching(starts: Whole, ends: Whole, stride: int) -> tuple[Whole, Whole]:
    """The pairs of runs, the first of each just above the second, that touch."""
    first = np.searchsorted(ends, starts + stride, side="left")
    beyond = np.searchsorted(starts, ends + stride, side="right")
    counts = np.maximum(beyond - first, 0)
    above = np.repeat(np.arange(len(starts)), counts)
    nth = np.arange(len(above)) - np.repeat(np.cumsum(counts) - counts, counts)
    return above, first[above] + nth


def _joined(n: int, one: npt.NDArray[Any], other: npt.NDArray[Any]) -> Whole:
    """A number for each of n things, from 0 in order of appearance, the same for what the pairs join.

    Each thing points to an earlier one of its group or to itself. Of a pair, the later root is made to point to
    the earlier one, and every pointer is followed to its end, until the two of every pair have one root.
    """
    root = np.arange(n)
    while True:
        a, b = root[one], root[other]
        differ = a != b
        if not differ.any():
            break
        one, other, a, b = one[differ], other[differ], a[differ], b[differ]
        np.minimum.at(root, np.maximum(a, b), np.minimum(a, b))
        while (root[root] != root).any():
            root = root[root]
    return np.unique(root, return_inverse=True)[1].reshape(-1).astype(np.int64)
