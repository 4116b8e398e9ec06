"""Lines of writing on a page, from the boxes of its characters: which are in a line, and where spaces stand."""

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.int64]  # (n, 4): left, top, right, bottom; right and bottom are one beyond
Floats = npt.NDArray[np.float64]

STEEPEST = 0.24  # pixels down for each to the right: 13 degrees
FAN = 0.08  # of the slope, from the middle to the top or bottom, as perspective makes lines run together
FARTHEST = 6.0  # heights of a character, between neighbours in a line
ASIDE = 0.5  # heights of a character, by which neighbours in a line stand higher or lower


def lines_of_writing(boxes: Boxes) -> list[list[int]]:
    """The numbers of the characters in each line, left to right, lines from top to bottom.

    A line may slope, up to 13 degrees, and bend. Neighbours are chained, then chains that continue each other.
    """
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    typical = float(np.median(boxes[:, 3] - boxes[:, 1]))
    level = _levels(centres, typical)
    chains = _chains(boxes, level, typical)
    chains = _continued(chains, centres[:, 0], level, typical)
    return sorted(chains, key=lambda chain: float(np.median(level[chain])))


def _levels(centres: Floats, typical: float) -> Floats:
    """The height of each centre, lines of writing made level: of all slopes, at top and bottom, the sharpest lines."""
    x = centres[:, 0] - centres[:, 0].mean()
    y = centres[:, 1] - centres[:, 1].mean()
    reach = max(float(np.abs(y).max()), 1.0)
    best, level = -np.inf, y
    some = slice(None, None, max(1, len(x) // 300))
    for slope in np.arange(-STEEPEST, STEEPEST + 0.001, 0.01):
        for fan in np.arange(-FAN, FAN + 0.001, FAN / 4):
            flat = (y - slope * x) / np.maximum(1 + fan / reach * x, 0.5)
            near = np.abs(flat[some] - flat[some, None]) / (0.25 * typical)
            score = float(np.maximum(1 - near, 0).sum()) - len(near) * (abs(slope) + 2 * abs(fan))
            if score > best:
                best, level = score, flat
    return np.asarray(level, np.float64)


def _chains(boxes: Boxes, level: Floats, typical: float) -> list[list[int]]:
    """Characters that are each other's nearest neighbour, in a row."""
    x = (boxes[:, 0] + boxes[:, 2]) / 2
    gap = boxes[None, :, 0] - boxes[:, None, 2]
    aside = np.abs(level[None, :] - level[:, None])
    cost = np.maximum(gap, 0) + 2 * aside
    beside = (x[None, :] > x[:, None]) & (aside < ASIDE * typical) & (gap < FARTHEST * typical)
    cost = np.where(beside, cost, np.inf)
    following, before = cost.argmin(axis=1), cost.argmin(axis=0)
    n = np.arange(len(x))
    linked = np.isfinite(cost[n, following]) & (before[following] == n)
    starts = set(range(len(x))) - {int(i) for i in following[linked]}
    chains = []
    for at in sorted(starts):
        chain = [at]
        while linked[chain[-1]]:
            chain.append(int(following[chain[-1]]))
        chains.append(chain)
    return chains


def _continued(chains: list[list[int]], x: Floats, level: Floats, typical: float) -> list[list[int]]:
    """Chains joined where one goes on at the height at which the other ended, the best first."""
    chains = list(chains)
    while len(chains) > 1:
        best, pair = np.inf, None
        for i, one in enumerate(chains):
            for j, other in enumerate(chains):
                if i == j or x[one[0]] > x[other[0]]:
                    continue
                aside = _mismatch(one, other, x, level)
                cost = aside + 0.02 * max(float(x[other[0]] - x[one[-1]]), 0.0)
                if aside < ASIDE * typical and cost < best:
                    best, pair = cost, (i, j)
        if pair is None:
            break
        merged = sorted(chains[pair[0]] + chains[pair[1]], key=lambda k: float(x[k]))
        chains = [chain for at, chain in enumerate(chains) if at not in pair] + [merged]
    return chains


def _mismatch(one: list[int], other: list[int], x: Floats, level: Floats) -> float:
    """How far apart two chains run where they meet or, where they overlap, in the middle of that."""
    if x[one[-1]] < x[other[0]]:
        return abs(float(level[one[-3:]].mean() - level[other[:3]].mean()))
    middle = (float(x[other[0]]) + float(min(x[one[-1]], x[other[-1]]))) / 2
    return abs(float(np.interp(middle, x[one], level[one]) - np.interp(middle, x[other], level[other])))


def spaces(boxes: Boxes) -> npt.NDArray[np.bool_]:
    """Whether there is a space before each character of a line, (n,); there is one before the first."""
    gaps = boxes[1:, 0] - boxes[:-1, 2]
    typical = float(np.median(boxes[:, 3] - boxes[:, 1]))
    usual = float(np.quantile(gaps, 0.3)) if len(gaps) else 0.0
    return np.concatenate([[True], gaps > usual + 0.5 * typical])
