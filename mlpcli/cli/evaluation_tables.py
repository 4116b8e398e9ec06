"""An evaluation as tables for a terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlpcli.cli import output

if TYPE_CHECKING:
    from mlpcli.evaluation import AnyEvaluation, Evaluation, MultiLabelEvaluation, RegressionEvaluation

_NAME = 24  # characters of a class name at the head of a row
_HEAD = 10  # at the head of a column
_MOST_ROWS = 100  # classes; of more, those with the lowest F1 are shown
_WORST = 30
_PAPER = 160  # columns, where the output is no terminal


def print_evaluation(result: AnyEvaluation, classes: Sequence[str], places: Any, mistakes: int) -> None:
    """What follows the headline. places: see `Split`. mistakes: how many to show of a classifier's."""
    from mlpcli.evaluation import Evaluation, MultiLabelEvaluation

    output.line()
    if isinstance(result, Evaluation):
        _print_classifier(result, classes)
        _print_mistakes(result, classes, places, mistakes)
    elif isinstance(result, MultiLabelEvaluation):
        _print_labels(result, classes)
    else:
        _print_quantities(result, classes)


def summary(result: AnyEvaluation, classes: Sequence[str]) -> str:
    """The figures of a classifier beside accuracy and loss, in a line; "" for others."""
    from mlpcli.evaluation import Evaluation

    if not isinstance(result, Evaluation):
        return ""
    parts = [f"top {k} {fraction:.2%}" for k, fraction in result.top_k.items()]
    if len(classes) == 2:
        areas = (("ROC-AUC", result.roc_auc), ("PR-AUC", result.pr_auc))
        parts += [f"{name} {_area(value)}" for name, value in areas]
        parts[-1] += f" (of {cut(classes[1], _NAME)})"
    return ", ".join([*parts, f"expected calibration error {result.calibration.expected_error:.2%}"])


def cut(name: str, most: int) -> str:
    """A name that may be long, in at most so many characters."""
    return name if len(name) <= most else f"{name[: most - 2]}.."


def _area(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


# Classes


def _print_classifier(result: Evaluation, classes: Sequence[str]) -> None:
    _print_per_class("class", classes, result.per_class)
    output.line()
    if not _print_confusion(result, classes):
        _print_confused(result, classes)
    output.line()
    _print_calibration(result)


def _print_per_class(kind: str, names: Sequence[str], figures: Any, *areas: Sequence[float | None]) -> None:
    rows: Sequence[int] = range(len(names))
    if len(names) > _MOST_ROWS:
        output.line(f"the {_WORST} of {len(names):,} with the lowest F1; --json has all")
        there = [i for i in rows if figures.support[i]]
        rows = sorted(there, key=figures.f1.__getitem__)[:_WORST]
    shown = [cut(names[i], _NAME) for i in rows]
    width = max(5, *map(len, shown))
    titles = "  ROC-AUC  PR-AUC" if areas else ""
    output.line(f"{kind:>{width}}  precision  recall      F1  examples{titles}")
    for i, name in zip(rows, shown, strict=True):
        precision, recall, f1, support = (column[i] for column in figures)
        cells = f"{name:>{width}}  {precision:>9.1%}  {recall:>6.1%}  {f1:>6.1%}  {support:>8,}"
        output.line(cells + "".join(f"  {_area(area[i]):>{w}}" for area, w in zip(areas, (7, 6), strict=False)))


def _print_confusion(result: Evaluation, classes: Sequence[str]) -> bool:
    """Print the confusion matrix; False where the terminal is too narrow for it."""
    rows, heads = [cut(name, _NAME) for name in classes], [cut(name, _HEAD) for name in classes]
    width = max(5, *map(len, rows))
    cell = max(4, *map(len, heads), len(str(result.confusion.max()))) + 1
    if width + cell * len(classes) > _columns():
        return False
    output.line("rows: the truth, columns: what the network says")
    output.line(" " * width + "".join(f"{head:>{cell}}" for head in heads))
    for name, row in zip(rows, result.confusion, strict=True):
        output.line(f"{name:>{width}}" + "".join(f"{count or '.':>{cell}}" for count in row))
    return True


def _columns() -> int:
    return shutil.get_terminal_size().columns if sys.stdout is not None and sys.stdout.isatty() else _PAPER


def _print_confused(result: Evaluation, classes: Sequence[str]) -> None:
    pairs = result.confused(_WORST)
    output.line(f"the confusion matrix of {len(classes)} classes is in --json; taken most often for another:")
    width = max([5, *(len(cut(classes[i], _NAME)) for pair in pairs for i in pair[:2])])
    output.line(f"{'truth':>{width}}  {'said':>{width}}  times  of the truth")
    for truth, said, times in pairs:
        names = f"{cut(classes[truth], _NAME):>{width}}  {cut(classes[said], _NAME):>{width}}"
        output.line(f"{names}  {times:>5,}  {times / result.per_class.support[truth]:>12.1%}")


def _print_calibration(result: Evaluation) -> None:
    found = result.calibration
    output.line("calibration: is it right as often as it says?")
    output.line("     confidence  examples    says  is right")
    for i in found.examples.nonzero()[0]:
        where = f"{found.edges[i]:.1%} to {found.edges[i + 1]:.1%}"
        says, right = found.confidence[i], found.accuracy[i]
        output.line(f"{where:>15}  {found.examples[i]:>8,}  {says:>6.1%}  {right:>8.1%}")


def _print_mistakes(result: Evaluation, classes: Sequence[str], places: Any, count: int) -> None:
    found = result.mistakes(count)
    if not found:
        return
    wrong = int((~result.right).sum())
    output.line()
    output.line(f"the most confident of {wrong:,} mistakes, by index from 0")
    names = [(cut(classes[one.truth], _NAME), cut(classes[one.said], _NAME)) for one in found]
    truths, saids = (max(5, *(len(pair[i]) for pair in names)) for i in (0, 1))
    where = [] if places is None else [str(places[one.index]) for one in found]
    title = "" if places is None else "  line" if places.dtype.kind == "i" else "  file"
    output.line(f"  index  {'truth':>{truths}}  {'said':>{saids}}  probability{title}")
    for i, (one, (truth, said)) in enumerate(zip(found, names, strict=True)):
        place = f"  {where[i]}" if where else ""
        output.line(f"{one.index:>7}  {truth:>{truths}}  {said:>{saids}}  {one.probability:>11.2%}{place}")


# Labels and quantities


def _print_labels(result: MultiLabelEvaluation, labels: Sequence[str]) -> None:
    _print_per_class("label", labels, result.per_label, result.roc_auc, result.pr_auc)


def _print_quantities(result: RegressionEvaluation, quantities: Sequence[str]) -> None:
    names = [cut(name, _NAME) for name in quantities]
    width = max(8, *map(len, names))
    output.line(f"{'quantity':>{width}}        R2         MAE        RMSE")
    for name, r2, mae, rmse in zip(names, *result.per_quantity, strict=True):
        output.line(f"{name:>{width}}  {r2:>8.4f}  {mae:>10.4g}  {rmse:>10.4g}")
    output.line()
    output.line("residuals, said - true: the least, percentiles, the largest")
    heads = "".join(f"{head:>12}" for head in ("least", "5 %", "25 %", "50 %", "75 %", "95 %", "largest"))
    output.line(f"{'quantity':>{width}}{heads}")
    for name, values in zip(names, result.residual_percentiles.T, strict=True):
        output.line(f"{name:>{width}}" + "".join(f"{value:>12.4g}" for value in values))
