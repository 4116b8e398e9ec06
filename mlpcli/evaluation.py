"""How a model does on labelled examples: one class of figures for each task."""

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from mlpcli.nn import metrics
from mlpcli.nn.calibration import Calibration, calibration
from mlpcli.nn.ranking import average_precision, rank_of_truth, roc_auc

Array = npt.NDArray[Any]

_TOP = (2, 3, 5)


@dataclass(frozen=True)
class Mistake:
    """index: of the example, from 0, among those measured. truth, said: positions in the classes. probability: of
    what was said."""

    index: int
    truth: int
    said: int
    probability: float


@dataclass(frozen=True)
class Evaluation:
    """Of a classifier.

    examples: their number, N. loss: mean per example (nats for cross-entropy). accuracy: a fraction, with its 95 %
    Wilson interval. balanced_accuracy: the mean recall of the classes that are there. confusion: (classes, classes)
    counts, rows are the truth. per_class: precision, recall, F1, support. Of each example, in their order: its label,
    (N,) int64; what the network said, (N,) int64; its probabilities, (N, classes) float32.
    """

    examples: int
    loss: float
    accuracy: float
    interval: tuple[float, float]
    confusion: metrics.Counts
    per_class: metrics.PerClass
    labels: npt.NDArray[np.int64] = field(repr=False, compare=False)
    said: npt.NDArray[np.int64] = field(repr=False, compare=False)
    probabilities: npt.NDArray[np.float32] = field(repr=False, compare=False)

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """(N,): whether the network has each example right."""
        return np.asarray(self.said == self.labels)

    @property
    def confidence(self) -> npt.NDArray[np.float32]:
        """(N,): the probability of what it said of each example."""
        return np.take_along_axis(self.probabilities, self.said[:, np.newaxis], axis=1)[:, 0]

    @cached_property
    def top_k(self) -> dict[int, float]:
        """For k = 2, 3 and 5, where there are more classes: the fraction with the truth among the k likeliest."""
        # What it said comes first also where no output is positive, which as probabilities are all alike.
        rank = np.where(self.right, 0, rank_of_truth(self.probabilities, self.labels))
        return {k: float((rank < k).mean()) for k in _TOP if k < self.probabilities.shape[1]}

    @cached_property
    def calibration(self) -> Calibration:
        """Whether it is right as often as it says."""
        return calibration(self.confidence, self.right)

    @cached_property
    def roc_auc(self) -> float | None:
        """Of two classes: the area under the ROC curve of the second one. None for more, or where one is not there."""
        return self._of_second(roc_auc)

    @cached_property
    def pr_auc(self) -> float | None:
        """Of two classes: the average precision of the second one. None as `roc_auc`."""
        return self._of_second(average_precision)

    def _of_second(self, area: Any) -> float | None:
        if self.probabilities.shape[1] != 2:
            return None
        found: float | None = area(self.labels, self.probabilities[:, 1])
        return found

    def confused(self, count: int) -> list[tuple[int, int, int]]:
        """At most so many (truth, said, times), positions of classes and how often the one was taken for the other, the
        most frequent first."""
        between = self.confusion.copy()
        np.fill_diagonal(between, 0)
        order = np.argsort(-between, axis=None, kind="stable")[:count]
        pairs = zip(*np.unravel_index(order, between.shape), strict=True)
        return [(int(t), int(s), int(between[t, s])) for t, s in pairs if between[t, s]]

    def mistakes(self, count: int) -> list[Mistake]:
        """At most so many of the examples that it has wrong, those of which it was surest first."""
        wrong = np.flatnonzero(~self.right)
        surest = wrong[np.argsort(-self.confidence[wrong], kind="stable")[:count]]
        return [
            Mistake(int(i), int(self.labels[i]), int(self.said[i]), float(self.probabilities[i, self.said[i]]))
            for i in surest
        ]

    @property
    def balanced_accuracy(self) -> float:
        """A fraction: each class counts alike, however rare it is."""
        return float(self.per_class.recall[self.per_class.support > 0].mean())

    @property
    def is_unbalanced(self) -> bool:
        """Whether some class is twice as frequent as another, so that accuracy alone says little of the rare one."""
        there = self.per_class.support[self.per_class.support > 0]
        return bool(there.max() >= 2 * there.min())

    def headline(self) -> dict[str, Any]:
        """The figures that a checkpoint keeps."""
        return {
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "balanced_accuracy": self.balanced_accuracy,
            "loss": self.loss,
        }

    def details(self, classes: tuple[str, ...]) -> dict[str, Any]:
        """The rest, as JSON takes it."""
        areas = {"roc_auc": self.roc_auc, "pr_auc": self.pr_auc, "positive": classes[1]} if len(classes) == 2 else {}
        return {
            "classes": list(classes),
            "top_k": {str(k): fraction for k, fraction in self.top_k.items()},
            **areas,
            "per_class": _by_name("class", classes, self.per_class),
            "confusion": self.confusion.tolist(),
            "calibration": _calibration_as_json(self.calibration),
        }


