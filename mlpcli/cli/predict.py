"""mlp predict"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from mlpcli.cli import output
from mlpcli.cli.answers import FORMATS, UNREADABLE, writer
from mlpcli.cli.groups import GroupedCommand, option
from mlpcli.cli.options import debug_option, json_option, use_threads
from mlpcli.errors import MlpError, UsageError

if TYPE_CHECKING:
    from mlpcli.cli.seen import SeenSheet
    from mlpcli.model import Model
    from mlpcli.predicting import Answer, Failure, Limits, Remark

Command = TypeVar("Command", bound=Any)


def _options(command: Command) -> Command:
    """All that --help shows below "Options"."""
    for one in reversed(
        (
            option(
                "Input",
                "--weights",
                "-w",
                default="weights.npy",
                show_default=True,
                metavar="FILE",
                type=click.Path(),
                help="The trained network.",
            ),
            option("Input", "--page", is_flag=True, help="Each FILE is a page: find its characters, and read them."),
            option(
                "Input",
                "--no-preprocess",
                is_flag=True,
                help="Take pictures as they are, light strokes on dark: nothing is found, inverted or centred; one of "
                "another size is stretched to the network's.",
            ),
            option("Answer", "--top", type=int, metavar="K", help="How many classes to show.  [default: 3; in CSV 1]"),
            option("Answer", "--probabilities", is_flag=True, help="Show the probabilities of all classes."),
            option(
                "Answer",
                "--reject",
                type=float,
                metavar="P",
                default=0.0,
                help='Below this probability (0 to 1) the answer is "unsure".  [default: 0, never]',
            ),
            option(
                "Answer",
                "--strange-above",
                type=float,
                metavar="X",
                default=1.0,
                help="Above this strangeness (training examples have up to 1) the answer is that nothing in training "
                "was like it.  [default: 1]",
            ),
            option("Answer", "--accept-strange", is_flag=True, help="Give an answer, however strange the example."),
            option(
                "Output",
                "--format",
                "form",
                type=click.Choice(FORMATS),
                help="text, csv (with a header), json (one document) or jsonl (one a line).  [default: text]",
            ),
            option("Output", "--show", is_flag=True, help="Draw each picture, and what the network saw of it."),
            option(
                "Output",
                "--save-seen",
                metavar="FILE.png",
                type=click.Path(),
                help="Write each picture and what the network saw of it, enlarged, to one sheet of up to 100.",
            ),
            option(
                "Output",
                "--annotate",
                metavar="FILE.png",
                type=click.Path(),
                help="With --page: write the page with a box and a label for each character.",
            ),
            option(
                "Output", "--force", is_flag=True, help="Replace any existing FILE.png; else only one of its own kind."
            ),
            click.option(
                "--quiet",
                "-q",
                is_flag=True,
                help=f"Print the answers only, one a line; {UNREADABLE} for a file that cannot be read.",
            ),
            json_option,
            debug_option,
        )
    ):
        command = one(command)
    return command


@dataclass(frozen=True)
class Asked:
    """What the command line asks for, its options by name."""

    weights: str
    page: bool
    no_preprocess: bool
    top: int | None
    probabilities: bool
    reject: float
    strange_above: float
    accept_strange: bool
    form: str | None
    show: bool
    save_seen: str | None
    annotate: str | None
    force: bool
    quiet: bool
    as_json: bool

    @property
    def format(self) -> str:
        """One of FORMATS."""
        return self.form or ("json" if self.as_json else "text")

    def check(self, limit_is_given: bool) -> None:
        """UsageError for values that are out of range, and options that exclude each other."""
        if self.top is not None and self.top < 1:
            raise UsageError(f"--top: {self.top} is out of range; give a whole number from 1 on")
        if self.as_json and self.form not in (None, "json"):
            raise UsageError(f"--json: contradicts --format {self.form}; leave one out")
        if self.accept_strange and limit_is_given:
            raise UsageError("--accept-strange: contradicts --strange-above; leave one out")
        if self.show and self.format != "text":
            raise UsageError(f"--show: draws between lines of text, which {self.format} has not; leave one out")
        if self.annotate is not None and not self.page:
            raise UsageError("--annotate: draws on a page; give --page, too")
        for name, is_given in (
            ("--no-preprocess", self.no_preprocess),
            ("--top", self.top is not None),
            ("--probabilities", self.probabilities),
            ("--show", self.show),
        ):
            if self.page and is_given:
                raise UsageError(f"{name}: is not for --page; leave one out")
        if self.force and self.save_seen is None and self.annotate is None:
            raise UsageError("--force: is about --save-seen and --annotate; leave it out")
        if self.save_seen is not None and self.annotate is not None:
            from mlpcli.pictures.png import is_same_file

            if is_same_file(self.save_seen, self.annotate):
                raise UsageError(f"--annotate: {self.annotate} is the file of --save-seen, too; give two names")


@click.command(
    cls=GroupedCommand,
    groups=("Input", "Answer", "Output"),
    epilog="Example:  mlp predict --weights digits.npy seven.png scans/ --format csv > answers.csv",
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path())
@_options
@click.pass_context
def predict(context: click.Context, /, files: tuple[str, ...], **options: Any) -> None:
    """Say what the network makes of each FILE: pictures, pages, or the rows of tables and arrays.

    FILE is a file, a folder (all that is suitable in it and below), a pattern such as 'scans/*.png', or - for standard
    input: a picture, an array, the rows of a table, or the paths of files, one a line or with a NUL after each (find
    -print0), no patterns.

    Pictures (PNG, JPEG, BMP, GIF, TIFF, WebP) are for networks trained on images. One of a character may be light on
    dark or dark on light, of any size; it is made to look like those that the network was trained on. A table (CSV,
    TSV, also gzip) has the columns of the table that the network was trained on, raw, in any order, with or without
    the label. An array (.npy, .npz, IDX) has one example in each row.

    A file that cannot be read gets an error line, and the others are predicted.
    """
    asked = Asked(**options)
    limit_is_given = context.get_parameter_source("strange_above") is ParameterSource.COMMANDLINE
    asked.check(limit_is_given)
    use_threads(1)
    from mlpcli.model import load
    from mlpcli.predicting import Limits

    limits = Limits(asked.reject, None if asked.accept_strange else asked.strange_above)
    model = load(asked.weights)
    _check_fits(model, asked, limit_is_given)
    if _is_blind(model) and not (asked.accept_strange or asked.quiet):
        output.note(
            f"{asked.weights}: no measure of what is strange, so whatever is no such picture gets an answer, too; "
            "train again, or use model.with_strangeness(data) in Python"
        )
    sheet = None
    if asked.save_seen is not None:
        from mlpcli.cli.seen import SeenSheet

        sheet = SeenSheet(asked.save_seen, asked.force, model, (asked.weights, *files))
    with contextlib.ExitStack() as stack:
        sources = Sources(files, model.input["kind"], asked.quiet, stack)
        if asked.page:
            from mlpcli.cli.pages import read_pages

            read_pages(model, sources, limits, asked.format, asked.quiet, asked.annotate, asked.force, sheet)
        else:
            _predict(model, sources, limits, asked, sheet)
        if sheet is not None:
            sheet.write()
    if sources.failures:
        raise click.exceptions.Exit(sources.failures[0].exit_code)


def _check_fits(model: Model, asked: Asked, limit_is_given: bool) -> None:
    """UsageError for options that this network has no use for."""
    if model.task != "classification":
        for name, is_given in (
            ("--top", asked.top is not None),
            ("--probabilities", asked.probabilities),
            ("--reject", asked.reject > 0),
            ("--strange-above", limit_is_given),
            ("--accept-strange", asked.accept_strange),
        ):
            if is_given:
                raise UsageError(
                    f"{name}: {asked.weights} does not choose between classes ({model.task}); leave it out"
                )
    elif limit_is_given and model.familiarity is None:
        raise UsageError(f"--strange-above: {asked.weights} has no measure of what is strange; leave it out")
    if model.input["kind"] != "image":
        for name, is_given in (
            ("--no-preprocess", asked.no_preprocess),
            ("--show", asked.show),
            ("--save-seen", asked.save_seen is not None),
        ):
            if is_given:
                raise UsageError(f"{name}: {asked.weights} was not trained on images; leave it out")


def _is_blind(model: Model) -> bool:
    """Whether it chooses between classes of images, and cannot tell what is unlike all of them."""
    return model.task == "classification" and model.input["kind"] == "image" and model.familiarity is None


@dataclass
class Sources:
    """The files that are meant, and what went wrong with some of them.

    files: as they were typed. kind: of the network's input. stack: holds what standard input brought.
    """

    files: tuple[str, ...]
    kind: str
    quiet: bool
    stack: contextlib.ExitStack
    failures: list[MlpError] = field(default_factory=list)
    _received: str | None = None  # the temporary file with what standard input brought

    @property
    def is_stream(self) -> bool:
        """Whether files are named on standard input, one after the other."""
        return "-" in self.files

    def names(self) -> Iterator[str]:
        """Each file, as it is found; what names none is told of at once."""
        from mlpcli.datasets.listing import find_files

        for name in self.files:
            try:
                if name == "-":
                    yield from self._from_standard_input()
                else:
                    yield from find_files(name, self.kind)
            except MlpError as error:
                self.fail(error)

    def _from_standard_input(self) -> Iterator[str]:
        from mlpcli.datasets.listing import find_files
        from mlpcli.datasets.stream import received

        if sys.stdin is None:
            raise UsageError("standard input: it is closed; name files instead")
        if sys.stdin.isatty() and not self.quiet:
            output.note("standard input is the keyboard: type the paths of files, one a line, and end with Ctrl-D")
        self._received, paths = self.stack.enter_context(received(sys.stdin.buffer, self.kind))
        if self._received is not None:
            yield from paths
            return
        for path in paths:
            try:
                yield from find_files(path, self.kind, patterns=False)
            except MlpError as error:
                self.fail(error)

    def fail(self, error: MlpError) -> None:
        """Tell of a failure, and remember it."""
        self.failures.append(error)
        output.error(self.named(str(error), "standard input"))

    def remark(self, file: str, text: str) -> None:
        """Tell of something to know about how a file was read."""
        if not self.quiet:
            output.note(f"{self.named(file)}: {text}")

    def named(self, text: str, name: str = "-") -> str:
        """The text with `name` in place of the temporary file's."""
        return text if self._received is None else text.replace(self._received, name)


