"""Figures of merit of classes (from a confusion matrix), yes-or-no labels, and quantities. Fractions, never percent."""

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
    return _figures(np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0))


def _figures(right: Counts, support: Counts, predicted: Counts) -> PerClass:
    return PerClass(
        precision=right / np.maximum(predicted, 1),
        recall=right / np.maximum(support, 1),
        f1=2 * right / np.maximum(support + predicted, 1),
        support=support,
    )


def chosen_class(outputs: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
    """The class that outputs (N, O) speak for, (N,): the largest; where two classes share one output, above 1/2."""
    if outputs.shape[1] == 1:
        return (outputs[:, 0] > 0.5).astype(np.int64)
    return np.asarray(np.argmax(outputs, axis=1), np.int64)


def fraction_right(outputs: npt.NDArray[np.floating], truth: npt.NDArray[np.generic]) -> float:
    """The fraction of classes, truth (N,), or of yes-or-no labels, truth (N, K), that outputs (N, O) have right."""
    said = chosen_class(outputs) if truth.ndim == 1 else outputs > 0.5
    return float((said == truth).mean())


def balanced_accuracy(outputs: npt.NDArray[np.floating], truth: npt.NDArray[np.generic]) -> float:
    """The mean recall of the classes that are there (Brodersen et al. 2010): each counts alike, however rare it is.

    outputs: (N, O) that speak for classes, truth: (N,).
    """
    right = chosen_class(outputs) == truth
    _, of_class, counts = np.unique(truth, return_inverse=True, return_counts=True)
    return float((np.bincount(of_class, right) / counts).mean())


def per_label(truth: npt.NDArray[np.integer], said: npt.NDArray[np.bool_]) -> PerClass:
    """Precision, recall, F1 and support of each yes-or-no label; `truth`, `said`: (N, K) of 0 and 1."""
    yes = truth.astype(bool)
    return _figures((yes & said).sum(axis=0), yes.sum(axis=0), said.sum(axis=0))


class Fit(NamedTuple):
    """How well each quantity is met, (T,) each. r2: share of the variance explained (NaN where there is none);
    mae, rmse: mean absolute and root mean squared error, in the quantity's own unit."""

    r2: npt.NDArray[np.float64]
    mae: npt.NDArray[np.float64]
    rmse: npt.NDArray[np.float64]


def fit_of(truth: npt.NDArray[np.floating], predicted: npt.NDArray[np.floating]) -> Fit:
    """The fit of predicted quantities (N, T) to the true ones."""
    away = predicted.astype(np.float64) - truth
    spread = np.square(truth - truth.mean(axis=0)).sum(axis=0)
    r2 = np.full(spread.shape, np.nan)
    np.divide(np.square(away).sum(axis=0), spread, out=r2, where=spread > 0)
    return Fit(1.0 - r2, np.abs(away).mean(axis=0), np.sqrt(np.square(away).mean(axis=0)))


RESIDUAL_PERCENTILES = (0, 5, 25, 50, 75, 95, 100)


def residual_percentiles(
    truth: npt.NDArray[np.floating], predicted: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64]:
    """(7, T): least, 5, 25, 50, 75, 95 % and largest of predicted - true of each quantity, (N, T); interpolated."""
    return np.asarray(np.percentile(predicted.astype(np.float64) - truth, RESIDUAL_PERCENTILES, axis=0))