@dataclass(frozen=True)
class MultiLabelEvaluation:
    """Of yes-or-no labels.

    examples: their number. loss: mean per example, summed over labels. accuracy: the fraction of single labels that
    is right; exact: of examples with all labels right, with its 95 % Wilson interval. f1_micro: over all labels
    pooled; f1_macro: mean over labels. per_label: precision, recall, F1, support. Of each example, in their order: its
    labels, (N, K) of 0 and 1; what the network said, (N, K) bool; its probabilities, (N, K) float32.
    """

    examples: int
    loss: float
    accuracy: float
    exact: float
    interval: tuple[float, float]
    f1_micro: float
    f1_macro: float
    per_label: metrics.PerClass
    labels: npt.NDArray[np.integer] = field(repr=False, compare=False)
    said: npt.NDArray[np.bool_] = field(repr=False, compare=False)
    probabilities: npt.NDArray[np.float32] = field(repr=False, compare=False)

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """(N,): whether the network has all labels of each example right."""
        return np.asarray((self.said == self.labels).all(axis=1))

    @cached_property
    def roc_auc(self) -> list[float | None]:
        """The area under the ROC curve of each label; None where all examples have it, or none has."""
        return [roc_auc(yes, p) for yes, p in zip(self.labels.T, self.probabilities.T, strict=True)]

    @cached_property
    def pr_auc(self) -> list[float | None]:
        """The average precision of each label; None as for `roc_auc`."""
        return [average_precision(yes, p) for yes, p in zip(self.labels.T, self.probabilities.T, strict=True)]

    def headline(self) -> dict[str, Any]:
        """The figures that a checkpoint keeps."""
        return {
            "accuracy": self.accuracy,
            "exact": self.exact,
            "interval": list(self.interval),
            "f1_micro": self.f1_micro,
            "f1_macro": self.f1_macro,
            "loss": self.loss,
        }

    def details(self, classes: tuple[str, ...]) -> dict[str, Any]:
        """The rest, as JSON takes it."""
        per_label = _by_name("label", classes, self.per_label)
        areas = zip(self.roc_auc, self.pr_auc, strict=True)
        return {
            "classes": list(classes),
            "per_label": [
                {**figures, "roc_auc": roc, "pr_auc": pr} for figures, (roc, pr) in zip(per_label, areas, strict=True)
            ],
        }


@dataclass(frozen=True)
class RegressionEvaluation:
    """Of quantities, in their own units.

    examples: their number. loss: mean per example, of standardised quantities. r2, mae, rmse: means over the
    quantities (r2 is NaN where none of them varies); per_quantity: the same for each. Of each example, in their order:
    the true quantities, `labels`, and what the network said, (N, T) float64 both.
    """

    examples: int
    loss: float
    r2: float
    mae: float
    rmse: float
    per_quantity: metrics.Fit
    labels: npt.NDArray[np.float64] = field(repr=False, compare=False)
    said: npt.NDArray[np.float64] = field(repr=False, compare=False)

    @cached_property
    def residual_percentiles(self) -> npt.NDArray[np.float64]:
        """(7, T): of said - true, for each quantity, `metrics.RESIDUAL_PERCENTILES`: 0, 5, 25, 50, ..."""
        return metrics.residual_percentiles(self.labels, self.said)

    def headline(self) -> dict[str, Any]:
        """The figures that a checkpoint keeps. What is undefined is None."""
        return {"r2": _defined(self.r2), "mae": self.mae, "rmse": self.rmse, "loss": self.loss}

    def details(self, classes: tuple[str, ...]) -> dict[str, Any]:
        """The rest, as JSON takes it."""
        columns = zip(classes, *self.per_quantity, self.residual_percentiles.T, strict=True)
        return {
            "quantities": [
                {
                    "quantity": name,
                    "r2": _defined(float(r2)),
                    "mae": float(mae),
                    "rmse": float(rmse),
                    "residual_percentiles": {
                        str(percent): float(value)
                        for percent, value in zip(metrics.RESIDUAL_PERCENTILES, residuals, strict=True)
                    },
                }
                for name, r2, mae, rmse, residuals in columns
            ]
        }


