"""mlp evaluate"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlpcli.cli import output
from mlpcli.cli.figures import figures
from mlpcli.cli.options import complete_data, data_dir_option, debug_option, json_option, quiet_option, use_threads
from mlpcli.cli.trained import read_as_trained

if TYPE_CHECKING:
    from mlpcli.evaluation import Evaluation
    from mlpcli.model import Model


@click.command(epilog="Example:  mlp evaluate weights.npy --json")
@click.argument("weights", default="weights.npy", type=click.Path())
@click.argument("data", required=False, shell_complete=complete_data)
@click.option(
    "--label", metavar="COLUMN|FILE", help="The label, where DATA has it under another name than in training."
)
@data_dir_option
@quiet_option
@json_option
@debug_option
def evaluate(weights: str, data: str | None, label: str | None, data_dir: Path, quiet: bool, as_json: bool) -> None:
    """Measure WEIGHTS (default: weights.npy) on DATA (default: the test set of what it was trained on).

    DATA is a name or a path, as for mlp train. Data that the network has not seen is taken whole, or its test part
    where it has one. Prints accuracy with its 95 % Wilson interval, loss, precision, recall and F1 of each class, and
    the confusion matrix; for quantities R2, mean absolute and root mean squared error, in their own unit.
    """
    use_threads(1)
    from mlpcli.model import load

    model = load(weights)
    dataset = read_as_trained(model, weights, data, label, data_dir)
    model.check_fits(dataset, weights)
    split, part, remark = model.to_measure(dataset)
    if remark:
        output.note(f"{weights}: {remark}")
    result = model.evaluate(split)
    if as_json:
        document = {"data": dataset.name, "part": part, "task": model.task, "examples": result.examples}
        output.document(document | result.headline() | result.details(model.classes))
        return
    what = f"{weights} on the {dataset.name} {'test set' if part == 'test' else 'examples'}"
    output.line(f"{figures(result)}, {model.network.loss} {result.loss:.4f}: {what}, {result.examples:,} examples")
    if not quiet:
        _print(model, result)


def _print(model: Model, result: Any) -> None:
    from mlpcli.evaluation import Evaluation, MultiLabelEvaluation

    output.line()
    if isinstance(result, Evaluation):
        _print_table("class", model.classes, result.per_class)
        _print_confusion(model.classes, result)
    elif isinstance(result, MultiLabelEvaluation):
        _print_table("label", model.classes, result.per_label)
    else:
        width = max(8, *(len(name) for name in model.classes))
        output.line(f"{'quantity':>{width}}        R2         MAE        RMSE")
        for name, r2, mae, rmse in zip(model.classes, *result.per_quantity, strict=True):
            output.line(f"{name:>{width}}  {r2:>8.4f}  {mae:>10.4g}  {rmse:>10.4g}")


def _print_table(kind: str, names: tuple[str, ...], per_class: Any) -> None:
    width = max(5, *(len(name) for name in names))
    output.line(f"{kind:>{width}}  precision  recall      F1  examples")
    for name, precision, recall, f1, support in zip(names, *per_class, strict=True):
        output.line(f"{name:>{width}}  {precision:>9.1%}  {recall:>6.1%}  {f1:>6.1%}  {support:>8,}")


def _print_confusion(classes: tuple[str, ...], result: Evaluation) -> None:
    output.line()
    if len(classes) > MOST_COLUMNS:
        output.line(f"the confusion matrix of {len(classes)} classes is in --json")
        return
    width = max(5, *(len(name) for name in classes))
    cell = max(4, *(len(name) for name in classes), len(str(result.confusion.max()))) + 1
    output.line("rows: the truth, columns: what the network says")
    output.line(" " * width + "".join(f"{name:>{cell}}" for name in classes))
    for name, row in zip(classes, result.confusion, strict=True):
        output.line(f"{name:>{width}}" + "".join(f"{count or '.':>{cell}}" for count in row))


MOST_COLUMNS = 30  # of a confusion matrix that a terminal can show