def _predict(model: Model, sources: Sources, limits: Limits, asked: Asked, sheet: SeenSheet | None) -> None:
    from mlpcli.predicting import FIRST, predict_batches

    names: Iterator[str] | list[str] = sources.names()
    total = None
    if not sources.is_stream:
        names = list(names)
        total = len(names)
    display = _Display(model, sources, asked, sheet)
    # On one terminal, a bar and the answers would write over each other.
    is_apart = sys.stderr is not None and sys.stderr.isatty() and not (sys.stdout is not None and sys.stdout.isatty())
    with contextlib.ExitStack() as stack:
        bar = None
        if is_apart and not asked.quiet and (total is None or total > FIRST):  # importing it takes its time
            bar = stack.enter_context(output.bar(total, " files", "predicting"))
        for batch in predict_batches(model, iter(names), limits, not asked.no_preprocess):
            display.show(batch)
            if bar is not None:
                bar.update(len({one.file for one in batch}))
    display.writer.finish()


class _Display:
    """Shows answers, failures and remarks in their order, and collects for the sheet, if there is one."""

    def __init__(self, model: Model, sources: Sources, asked: Asked, sheet: SeenSheet | None) -> None:
        self.writer = writer(asked.format, model, asked.top, asked.probabilities, asked.quiet)
        self._model, self._sources, self._draws, self._sheet = model, sources, asked.show, sheet

    def show(self, batch: list[Answer | Failure | Remark]) -> None:
        from mlpcli.predicting import Failure, Remark

        answers: list[Answer] = []
        for one in batch:
            if not isinstance(one, Failure | Remark):
                answers.append(one)
                continue
            self._show(answers)
            answers = []
            if isinstance(one, Failure):
                self._sources.fail(one.error)
                self.writer.fail()
            else:
                self._sources.remark(one.file, one.text)
        self._show(answers)

    def _show(self, answers: list[Answer]) -> None:
        if self._sheet is not None:
            for answer in answers:
                self._sheet.add(answer, self._sources.named(answer.file))
        named = [replace(answer, file=self._sources.named(answer.file)) for answer in answers]
        if not self._draws:
            self.writer.show(named)
            return
        from mlpcli.cli.seen import drawn

        for answer, shown in zip(answers, named, strict=True):
            self.writer.show([shown])
            output.lines([*drawn(answer, self._model), ""])
