"""mlp plot history"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import click

from mlpcli.cli import output
from mlpcli.cli.charts import line_chart
from mlpcli.cli.options import use_threads
from mlpcli.cli.plot.delivery import (
    Destination,
    check,
    deliver,
    figure_options,
    is_for_terminal,
    tell_of_text,
    terminal_option,
)

if TYPE_CHECKING:
    from mlpcli.reports.figures.history import Course

_AXIS = 14  # columns that a chart takes beside its curves
_WIDEST = 100


@click.command(epilog="Example:  mlp plot history first.npy second.npy")
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path())
@terminal_option
@figure_options("history")
def history(files: tuple[str, ...], terminal: bool, destination: Destination) -> None:
    """The course of a training, epoch by epoch: loss, accuracy, learning rate, length of the gradient.

    Each FILE (default: weights.npy) is a network, or the table that mlp train --history has written. Several are laid
    over one another.
    """
    as_text = is_for_terminal(terminal, destination)
    if not as_text:
        check(destination, "history")
    use_threads(1)
    courses = [_course(name) for name in files or ("weights.npy",)]
    if as_text:
        tell_of_text(terminal)
        for course in courses:
            _print(course)
        return
    from mlpcli.reports.figures.history import history as draw

    deliver(draw(courses), destination, "history")


def _course(name: str) -> Course:
    from mlpcli.checkpoint import is_weights
    from mlpcli.history import read_history_csv
    from mlpcli.model import load
    from mlpcli.reports.figures.history import Course

    if is_weights(name):
        return Course.of(load(name), name)
    return Course(name, read_history_csv(name))


def _print(course: Course) -> None:
    kept = "" if course.best is None else f", weights of epoch {course.best + 1} kept"
    cut = "" if course.finished else ", unfinished"
    output.line(f"{course.name}: {len(course.epochs)} epochs{cut}{kept}")
    width = min(_WIDEST, max(20, shutil.get_terminal_size().columns - _AXIS))
    for what, keys, logarithmic in (
        ("loss, on a logarithmic scale: * training, o validation", ("training_loss", "validation_loss"), True),
        ("accuracy on validation examples", ("validation_accuracy",), False),
    ):
        series = [[epoch.get(key) for epoch in course.epochs] for key in keys]
        lines = line_chart(series, "*o", width, logarithmic=logarithmic)
        if lines:
            output.line()
            output.line(what)
            for line in lines:
                output.line(line)
