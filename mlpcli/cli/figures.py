"""Figures of merit and data sets in words, the same in every command."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlpcli.datasets.dataset import Dataset
    from mlpcli.evaluation import AnyEvaluation
    from mlpcli.run import Run


def figures(result: AnyEvaluation) -> str:
    """The headline of an evaluation: "accuracy 97.2% (95 % interval ...)", "R2 0.91, MAE 2.2, RMSE 3.1"."""
    from mlpcli.evaluation import Evaluation, MultiLabelEvaluation

    if isinstance(result, Evaluation):
        low, high = result.interval
        text = f"accuracy {result.accuracy:.2%} (95 % interval {low:.2%} to {high:.2%})"
        return f"{text}, balanced {result.balanced_accuracy:.2%}" if result.is_unbalanced else text
    if isinstance(result, MultiLabelEvaluation):
        low, high = result.interval
        return (
            f"all labels right {result.exact:.2%} (95 % interval {low:.2%} to {high:.2%}), single labels "
            f"{result.accuracy:.2%}, F1 {result.f1_micro:.3f} pooled, {result.f1_macro:.3f} mean"
        )
    return f"R2 {result.r2:.4f}, MAE {result.mae:.4g}, RMSE {result.rmse:.4g}"


_NAMES = {
    "r2": "R2",
    "mae": "MAE",
    "rmse": "RMSE",
    "exact": "all right",
    "f1_micro": "pooled F1",
    "f1_macro": "mean F1",
    "interval": "95 % interval",
}
_FRACTIONS = ("accuracy", "balanced_accuracy", "exact")


def figure_name(figure: str) -> str:
    """A figure that a checkpoint keeps (see `AnyEvaluation.headline`) in words."""
    return _NAMES.get(figure, figure.replace("_", " "))


def figure_text(figure: str, value: float) -> str:
    """Its value: fractions that are right in percent, others as numbers."""
    return f"{value:.2%}" if figure in _FRACTIONS else f"{value:#.4g}"


def describe_task(data: Dataset) -> str:
    """What there is to learn: "10 classes of 28x28 images"."""
    k = len(data.classes)
    what = {
        "classification": f"{k:,} classes",
        "multi-label": f"{k:,} yes-or-no labels",
        "regression": "1 quantity" if k == 1 else f"{k:,} quantities",
    }[data.task]
    size = "x".join(map(str, data.shape))
    inputs = f"{size} images" if data.kind == "image" else f"{data.inputs:,} inputs"
    return f"{what} from {inputs}"


def describe_training(run: Run) -> str:
    """What trains, and how: "64-32-10 relu/softmax, cross-entropy, adamw at 0.01 (cosine), batches of 64, float32"."""
    s, shape = run.settings, "-".join(map(str, run.network.structure))
    how = (
        "all examples in each step"
        if s.learning_rate is None
        else f"at {s.learning_rate:.4g} ({s.schedule}), batches of {s.batch_size}"
    )
    return f"{shape} {s.activation}/{s.output_activation}, {s.loss}, {s.optimizer} {how}, {s.dtype}"
