"""Figures of merit of a classifier, from its confusion matrix. Fractions throughout, never percent."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]

Z_95 = 1.959963984540054  # the 97.5 % quantile of the standard normal distribution


class PerClass(NamedTuple):
    """(O,) each. precision: right / predicted; recall: right / true; f1: their harmonic mean. 0 for 0 / 0."""

    precision: npt.NDArray[np.float64]
    recall: npt.NDArray[np.float64]
    f1: npt.NDArray[np.float64]
    support: Counts


def confusion_matrix(truth: npt.NDArray[np.integer], predicted: npt.NDArray[np.integer], classes: int) -> Counts:
    """(O, O) counts: row = true class, column = predicted class. `truth`, `predicted`: (N,) in 0 .. O - 1."""
    pairs = truth.astype(np.int64) * classes + predicted
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def accuracy(confusion: Counts) -> float:
    """The fraction on the diagonal. (The article's formula divides by the wrong count; its code does not.)"""
    return float(np.trace(confusion) / confusion.sum())


def wilson_interval(successes: int, trials: int, z: float = Z_95) -> tuple[float, float]:
    """The Wilson score interval for a proportion (Wilson 1927); 95 % by default. `trials` >= 1."""
    p = successes / trials
    denominator = 1 + z * z / trials
    centre = (p + z * z / (2 * trials)) / denominator
    half = z * math.sqrt(p * (1 - p) / trials + z * z / (4 * trials * trials)) / denominator
    low = 0.0 if successes == 0 else centre - half  # exact at the ends, where rounding would miss by 1e-17
    high = 1.0 if successes == trials else centre + half
    return low, high


def per_class(confusion: Counts) -> PerClass:
    """Precision, recall, F1 and support of each class."""
    right = np.diag(confusion).astype(np.float64)
    support, predicted = confusion.sum(axis=1), confusion.sum(axis=0)
    return PerClass(
        precision=right / np.maximum(predicted, 1),
        recall=right / np.maximum(support, 1),
        f1=2 * right / np.maximum(support + predicted, 1),
        support=support,
    )
