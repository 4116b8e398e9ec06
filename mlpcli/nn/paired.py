"""Whether one network does better than another on the same examples: tests that use that they are the same."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mlpcli.nn.metrics import Z_95

FEW = 25  # examples on which two networks differ, below which the test counts them exactly


class McNemar(NamedTuple):
    """McNemar's test of whether two networks are right equally often (McNemar 1947).

    only_first, only_second: the examples that only one has right; no others say anything. p: two-sided, exact binomial
    below FEW such examples (is_exact), else chi-squared with Edwards's continuity correction (1948).
    """

    only_first: int
    only_second: int
    p: float
    is_exact: bool


def mcnemar(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> McNemar:
    """first, second: (N,), whether each network has each example right."""
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    n, gap = only_first + only_second, abs(only_first - only_second)
    if n < FEW:
        below = sum(math.comb(n, i) for i in range(min(only_first, only_second) + 1))
        return McNemar(only_first, only_second, min(1.0, 2 * below / 2**n), True)
    chi_squared = max(0, gap - 1) ** 2 / n
    # With one degree of freedom it is the square of a standard normal variable.
    return McNemar(only_first, only_second, math.erfc(math.sqrt(chi_squared / 2)), False)


def holm(p: Sequence[float]) -> list[float]:
    """The p-values of several tests, adjusted so that the chance of any false alarm stays what one of them has
    (Holm 1979), in the order given."""
    adjusted, largest = [0.0] * len(p), 0.0
    for tested, i in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        largest = max(largest, min(1.0, (len(p) - tested) * p[i]))
        adjusted[i] = largest
    return adjusted


class Difference(NamedTuple):
    """A mean difference and its 95 % interval, which is None for fewer than _FEWEST pairs."""

    mean: float
    interval: tuple[float, float] | None


_FEWEST = 6


def paired_difference(first: npt.NDArray[np.floating], second: npt.NDArray[np.floating]) -> Difference:
    """The mean of second - first, (N,) each, with the interval of Student's t for pairs."""
    differences = second.astype(np.float64) - first
    mean, n = float(differences.mean()), len(differences)
    if n < _FEWEST:
        return Difference(mean, None)
    half = _t_95(n - 1) * float(differences.std(ddof=1)) / math.sqrt(n)
    return Difference(mean, (mean - half, mean + half))


def _t_95(degrees: int) -> float:
    """The 97.5 % quantile of Student's t, to 1e-3 from 5 degrees of freedom on (Abramowitz and Stegun 26.7.5)."""
    z, v = Z_95, degrees
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * v**4)
    )
