"""Rules of ruled and squared paper, margins and the like: long thin lines, which are taken out of the ink of a page.

A line is found as the share of inked pixels along it, which neither noise nor crossing strokes change much, at each
of a fan of slopes. It may bend a little: what counts is `REACH` of its length.
"""

import math

import numpy as np
import numpy.typing as npt

from mlpcli.datasets.components import label
from mlpcli.datasets.images import Grey
from mlpcli.datasets.morphology import closing, dilation, opening

THICKEST = 9  # pixels: what is thicker is no rule
REACH = 128  # pixels along a line, over which it is straight
SHORTEST = 0.2  # of the picture's side: what is shorter is a stroke
INKED = 0.7  # of the reach
STEEPEST = 0.27  # pixels across for each along: 15 degrees
STEP = 4  # pixels along a line that are taken together

Mask = npt.NDArray[np.bool_]


def without_rules(ink: Grey, visible: float) -> Grey:
    """The ink (height, width), 0 for the ground, without long thin lines, level or upright within 15 degrees.

    visible: the ink that is clearly more than noise. Strokes that cross a rule go on across it.
    """
    level, upright = _level_rules(ink, visible), _level_rules(np.ascontiguousarray(ink.T), visible)
    if level.any():
        ink = _taken_out(ink, level, visible)
    if upright.any():
        ink = np.ascontiguousarray(_taken_out(np.ascontiguousarray(ink.T), upright, visible).T)
    return ink


def _level_rules(ink: Grey, visible: float) -> Mask:
    """The pixels of rules that run from left to right."""
    inked = ink > 0.5 * visible
    # A stroke that is thicker than a rule may hide one, so it counts half.
    thin = inked.astype(np.uint8) + (inked & (ink - _opened_upright(ink) > 0.5 * visible))
    height, width = thin.shape
    steps = width // STEP
    if steps * STEP < 2 * REACH:
        return np.zeros_like(inked)
    # One row for each step along the line: shearing is then moving rows.
    columns = thin[:, : steps * STEP].reshape(height, steps, STEP).sum(axis=2, dtype=np.uint8).T // STEP
    near = columns.copy()
    np.maximum(near[:, 1:], columns[:, :-1], out=near[:, 1:])
    np.maximum(near[:, :-1], columns[:, 1:], out=near[:, :-1])
    best = np.zeros(columns.shape, np.int16)
    margin = int(STEEPEST * steps * STEP / 2) + 2
    window = REACH // STEP
    middle = np.arange(steps)
    first, beyond = np.maximum(middle - window // 2, 0), np.minimum(middle + window // 2, steps)
    for slope in np.arange(-STEEPEST, STEEPEST + 0.01, 3 / REACH):
        shifts = margin + np.rint(slope * STEP * (middle - steps / 2)).astype(int)
        total = np.zeros((steps + 1, height + 2 * margin), np.int16)
        for row, shift in enumerate(shifts):
            total[row + 1, shift : shift + height] = near[row]
        np.cumsum(total, axis=0, out=total)
        for row, shift in enumerate(shifts):
            seen = total[beyond[row], shift : shift + height] - total[first[row], shift : shift + height]
            np.maximum(best[row], seen, out=best[row])
    # Beside a rule, a line that lies on it in part is seen as well: of those the best alone.
    found = (best >= 2 * INKED * (beyond - first)[:, None]) & (near > 0)
    found &= best >= 0.9 * dilation(best, 2 * THICKEST + 1, 1)
    band = np.zeros_like(inked)
    band[:, : steps * STEP] = np.repeat(found.T, STEP, axis=1)
    band[:, steps * STEP :] = band[:, steps * STEP - 1 : steps * STEP]
    parts = label(band)
    long = parts.boxes[:, 2] - parts.boxes[:, 0] >= SHORTEST * width
    return np.asarray(np.concatenate([[False], long])[parts.labels])


def _opened_upright(ink: Grey) -> Grey:
    """The ink without what is thinner than THICKEST from top to bottom."""
    return opening(ink, THICKEST + 1, (0,))


def _taken_out(ink: Grey, rules: Mask, visible: float) -> Grey:
    """The ink without that of level rules; darker strokes stay, others are drawn across."""
    level = _levels(ink, rules, 0.5 * visible)
    # How many pixels across a rule are its ink; the found ones may be fewer.
    inked = ink > 0.25 * dilation(level, THICKEST, 0)
    across = np.cumsum(np.pad(inked, ((THICKEST // 2 + 1, THICKEST // 2), (0, 0))), axis=0, dtype=np.int16)
    breadth = float(np.median((across[THICKEST:] - across[:-THICKEST])[rules]))
    found = np.count_nonzero(rules) / (np.count_nonzero(rules[1:] & ~rules[:-1]) + 1)
    level = dilation(level, 2 * math.ceil(max(breadth + 2 - found, 2) / 2) + 1, 0)
    band = level > 0
    rest = np.where(band & (ink < 1.8 * level + 0.5 * visible), 0, ink).astype(np.float32)
    closed = closing(rest, round(breadth) + 5, (0,))
    return np.where(band, np.minimum(np.maximum(closed, rest), ink), ink).astype(np.float32)


def _levels(ink: Grey, rules: Mask, visible: float) -> Grey:
    """How dark each rule is, at its pixels; 0 elsewhere."""
    inked = rules & (ink > visible)
    of = label(rules).labels
    order = np.argsort(of[inked], kind="stable")
    each = np.split(ink[inked][order], np.flatnonzero(np.diff(of[inked][order])) + 1)
    medians = np.zeros(int(of.max()) + 1, np.float32)
    medians[np.unique(of[inked])] = [np.median(values) for values in each]
    return medians[of]
