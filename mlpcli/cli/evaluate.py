"""mlp evaluate"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlpcli.cli import output
from mlpcli.cli.options import data_dir_option, debug_option, json_option, quiet_option, use_threads

if TYPE_CHECKING:
    from mlpcli.model import Evaluation


@click.command(epilog="Example:  mlp evaluate weights.npy --json")
@click.argument("weights", default="weights.npy")
@click.argument("data", required=False)
@data_dir_option
@quiet_option
@json_option
@debug_option
def evaluate(weights: str, data: str | None, data_dir: Path, quiet: bool, as_json: bool) -> None:
    """Measure WEIGHTS (default: weights.npy) on the test set of DATA (default: what it was trained on).

    Prints accuracy with its 95 % Wilson interval, loss, precision, recall and F1 of each class, and the
    confusion matrix.
    """
    use_threads(1)
    from mlpcli.datasets.load import load_data
    from mlpcli.model import load

    model = load(weights)
    trained_on = model.meta["data"]["name"]
    dataset = load_data(data or trained_on, data_dir)
    model.check_fits(dataset, weights)
    if dataset.name == trained_on and dataset.fingerprint() != model.meta["data"].get("fingerprint"):
        output.note(f"{weights}: trained on another version of {dataset.name}")
    result = model.evaluate(dataset.test)
    if as_json:
        output.document(as_document(result, model.classes, dataset.name))
    else:
        _print(result, model.classes, f"{weights} on the {dataset.name} test set", model.network.loss, quiet)


def as_document(result: Evaluation, classes: tuple[str, ...], data: str) -> dict[str, object]:
    """What --json prints."""
    figures = result.per_class
    return {
        "data": data,
        "examples": result.examples,
        "accuracy": result.accuracy,
        "interval": list(result.interval),
        "loss": result.loss,
        "classes": list(classes),
        "per_class": [
            {
                "class": name,
                "precision": float(figures.precision[i]),
                "recall": float(figures.recall[i]),
                "f1": float(figures.f1[i]),
                "support": int(figures.support[i]),
            }
            for i, name in enumerate(classes)
        ],
        "confusion": result.confusion.tolist(),
    }


def _print(result: Evaluation, classes: tuple[str, ...], title: str, loss: str, quiet: bool) -> None:
    low, high = result.interval
    output.line(
        f"accuracy {result.accuracy:.2%} (95 % interval {low:.2%} to {high:.2%}), {loss} {result.loss:.4f}: "
        f"{title}, {result.examples:,} examples"
    )
    if quiet:
        return
    width = max(5, *(len(name) for name in classes))
    output.line()
    output.line(f"{'class':>{width}}  precision  recall      F1  examples")
    for name, precision, recall, f1, support in zip(classes, *result.per_class, strict=True):
        output.line(f"{name:>{width}}  {precision:>9.1%}  {recall:>6.1%}  {f1:>6.1%}  {support:>8,}")
    output.line()
    cell = max(4, *(len(name) for name in classes), len(str(result.confusion.max()))) + 1
    output.line("rows: the truth, columns: what the network says")
    output.line(" " * width + "".join(f"{name:>{cell}}" for name in classes))
    for name, row in zip(classes, result.confusion, strict=True):
        output.line(f"{name:>{width}}" + "".join(f"{count or '.':>{cell}}" for count in row))
