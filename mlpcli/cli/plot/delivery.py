"""Where a figure goes: to a file, to a window, or as text to the terminal."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mlpcli.cli import output
from mlpcli.cli.options import debug_option
from mlpcli.errors import UsageError
from mlpcli.files import check_target
from mlpcli.reports.figures.canvas import (
    format_of,
    has_matplotlib,
    is_figure,
    need_display,
    need_matplotlib,
    save,
    show,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Command = TypeVar("Command", bound=Callable[..., Any])

terminal_option = click.option(
    "--terminal", is_flag=True, help="Draw as text in the terminal, which takes no Matplotlib."
)


@dataclass(frozen=True)
class Destination:
    """Where a figure is to go, as asked for. path: None where it was not said."""

    path: str | None
    force: bool
    show: bool


def figure_options(name: str) -> Callable[[Command], Command]:
    """The options of each command that draws a figure; they arrive as `destination`. name: of the file by default."""

    def add(command: Command) -> Command:
        @functools.wraps(command)
        def with_destination(*args: Any, output: str | None, force: bool, show: bool, **kwargs: Any) -> Any:
            return command(*args, destination=Destination(output, force, show), **kwargs)

        options = (
            click.option(
                "--output",
                "-o",
                metavar="FILE",
                type=click.Path(),
                help=f"Where to write the figure; its ending says how: .png, .svg or .pdf.  [default: {name}.png]",
            ),
            click.option("--force", is_flag=True, help="Replace a file that is no figure of mlp plot."),
            click.option(
                "--show", is_flag=True, help="Show the figure in a window; without --output, nothing is written."
            ),
            debug_option,
        )
        for one in reversed(options):
            with_destination = one(with_destination)
        return with_destination  # type: ignore[return-value]

    return add


def check(destination: Destination, name: str) -> None:
    """Find out, before any work, whether a figure can be drawn and go there.

    MlpError without Matplotlib, UsageError for another ending and without a display, CannotWriteError.
    """
    need_matplotlib()
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of its caches, which are no matter here
    if destination.show:
        need_display()
    path = _path(destination, name)
    if path is not None:
        format_of(path)
        check_target(path, destination.force or is_figure(path))


def deliver(figure: Figure, destination: Destination, name: str) -> None:
    """Write the figure, and say where; show it if asked to."""
    path = _path(destination, name)
    if path is not None:
        save(figure, path, replace=destination.force or is_figure(path))
        output.line(f"saved {path}")
    if destination.show:
        show(figure)


def _path(destination: Destination, name: str) -> str | None:
    return f"{name}.png" if destination.path is None and not destination.show else destination.path


def is_for_terminal(asked: bool, destination: Destination) -> bool:
    """Whether to draw as text: because --terminal says so, or for want of Matplotlib, which `tell_of_text` notes."""
    if asked and (destination.path is not None or destination.show):
        raise UsageError("--terminal: writes no file and opens no window; leave out --output and --show")
    return asked or not (has_matplotlib() or destination.path is not None or destination.show)


def tell_of_text(asked: bool) -> None:
    """A note that something is drawn as text for want of Matplotlib, unless --terminal has asked for it."""
    if not asked:
        output.note("no Matplotlib here, drawn as text; for a file: pip install 'mlpcli[plot]'")