AnyEvaluation = Evaluation | MultiLabelEvaluation | RegressionEvaluation


def evaluate_classes(said: Array, probabilities: Array, labels: Array, loss: float) -> Evaluation:
    """The figures of a classifier. said, labels: (N,) positions in the classes, N >= 1; probabilities: (N, classes)."""
    said, labels = said.astype(np.int64, copy=False), labels.astype(np.int64, copy=False)
    confusion = metrics.confusion_matrix(labels, said, probabilities.shape[1])
    return Evaluation(
        examples=len(labels),
        loss=loss,
        accuracy=metrics.accuracy(confusion),
        interval=metrics.wilson_interval(int(np.trace(confusion)), len(labels)),
        confusion=confusion,
        per_class=metrics.per_class(confusion),
        labels=labels,
        said=said,
        probabilities=probabilities.astype(np.float32, copy=False),
    )


def evaluate_labels(said: Array, probabilities: Array, labels: Array, loss: float) -> MultiLabelEvaluation:
    """The figures of yes-or-no labels. said, labels: (N, K) of 0 and 1, N >= 1; probabilities: (N, K)."""
    said = said.astype(bool, copy=False)
    right = (said == labels).all(axis=1)
    figures = metrics.per_label(labels, said)
    both, either = int((said & (labels == 1)).sum()), int(said.sum()) + int(labels.sum(dtype=np.int64))
    return MultiLabelEvaluation(
        examples=len(labels),
        loss=loss,
        accuracy=float((said == labels).mean()),
        exact=float(right.mean()),
        interval=metrics.wilson_interval(int(right.sum()), len(labels)),
        f1_micro=2 * both / max(either, 1),
        f1_macro=float(figures.f1.mean()),
        per_label=figures,
        labels=labels,
        said=said,
        probabilities=probabilities.astype(np.float32, copy=False),
    )


def evaluate_quantities(said: Array, labels: Array, loss: float) -> RegressionEvaluation:
    """The figures of quantities in their own unit. said, labels: (N, T), N >= 1."""
    said, labels = said.astype(np.float64, copy=False), labels.astype(np.float64, copy=False)
    fit = metrics.fit_of(labels, said)
    varies = np.isfinite(fit.r2)
    return RegressionEvaluation(
        examples=len(labels),
        loss=loss,
        r2=float(fit.r2[varies].mean()) if varies.any() else math.nan,
        mae=float(fit.mae.mean()),
        rmse=float(fit.rmse.mean()),
        per_quantity=fit,
        labels=labels,
        said=said,
    )


def _calibration_as_json(found: Calibration) -> dict[str, Any]:
    bins = zip(found.edges[:-1], found.edges[1:], *found[1:], strict=True)
    return {
        "expected_error": found.expected_error,
        "bins": [
            {
                "above": float(low),
                "to": float(high),
                "examples": int(count),
                "confidence": float(confidence) if count else None,
                "accuracy": float(accuracy) if count else None,
            }
            for low, high, count, confidence, accuracy in bins
        ],
    }


def _by_name(kind: str, names: tuple[str, ...], figures: metrics.PerClass) -> list[dict[str, Any]]:
    return [
        {kind: name, "precision": float(p), "recall": float(r), "f1": float(f1), "support": int(support)}
        for name, p, r, f1, support in zip(names, *figures, strict=True)
    ]


def _defined(value: float) -> float | None:
    return value if math.isfinite(value) else None
