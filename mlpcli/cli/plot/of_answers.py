"""mlp plot confusion, mistakes, calibration, boundary: what a network answers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mlpcli.cli import output
from mlpcli.cli.charts import shaded_table
from mlpcli.cli.figures import figures
from mlpcli.cli.options import complete_data, data_dir_option, use_threads
from mlpcli.cli.plot.delivery import (
    Destination,
    check,
    deliver,
    figure_options,
    is_for_terminal,
    tell_of_text,
    terminal_option,
)
from mlpcli.cli.trained import choose_examples, read_as_trained
from mlpcli.errors import UsageError

if TYPE_CHECKING:
    from mlpcli.datasets.dataset import Dataset, Split
    from mlpcli.evaluation import AnyEvaluation
    from mlpcli.model import Model

Command = TypeVar("Command", bound=Callable[..., Any])


def _network_and_data(command: Command) -> Command:
    """The arguments and options of mlp evaluate that say what is measured on what."""
    for one in (
        data_dir_option,
        click.option(
            "--label", metavar="COLUMN|FILE", help="The label, where DATA has it under another name than in training."
        ),
        click.argument("data", required=False, shell_complete=complete_data),
        click.argument("weights", default="weights.npy", type=click.Path()),
    ):
        command = one(command)
    return command


@dataclass(frozen=True)
class _Measured:
    model: Model
    data: Dataset
    split: Split
    result: AnyEvaluation
    name: str  # of the network and what it was measured on


def _measure(weights: str, data: str | None, label: str | None, data_dir: Path) -> _Measured:
    use_threads(1)
    from mlpcli.model import load

    model = load(weights)
    dataset = read_as_trained(model, weights, data, label, data_dir)
    model.check_fits(dataset, weights)
    split, part = choose_examples(model, dataset, weights)
    name = f"{Path(weights).name} on {Path(dataset.name).name} ({part})"
    return _Measured(model, dataset, split, model.evaluate(split), name)


@click.command(epilog="Example:  mlp plot confusion weights.npy")
@_network_and_data
@terminal_option
@figure_options("confusion")
def confusion(
    weights: str, data: str | None, label: str | None, data_dir: Path, terminal: bool, destination: Destination
) -> None:
    """The confusion matrix of WEIGHTS (default: weights.npy) on DATA (default: the test set of its training).

    Counts of examples, coloured by their share of the row, which is the truth; the recall of each class at the right.
    """
    as_text = is_for_terminal(terminal, destination)
    if not as_text:
        check(destination, "confusion")
    found = _measure(weights, data, label, data_dir)
    if as_text:
        tell_of_text(terminal)
        _print_confusion(found)
        return
    from mlpcli.reports.figures.confusion import confusion as draw

    deliver(draw(found.result, found.model.classes, found.name), destination, "confusion")


def _print_confusion(found: _Measured) -> None:
    from mlpcli.evaluation import Evaluation

    if not isinstance(found.result, Evaluation):
        raise UsageError(f"{found.name}: does not choose between classes; there is no confusion matrix")
    output.line(f"{found.name}: {figures(found.result)}")
    output.line(
        "rows: the truth, columns: what the network says; the fuller the shade, the larger the share of the row"
    )
    columns = shutil.get_terminal_size().columns
    for line in shaded_table(found.model.classes, found.result.confusion.tolist(), columns):
        output.line(line)


@click.command(epilog="Example:  mlp plot mistakes weights.npy --count 40")
@_network_and_data
@click.option("--count", type=int, default=24, show_default=True, metavar="N", help="How many mistakes, at most.")
@figure_options("mistakes")
def mistakes(
    weights: str, data: str | None, label: str | None, data_dir: Path, count: int, destination: Destination
) -> None:
    """What WEIGHTS (default: weights.npy) has wrong of DATA (default: the test set of its training), the surest first.

    Images, or the rows of a table, with the truth, the answer and the probability that the network gave it.
    """
    check(destination, "mistakes")
    found = _measure(weights, data, label, data_dir)
    from mlpcli.reports.figures.mistakes import mistakes as draw

    deliver(draw(found.result, found.data, found.split, count, found.name), destination, "mistakes")


@click.command(epilog="Example:  mlp plot calibration weights.npy")
@_network_and_data
@figure_options("calibration")
def calibration(weights: str, data: str | None, label: str | None, data_dir: Path, destination: Destination) -> None:
    """Whether WEIGHTS (default: weights.npy) is right as often as it says, on DATA (default: the test set)."""
    check(destination, "calibration")
    found = _measure(weights, data, label, data_dir)
    from mlpcli.reports.figures.calibration import calibration as draw

    deliver(draw(found.result, found.name), destination, "calibration")


@click.command(epilog="Example:  mlp plot boundary weights.npy")
@_network_and_data
@figure_options("boundary")
def boundary(weights: str, data: str | None, label: str | None, data_dir: Path, destination: Destination) -> None:
    """What WEIGHTS (default: weights.npy), a network of two inputs, answers all over their plane.

    The region of each class, the paler the less sure, or a quantity as contours; with the training examples of DATA
    (default: what it was trained on).
    """
    check(destination, "boundary")
    use_threads(1)
    from mlpcli.model import load
    from mlpcli.reports.figures.boundary import boundary as draw
    from mlpcli.reports.figures.boundary import check_two_inputs

    model = load(weights)
    check_two_inputs(model, weights)  # before any data is read
    dataset = read_as_trained(model, weights, data, label, data_dir)
    model.check_fits(dataset, weights)
    deliver(draw(model, dataset, name=Path(weights).name), destination, "boundary")
