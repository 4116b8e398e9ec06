"""mlp train --seeds and --folds: several trainings, as a table with mean and standard deviation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from mlpcli.cli import output, signals
from mlpcli.cli.figures import describe_task, describe_training, figure_name, figure_text
from mlpcli.cli.groups import option
from mlpcli.cli.options import data_dir_hint, typed_path
from mlpcli.config import Settings
from mlpcli.errors import DivergedError, UsageError

if TYPE_CHECKING:
    from mlpcli.repeats import Repeat, Repeats, Statistics
    from mlpcli.run import Run

Command = TypeVar("Command", bound=Callable[..., Any])

# The test figures of a task that the table has; --json and the checkpoint have all.
_SHOWN = {
    "classification": ("accuracy", "loss"),
    "multi-label": ("exact", "accuracy", "f1_macro"),
    "regression": ("r2", "mae", "rmse"),
}


def options(command: Command) -> Command:
    """The options --seeds and --folds."""
    fold_option = option(
        "Run",
        "--folds",
        type=int,
        metavar="N",
        help="Cross-validate: hold out each of N folds in turn and measure on it; the table has mean and deviation. "
        "Nothing is saved. A test part of the data's own is left alone.",
    )
    seed_option = option(
        "Run",
        "--seeds",
        type=int,
        metavar="N",
        help="Train with N seeds, from --seed on, several at a time; the table has mean and deviation. The network of "
        "the best validation figure is saved.",
    )
    decorated: Command = seed_option(fold_option(command))
    return decorated


def refuse(
    seeds: int | None, folds: int | None, resume: str | None, verbose: bool, force: bool, given: dict[str, Any]
) -> None:
    """UsageError for what makes no sense beside --seeds or --folds. given: the settings of the command line."""
    if seeds is not None and folds is not None:
        raise UsageError("--folds: not together with --seeds; leave one out")
    asked = "--seeds" if folds is None else "--folds"
    for name, is_there in (("--resume", resume is not None), ("--verbose", verbose)):
        if is_there:
            raise UsageError(f"{name}: says nothing about several runs ({asked}); leave one out")
    for name, is_there in (("--output", "output" in given), ("--force", force)):
        if folds is not None and is_there:
            raise UsageError(f"{name}: nothing is saved with --folds; leave one out")


def check_nothing(size: int) -> None:
    """What there is to check of where the network goes if it goes nowhere."""


def for_several(settings: Settings, given: dict[str, Any]) -> Settings:
    """Without what says where a single run goes, as far as it is in a --config only and not `given` beside this."""
    return replace(settings, save_every=given.get("save_every"), history=given.get("history"))


def prepare(settings: Settings, seeds: int | None, folds: int | None, data_dir: Path) -> Repeats:
    """All that can be refused is refused here. The data has been downloaded."""
    from mlpcli.repeats import Repeats, Source

    source = Source(settings.data, data_dir, settings.data_settings())
    if seeds is not None:
        return Repeats.of_seeds(source, settings, seeds)
    assert folds is not None
    return Repeats.of_folds(source, settings, folds)


def train_repeatedly(repeats: Repeats, force: bool, quiet: bool, as_json: bool) -> None:
    """Train with several seeds, or on several folds; print the table, and save the best of several seeds."""
    table = _Table(repeats, quiet, as_json)
    chosen: Repeat | None = None
    done: list[Repeat] = []
    try:
        for repeat in repeats:
            chosen = _better(chosen, repeat)
            done.append(replace(repeat, model=None))  # one network at a time, however many there are
            table.row(repeat)
    except signals.Stopped as stop:
        table.close()
        _stopped(stop, repeats, done, chosen, force)
    except DivergedError as error:
        raise DivergedError(str(error), "nothing was saved") from error
    finally:
        table.close()
    table.statistics(done)
    path = None
    if repeats.kind == "seed":
        with signals.remembered():  # all is done: a signal now comes too late to lose it
            path = _save(repeats, done, chosen, force)
    if as_json:
        output.document(_document(repeats, done, chosen, path))
    elif path is not None and chosen is not None:
        _say_saved(repeats.run, chosen, path)
    else:
        output.line("nothing is saved; mlp train without --folds gives a network to use")


def _better(chosen: Repeat | None, repeat: Repeat) -> Repeat:
    from mlpcli.repeats import best_by_validation

    return repeat if chosen is None else best_by_validation((chosen, repeat))


def _save(repeats: Repeats, done: list[Repeat], chosen: Repeat | None, force: bool) -> str:
    """Save the network that was chosen, with the table; return where."""
    from mlpcli.keeping import Keeper

    assert chosen is not None and chosen.model is not None
    meta = {**chosen.model.meta, "repeats": _described(repeats, done, chosen)}
    keeper = Keeper(repeats.run, replaces=force)
    keeper.finish(replace(chosen.model, meta=meta))
    if keeper.remark:
        output.note(keeper.remark)
    return keeper.path


def _described(repeats: Repeats, done: list[Repeat], chosen: Repeat | None) -> dict[str, Any]:
    from mlpcli.repeats import table_of

    which = {} if chosen is None else {"chosen": chosen.number}
    return {"kind": repeats.kind, **which, "monitor": repeats.run.settings.monitor, **table_of(done)}


def _document(repeats: Repeats, done: list[Repeat], chosen: Repeat | None, path: str | None) -> dict[str, Any]:
    run = repeats.run
    meta = run.model().meta
    network = {key: meta[key] for key in ("task", "structure", "activations", "loss", "settings")}
    data = {"name": run.data.name, "fingerprint": meta["data"]["fingerprint"]}
    return {
        "weights": path,
        **network,
        "data": data,
        "repeats": _described(repeats, done, chosen if repeats.kind == "seed" else None),
    }


def _say_saved(run: Run, chosen: Repeat, path: str) -> None:
    from mlpcli.datasets.load import is_named

    where = data_dir_hint() if is_named(run.data.name) else ""
    output.line(f"saved {path}: {_why(run, chosen)}; next: mlp evaluate {typed_path(path)}{where}")


def _why(run: Run, chosen: Repeat) -> str:
    if chosen.score is None:
        return f"seed {chosen.number}, the first"
    return f"seed {chosen.number}, of the best validation {str(run.settings.monitor).replace('-', ' ')}"


def _stopped(
    stop: signals.Stopped, repeats: Repeats, done: list[Repeat], chosen: Repeat | None, force: bool
) -> NoReturn:
    """Keep what there is, say so, and exit with the code of the signal."""
    what = f"{stop} after {len(done)} of {len(repeats)} {repeats.kind}s"
    if repeats.kind == "fold" or chosen is None:
        output.error(f"{what}; nothing was saved")
    else:
        path = _save(repeats, done, chosen, force)
        output.error(f"{what}; {_why(repeats.run, chosen)} among these, is in {path}")
    raise click.exceptions.Exit(stop.code)


class _Table:
    """A line for each repeat as it is done, then the statistics."""

    def __init__(self, repeats: Repeats, quiet: bool, as_json: bool) -> None:
        self.repeats, self.silent = repeats, as_json
        run = repeats.run
        monitor = run.settings.monitor
        validation = [] if monitor is None else [f"validation_{monitor.replace('-', '_')}"]
        shown = _SHOWN[run.data.task]
        if monitor == "balanced-accuracy":
            shown = ("balanced_accuracy", *shown)
        self.columns = [*validation, *(f"test_{name}" for name in shown)]
        self.headers = [_header(name) for name in self.columns]
        if not quiet and not as_json:
            self._introduce()
        if not as_json:
            self._line(repeats.kind, "epoch", self.headers, "time")
        self.bar = output.bar(len(repeats), f" {repeats.kind}s", "", quiet or as_json, scale=False)

    def _introduce(self) -> None:
        run, first, n = self.repeats.run, self.repeats.numbers[0], len(self.repeats)
        for remark in run.data.notes:
            output.note(remark)
        what = f"{n} seeds, {first} to {first + n - 1}" if self.repeats.kind == "seed" else f"{n} folds"
        at_once = f"{self.repeats.workers} at a time" if self.repeats.workers > 1 else "one after the other"
        output.line(f"{run.data.name}: {describe_task(run.data)}; {what}, {at_once}")
        output.line(describe_training(run))

    def row(self, repeat: Repeat) -> None:
        """Show a repeat."""
        if not self.silent:
            self.bar.clear()
            values = [_shown(name, repeat.figures.get(name)) for name in self.columns]
            self._line(str(repeat.number), str(repeat.best_epoch + 1), values, f"{repeat.seconds:.2f} s")
        self.bar.update()

    def statistics(self, done: list[Repeat]) -> None:
        """Show mean, standard deviation, lowest and highest of each column."""
        from mlpcli.repeats import summary

        if self.silent:
            return
        of = summary(done)
        for statistic in ("mean", "deviation", "lowest", "highest"):
            values = [_shown(name, _value(of.get(name), statistic)) for name in self.columns]
            self._line(statistic, "", values, "")

    def _line(self, first: str, epoch: str, values: list[str], time: str) -> None:
        cells = [f"{value:>{max(len(name), 8)}}" for value, name in zip(values, self.headers, strict=True)]
        output.line("  ".join([f"{first:>9}", f"{epoch:>5}", *cells, f"{time:>8}"]).rstrip())

    def close(self) -> None:
        self.bar.close()


def _header(column: str) -> str:
    part, _, figure = column.partition("_")
    return f"{part} {figure_name(figure)}"


def _value(statistics: Statistics | None, name: str) -> float | None:
    return None if statistics is None else getattr(statistics, name)


def _shown(column: str, value: float | None) -> str:
    return "-" if value is None else figure_text(column.partition("_")[2], value)
