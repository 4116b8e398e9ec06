"""How a model does on labelled examples: one class of figures for each task."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mlpcli.datasets.tasks import Task
from mlpcli.nn import metrics

Outputs = npt.NDArray[np.floating]
Truth = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Evaluation:
    """Of a classifier.

    examples: their number. loss: mean per example (nats for cross-entropy). accuracy: a fraction, with its 95 %
    Wilson interval. balanced_accuracy: the mean recall of the classes that are there. confusion: (classes, classes)
    counts, rows are the truth. per_class: precision, recall, F1, support.
    """

    examples: int
    loss: float
    accuracy: float
    interval: tuple[float, float]
    confusion: metrics.Counts
    per_class: metrics.PerClass

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
        return {
            "classes": list(classes),
            "per_class": _by_name("class", classes, self.per_class),
            "confusion": self.confusion.tolist(),
        }


@dataclass(frozen=True)
class MultiLabelEvaluation:
    """Of yes-or-no labels.

    examples: their number. loss: mean per example, summed over labels. accuracy: the fraction of single labels that
    is right; exact: of examples with all labels right, with its 95 % Wilson interval. f1_micro: over all labels
    pooled; f1_macro: mean over labels. per_label: precision, recall, F1, support.
    """

    examples: int
    loss: float
    accuracy: float
    exact: float
    interval: tuple[float, float]
    f1_micro: float
    f1_macro: float
    per_label: metrics.PerClass

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
        return {"classes": list(classes), "per_label": _by_name("label", classes, self.per_label)}


@dataclass(frozen=True)
class RegressionEvaluation:
    """Of quantities, in their own units.

    examples: their number. loss: mean per example, of standardised quantities. r2, mae, rmse: means over the
    quantities (r2 is NaN where none of them varies); per_quantity: the same for each.
    """

    examples: int
    loss: float
    r2: float
    mae: float
    rmse: float
    per_quantity: metrics.Fit

    def headline(self) -> dict[str, Any]:
        """The figures that a checkpoint keeps. What is undefined is None."""
        return {"r2": _defined(self.r2), "mae": self.mae, "rmse": self.rmse, "loss": self.loss}

    def details(self, classes: tuple[str, ...]) -> dict[str, Any]:
        """The rest, as JSON takes it."""
        return {
            "quantities": [
                {"quantity": name, "r2": _defined(float(r2)), "mae": float(mae), "rmse": float(rmse)}
                for name, r2, mae, rmse in zip(classes, *self.per_quantity, strict=True)
            ]
        }


AnyEvaluation = Evaluation | MultiLabelEvaluation | RegressionEvaluation


def evaluate_outputs(task: Task, classes: int, outputs: Outputs, truth: Truth, loss: float) -> AnyEvaluation:
    """The figures for outputs (N, O) of N >= 1 examples, quantities in their own unit, whose labels are `truth`."""
    if task == "regression":
        fit = metrics.fit_of(truth.astype(np.float64), outputs)
        varies = np.isfinite(fit.r2)
        r2 = float(fit.r2[varies].mean()) if varies.any() else math.nan
        return RegressionEvaluation(len(truth), loss, r2, float(fit.mae.mean()), float(fit.rmse.mean()), fit)
    if task == "multi-label":
        return _of_labels(outputs > 0.5, truth.astype(np.int64), loss)
    confusion = metrics.confusion_matrix(truth.astype(np.int64), metrics.chosen_class(outputs), classes)
    return Evaluation(
        examples=len(truth),
        loss=loss,
        accuracy=metrics.accuracy(confusion),
        interval=metrics.wilson_interval(int(np.trace(confusion)), len(truth)),
        confusion=confusion,
        per_class=metrics.per_class(confusion),
    )


def _of_labels(said: npt.NDArray[np.bool_], truth: npt.NDArray[np.int64], loss: float) -> MultiLabelEvaluation:
    right = (said == truth).all(axis=1)
    figures = metrics.per_label(truth, said)
    both, either = int((said & (truth == 1)).sum()), int(said.sum() + truth.sum())
    return MultiLabelEvaluation(
        examples=len(truth),
        loss=loss,
        accuracy=float((said == truth).mean()),
        exact=float(right.mean()),
        interval=metrics.wilson_interval(int(right.sum()), len(truth)),
        f1_micro=2 * both / max(either, 1),
        f1_macro=float(figures.f1.mean()),
        per_label=figures,
    )


def _by_name(kind: str, names: tuple[str, ...], figures: metrics.PerClass) -> list[dict[str, Any]]:
    return [
        {kind: name, "precision": float(p), "recall": float(r), "f1": float(f1), "support": int(support)}
        for name, p, r, f1, support in zip(names, *figures, strict=True)
    ]


def _defined(value: float) -> float | None:
    return value if math.isfinite(value) else None
