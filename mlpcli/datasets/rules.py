"""Printed lines of ruled and squared paper, found and taken away from under what is written on it."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from mlpcli.datasets.images import Grey
from mlpcli.datasets.morphology import closing, dilation, opening

STRIPS = 64  # pieces that a line is looked for in, across the picture
STEEPEST = 0.27  # tangent of 15 degrees
WIDEST = 0.02  # of the picture's longer side; what is wider is no rule
COVERED = 0.8  # share of a rule's pieces that must be seen: writing may hide some
REACH = 0.45  # of the picture's side: shorter pieces are no rule
NEAR = 3  # strips that may be missing at each end of a rule
SIBLINGS = 3  # so many alike are a ruling, even where they do not cross the whole picture


def without_rules(ink: Grey, noise: float) -> Grey:
    """`ink` (height, width), 0 for the ground, without nearly level and nearly upright lines right across the picture.

    noise: the standard deviation of the ground's ink. Strokes that cross a rule stay whole: where they are darker than
    it they are seen, and where they are not, they are closed from both sides.
    """
    for axis in (0, 1):
        turned = ink if axis == 0 else ink.T
        ink = _without_level_lines(turned, noise)
        ink = ink if axis == 0 else ink.T
    return np.ascontiguousarray(ink)


def _without_level_lines(ink: Grey, noise: float) -> Grey:
    height, width = ink.shape
    widest = max(3, round(WIDEST * max(ink.shape)) | 1)
    if width < STRIPS or height < 3 * widest:
        return ink
    thin = ink - opening(ink, widest + 2, (0,))
    edges = np.linspace(0, width, STRIPS + 1).round().astype(int)
    pooled = np.add.reduceat(thin, edges[:-1], axis=1) / np.diff(edges)
    lines = _lines(pooled, 3.0 * noise / np.sqrt(width / STRIPS), width / STRIPS)
    if not lines.any():
        return ink
    at = np.repeat(lines, np.diff(edges), axis=1)
    # How dark they are: pooled, a tilted line is fainter than it is.
    darkest = np.add.reduceat(dilation(thin, 5, 0), edges[:-1], axis=1) / np.diff(edges)
    level = float(np.median(darkest[lines]))
    # The band of a line: as wide as its darkness adds up to, and a pixel more on both sides.
    across = np.cumsum(np.pad(pooled, ((widest // 2 + 1, widest // 2), (0, 0))), axis=0)
    breadth = float(np.median((across[widest:] - across[:-widest])[lines])) / max(level, 1e-6)
    band = dilation(at, 2 * int(np.ceil(breadth / 2)) + 3, 0)
    rest = np.where(band, 0.0, ink).astype(np.float32)
    bridged = closing(rest, 2 * round(breadth) + 9, (0,))
    crossing = ink > 1.7 * level + 3.0 * noise
    return np.where(band, np.where(crossing, ink, np.minimum(bridged, ink)), ink).astype(np.float32)


def _lines(pooled: npt.NDArray[Any], least: float, strip: float) -> npt.NDArray[np.bool_]:
    """Where rules run: (height, STRIPS), from how dark thin things are in each strip of that many pixels."""
    peak = ((pooled >= np.maximum(dilation(pooled, 3, 0), least)) & (pooled > 0)).T  # a clean ground has no peaks
    height, strips, window = len(pooled), np.arange(STRIPS), round(REACH * STRIPS)
    found = np.zeros_like(peak)
    if np.count_nonzero(peak.any(axis=1)) < COVERED * window:  # not even a line that bends at will
        return np.asarray(found.T)
    seen = dilation(peak, 3, 1)  # a line may lie between two rows
    # Neighbouring slopes differ by two rows over the window; each shears the picture, so that its lines become level.
    steps = round(STEEPEST * window * strip / 2)
    margin = int(STEEPEST * strip * STRIPS / 2) + 2
    sheared = sliding_window_view(np.pad(seen, ((0, 0), (margin, margin))), height, 1)
    inside = sliding_window_view(np.pad(np.ones_like(seen), ((0, 0), (margin, margin))), height, 1)
    for slope in np.linspace(-STEEPEST, STEEPEST, 2 * steps + 1):
        start = margin + np.rint(slope * strip * (strips - (STRIPS - 1) / 2)).astype(int)
        level = sheared[strips, start]
        rows = np.flatnonzero(level.sum(axis=0, dtype=np.uint8) >= COVERED * window)  # quickly: where it can be at all
        if not len(rows):
            continue
        sums = np.cumsum(level[:, rows], axis=0, dtype=np.int16)
        sums = np.concatenate([np.zeros((1, len(rows)), np.int16), sums])
        rows = rows[(sums[window:] - sums[:-window] >= COVERED * window).any(axis=0)]
        if not len(rows):
            continue
        level, there = level[:, rows], inside[strips, start][:, rows]
        if 1 + np.count_nonzero(np.diff(rows) > 3) < SIBLINGS:
            crosses = _crosses(level, there)
            rows, level = rows[crosses], level[:, crosses]
        at = rows[np.newaxis, :] + start[:, np.newaxis] - margin
        strip_of, line_of = np.nonzero(level | _between(level))
        at = at[strip_of, line_of]
        ok = (at >= 0) & (at < height)
        found[strip_of[ok], at[ok]] = True
    return np.asarray(found.T)


def _crosses(level: npt.NDArray[np.bool_], there: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which lines, (STRIPS, n), are seen from one border of the picture to the other, but for NEAR strips."""
    first, last = level.argmax(axis=0), STRIPS - 1 - level[::-1].argmax(axis=0)
    start, stop = there.argmax(axis=0), STRIPS - 1 - there[::-1].argmax(axis=0)
    return np.asarray((first - start <= NEAR) & (stop - last <= NEAR))


def _between(level: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """What lies between the first and the last strip in which each line is seen."""
    after = np.logical_or.accumulate(level, axis=0)
    before = np.logical_or.accumulate(level[::-1], axis=0)[::-1]
    return np.asarray(after & before)
