"""Lines, bars and errors: everything that reaches the terminal goes through here.

Results go to standard output; bars, notes and errors to standard error. A standard output that is full or
closed never stops work that is under way: it is noticed, silenced, and told of by the exit code.
"""

import contextlib
import errno
import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tqdm import tqdm


@dataclass
class _State:
    debug: bool = False
    stdout_error: OSError | None = None


state = _State()


def reset() -> None:
    """Begin a command with nothing known."""
    state.debug, state.stdout_error = False, None


def line(text: str = "") -> None:
    """A line of the result, on standard output."""
    _to_stdout(printable(text))


def lines(texts: Iterable[str]) -> None:
    """Lines of the result, on standard output, written at once."""
    if text := "\n".join(map(printable, texts)):
        _to_stdout(text)


def document(content: Any) -> None:
    """One JSON document on standard output."""
    _to_stdout(json_text(content, indent=2))


def json_text(content: Any, indent: int | None = None) -> str:
    """`content` as JSON, in Unicode where all of it can be printed, else in ASCII."""
    text = json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=False)
    if all(c.isprintable() or c == "\n" for c in text):
        return text
    return json.dumps(content, indent=indent, allow_nan=False)


def json_lines(texts: Iterable[str]) -> None:
    """What `json_text` made, or parts of a document, on standard output, written at once."""
    if text := "\n".join(texts):
        _to_stdout(text)


def csv_rows(texts: Iterable[str]) -> None:
    """Rows of CSV without their ends, on standard output, written at once; a quoted line end is part of its cell."""
    if text := "\n".join(_printable_but_for_line_ends(text) for text in texts):
        _to_stdout(text)


def _printable_but_for_line_ends(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


def _to_stdout(text: str) -> None:
    if sys.stdout is None:
        state.stdout_error = OSError(errno.EBADF, "it is closed")
    if state.stdout_error is None:
        try:
            click.echo(text)
        except OSError as error:
            silence_stdout(error)


def usage(problem: click.ClickException) -> None:
    """A usage error, in Click's own form."""
    if sys.stderr is not None:  # Click would take standard output instead
        with contextlib.suppress(OSError):
            problem.show()


def note(text: str) -> None:
    """A remark on standard error."""
    _to_stderr(f"mlp: {text}")


def error(text: str) -> None:
    """The one line that an error gets."""
    _to_stderr("mlp: error: " + " ".join(text.split()))


def _to_stderr(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # nowhere left to complain
        click.echo(printable(text), err=True)


def printable(text: str) -> str:
    """Without control characters, which a file name may hold and a terminal would obey."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def silence_stdout(problem: OSError) -> None:
    """Give up standard output because of `problem`; `finish` will tell."""
    state.stdout_error = problem
    # What is still buffered would fail again when Python exits.
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def finish(code: int) -> int:
    """Flush, and return the exit code: 5 if results could not be printed, 141 if their reader went away."""
    if state.stdout_error is None and sys.stdout is not None:
        try:
            sys.stdout.flush()
        except OSError as problem:
            silence_stdout(problem)
        except ValueError:  # closed
            return code
    problem_ = state.stdout_error
    if problem_ is None or code != 0:
        return code
    if problem_.errno == errno.EPIPE:
        return 141  # as a program that SIGPIPE ended
    error(f"standard output: cannot write ({problem_.strerror}); make room, or send it elsewhere")
    return 5


def bar(
    total: int | None, unit: str, label: str, quiet: bool = False, scale: bool = True, initial: int = 0
) -> "tqdm[Any]":
    """A progress bar on standard error, with rate and time left; only on a terminal, and only if there is time."""
    from tqdm import tqdm

    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    return tqdm(
        total=total,
        initial=initial,
        unit=unit,
        unit_scale=scale,
        desc=label,
        leave=False,
        delay=0.2,
        disable=quiet or not is_terminal,
        file=sys.stderr,
    )
