"""mlp train"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from mlpcli.cli import output, repeats, signals
from mlpcli.cli.download import fetch
from mlpcli.cli.figures import describe_task, describe_training, figures
from mlpcli.cli.gathering import config_option, gather
from mlpcli.cli.groups import GroupedCommand, option
from mlpcli.cli.options import (
    complete_data,
    data_dir_hint,
    data_dir_option,
    debug_option,
    json_option,
    mirror_option,
    quiet_option,
    typed_path,
    use_threads,
)
from mlpcli.cli.settings_options import settings_options
from mlpcli.config import GROUPS, Settings
from mlpcli.errors import CannotWriteError, DivergedError, DownloadError, MlpError, UsageError
from mlpcli.files import FileIsThereError, check_target

if TYPE_CHECKING:
    from mlpcli.datasets.dataset import Dataset
    from mlpcli.evaluation import AnyEvaluation
    from mlpcli.keeping import Keeper
    from mlpcli.run import Run
    from mlpcli.training.loop import EpochResult


@click.command(
    cls=GroupedCommand,
    groups=GROUPS,
    epilog="Example:  mlp train digits --structure 64,32,10 --epochs 50 --output digits.npy",
)
@click.argument("data", required=False, shell_complete=complete_data)
@settings_options
@config_option
@option(
    "Run",
    "--resume",
    metavar="WEIGHTS",
    help="Go on with the unfinished run in this file, as if it had never stopped; nothing else is needed.",
)
@repeats.options
@option("Output", "--force", is_flag=True, help="Replace an existing output file.")
@data_dir_option
@mirror_option
@click.option("--verbose", "-v", is_flag=True, help="Also print the error of each step.")
@quiet_option
@json_option
@debug_option
def train(
    data: str | None,
    config: str | None,
    resume: str | None,
    seeds: int | None,
    folds: int | None,
    force: bool,
    data_dir: Path,
    mirrors: tuple[str, ...],
    verbose: bool,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Train a network on DATA and save it.

    DATA is the name of a set (mnist by default; downloaded first if it is not there; see mlp download --list), or a
    path: a folder with a sub-folder of images for each class, a table (CSV or TSV, also gzip), or arrays (.npy, .npz
    or IDX). "mlp data DATA" shows what is understood of it.

    The weights kept are those of the last epoch whose validation accuracy is within one standard error of the best
    (with --patience or by loss: of the best epoch); the test set is looked at once, at the end.

    --seeds repeats all that with several seeds, --folds is a cross-validation; both show mean and deviation.

    An unfinished run is in the output file after Ctrl-C, SIGTERM or a kill: --resume goes on with it.
    """
    if verbose and (quiet or as_json):
        raise UsageError(f"--verbose: says nothing beside {'--json' if as_json else '--quiet'}; leave one out")
    given = {name: value for name, value in {"data": data, **options}.items() if value is not None}
    if seeds is not None or folds is not None:
        repeats.refuse(seeds, folds, resume, verbose, force, given)
    if resume is None:
        asked = gather(config, given)
        use_threads(asked.settings.threads)
        if seeds is not None or folds is not None:
            settings = repeats.for_several(asked.settings, given)
            check = partial(_check_targets, settings, force) if seeds is not None else repeats.check_nothing
            _fetch(settings, check, data_dir, mirrors, quiet or as_json)
            several = repeats.prepare(settings, seeds, folds, data_dir)
            for remark in asked.notes(several.run.data) if seeds is not None else ():
                output.note(remark)
            repeats.train_repeatedly(several, force, quiet, as_json)
            return
        run = _new_run(asked.settings, force, data_dir, mirrors, quiet or as_json)
        for remark in asked.notes(run.data):
            output.note(remark)
    else:
        if config is not None:
            raise UsageError("--config: a run that goes on has its settings; leave it out")
        use_threads(given.get("threads", 1))
        run = _resumed(resume, given, force, data_dir, mirrors, quiet or as_json)
    # A run that goes on writes to its own file.
    _train(run, verbose, quiet, as_json, replaces=force or run.settings.output == resume)


def _new_run(settings: Settings, force: bool, data_dir: Path, mirrors: tuple[str, ...], quiet: bool) -> Run:
    dataset = _load(settings, force, data_dir, mirrors, quiet)

    from mlpcli.run import Run

    run = Run(dataset, settings)
    _check_targets(settings, force, run.bytes_needed)
    run.fit_to_budget()
    return run


def _resumed(
    weights: str, given: dict[str, Any], force: bool, data_dir: Path, mirrors: tuple[str, ...], quiet: bool
) -> Run:
    from mlpcli.datasets.load import is_named, load_data
    from mlpcli.resuming import unfinished

    left = unfinished(weights, given)
    if left.settings.output != weights:
        check_target(left.settings.output, force)
    if left.settings.history is not None and left.settings.history != left.meta["settings"].get("history"):
        check_target(left.settings.history, force, option="--history")
    if is_named(left.settings.data):
        dataset = _load(left.settings, True, data_dir, mirrors, quiet)
    else:
        try:
            dataset = load_data(left.settings.data, data_dir, **left.settings.data_settings())
        except UsageError as error:
            raise UsageError(f"{error} (the data of the run in {weights}; DATA tells where it is now)") from None
    run = left.run(dataset)
    check_target(left.settings.output, True, run.bytes_needed)
    for remark in left.notes():
        output.note(remark)
    return run


def _train(run: Run, verbose: bool, quiet: bool, as_json: bool, replaces: bool) -> None:
    from mlpcli.diagnosis import while_training
    from mlpcli.keeping import Keeper

    keeper = Keeper(run, replaces)
    printer = _Printer(run, verbose=verbose, quiet=quiet or as_json)

    def progress(done: int) -> None:
        printer.progress(done)
        keeper.within_epoch()

    with signals.remembered() as asked:
        try:
            for result in run.epochs(printer.step if printer.verbose else None, progress, lambda: asked() > 0):
                keeper.after_epoch()
                printer.epoch(result)
                printer.tell_problem(keeper)
        except DivergedError as error:
            printer.close()
            _keep_last_good(run, keeper, error)
        printer.close()
        if asked() and not run.finished:
            output.error(_save_unfinished(run, keeper, signals.NAMES[asked()]))
            raise click.exceptions.Exit(asked())
        test = run.model().evaluate(run.data.test)
        model = run.model(test)
        keeper.finish(model)
        # The article's faults are known, and part of the lesson.
        findings = [] if run.settings.article else while_training(run)
    _tell_of_other_name(keeper)
    if as_json:
        told = [finding._asdict() for finding in findings]
        output.document({**_summary(keeper.path, model.meta), "findings": told})
    else:
        for finding in [] if quiet else findings:
            output.note(f"{finding.check}: {finding.found}: {finding.meaning}; {finding.advice}")
        _print_result(run, test, keeper.path)


def _check_targets(settings: Settings, force: bool, size: int = 0) -> None:
    """Refuse, before any work, what cannot be written."""
    try:
        check_target(settings.output, force, size)
    except FileIsThereError as error:
        if _is_unfinished(settings.output):
            typed = shlex.quote(settings.output)
            raise CannotWriteError(
                f"{settings.output}: holds an unfinished run; go on with it by --resume {typed}, or give --force to "
                "replace it"
            ) from None
        raise error
    if settings.history is not None:
        check_target(settings.history, force, option="--history")


def _is_unfinished(path: str) -> bool:
    from mlpcli import checkpoint

    with contextlib.suppress(MlpError):
        return "state" in checkpoint.load(path)[1]
    return False


def _load(settings: Settings, force: bool, data_dir: Path, mirrors: tuple[str, ...], quiet: bool) -> Dataset:
    """The data to train on. All that can be refused is refused before anything is downloaded or decoded."""
    from mlpcli.datasets.load import load_data

    _fetch(settings, partial(_check_targets, settings, force), data_dir, mirrors, quiet)
    return load_data(settings.data, data_dir, **settings.data_settings())


def _fetch(
    settings: Settings, check: Callable[[int], None], data_dir: Path, mirrors: tuple[str, ...], quiet: bool
) -> None:
    """Download what is not there yet. check: of where the network goes, given its size in bytes if that is known."""
    from mlpcli.checkpoint import check_size
    from mlpcli.datasets.catalog import find
    from mlpcli.datasets.load import is_named
    from mlpcli.preparing import catalog_facts

    is_download = False
    if is_named(settings.data):
        entry = find(settings.data)
        is_download = entry.origin == "download"
        resolved = settings.resolve(**catalog_facts(entry)._asdict())
        assert resolved.structure and resolved.epochs and resolved.dtype
        check(check_size(resolved.structure, resolved.dtype, resolved.epochs))
    else:
        check(0)
    if (
        mirrors
        and not is_download
        and click.get_current_context().get_parameter_source("mirrors") is ParameterSource.COMMANDLINE
    ):
        raise UsageError(f"--mirror: {settings.data} is not downloaded; leave it out")
    if is_download:
        try:
            fetch(settings.data, data_dir, mirrors, quiet)
        except DownloadError as error:
            raise DownloadError(
                f'{error}; or train on embedded data, which needs no download: "mlp train digits"'
            ) from None


def _save_unfinished(run: Run, keeper: Keeper, what: str) -> str:
    """Save what an interrupted run has come to, and say so; a trained model gives way only to measured weights."""
    path = run.settings.output
    if run.best is None and keeper.replaces and Path(path).exists() and not _is_unfinished(path):
        return f"{what} in the first epoch; nothing was saved, {path} is as it was"
    keeper.unfinished()
    _tell_of_other_name(keeper)
    then = f"go on with: mlp train --resume {typed_path(keeper.path)}"
    if run.best is None:
        return f"{what} in the first epoch; the weights as they are, never measured, are in {keeper.path}; {then}"
    return f"{what} after {len(run.history)} whole epochs; the best weights so far are in {keeper.path}; {then}"


def _keep_last_good(run: Run, keeper: Keeper, error: DivergedError) -> None:
    from mlpcli.diagnosis import on_divergence

    kept = "nothing was saved"
    if run.best is not None:
        keeper.finish(run.model())
        kept = f"the weights of epoch {run.best.epoch + 1} are in {keeper.path}"
    raise DivergedError(error.what, f"{kept}; try {on_divergence(run)}") from None


def _tell_of_other_name(keeper: Keeper) -> None:
    if keeper.remark:
        output.note(keeper.remark)


def _summary(path: str, meta: dict[str, Any]) -> dict[str, Any]:
    network = ("task", "structure", "activations", "loss", "data", "settings")
    run = ("best_epoch", "stopped_by", "metrics", "history", "training_seconds")
    return {"weights": path, **{key: meta[key] for key in (*network, *run)}}


def _print_result(run: Run, test: AnyEvaluation, path: str) -> None:
    from mlpcli.datasets.load import is_named

    if run.settings.article:
        output.line(f"Network Accuracy: {test.headline()['accuracy']:.5}")
    if run.stopped_by:
        then = f"; mlp train --resume {typed_path(path)} goes on" if run.is_cut else ""
        output.line(f"stopped after {len(run.history)} epochs: {run.stopped_by}{then}")
    kept = f"epoch {run.best.epoch + 1} of {len(run.history)}" if run.best else "a part of the first epoch"
    output.line(f"test {figures(test)} on {test.examples:,} examples, with the weights of {kept}")
    typed = typed_path(path)
    weights = "" if path == "weights.npy" else f" --weights {typed}"
    example = {"image": "image.png", "table": "rows.csv"}.get(run.data.kind)
    where = data_dir_hint() if is_named(run.data.name) else ""
    then = f", or: mlp predict{weights} {example}" if example else ""
    output.line(f"saved {path}; next: mlp evaluate {typed}{where}{then}")


class _Printer:
    """What training shows while it runs."""

    def __init__(self, run: Run, verbose: bool, quiet: bool) -> None:
        self.run, self.verbose, self.quiet = run, verbose, quiet
        self.examples = len(run.training.rows)
        if not quiet and not run.settings.article:
            self._introduce()
        done = len(run.history) * self.examples
        self.bar = output.bar(
            run.plan.epochs * self.examples, " examples", self._label(len(run.history)), quiet or verbose, initial=done
        )

    def _introduce(self) -> None:
        run, s = self.run, self.run.settings
        for remark in run.data.notes:
            output.note(remark)
        held_out = 0 if run.validation is None else len(run.validation.rows)
        output.line(
            f"{run.data.name}: {describe_task(run.data)}; {self.examples:,} examples to train, {held_out:,} to "
            f"validate, {len(run.data.test):,} to test"
        )
        if s.shuffle == "blocks":
            output.line("the data does not fit into memory: shuffled block by block (--shuffle examples insists)")
        output.line(f"{describe_training(run)}, seed {s.seed}")
        if 0 < run.epochs_for_budget < 1:
            output.note(f"--time-budget: {s.time_budget} is estimated to be {run.epochs_for_budget:.0%} of an epoch")
        elif run.epochs_for_budget:
            output.line(f"{run.plan.epochs} epochs are estimated to fit into {s.time_budget}")
        if run.history:
            output.line(f"going on after {len(run.history)} whole epochs and {run.position.step} steps")

    def _label(self, epoch: int) -> str:
        return f"epoch {min(epoch + 1, self.run.plan.epochs)}/{self.run.plan.epochs}"

    def progress(self, done: int) -> None:
        self.bar.update(self.run.position.epoch * self.examples + done - self.bar.n)

    def step(self, step: int, loss: float) -> None:
        if self.run.settings.article:
            output.line(f"SGD step: {step % self._steps():>7}, Error: {loss:>3.5}")
        else:
            output.line(f"step {step + 1:>7}  error {loss:.5g}")

    def _steps(self) -> int:
        return max(1, self.examples // (self.run.settings.batch_size or 1))

    def tell_problem(self, keeper: Keeper) -> None:
        """A save that failed while training; it is tried again."""
        if keeper.problem is not None:
            self.bar.clear()
            output.note(f"{keeper.problem}; training goes on")
            keeper.problem = None

    def epoch(self, result: EpochResult) -> None:
        self.bar.set_description(self._label(result.epoch + 1), refresh=False)
        if self.quiet:
            return
        self.bar.clear()
        if self.run.settings.article:
            output.line(f"* Epoch: {result.epoch:>4}, Error: {result.training_loss:>3.5}")
            return
        epochs = self.run.plan.epochs
        text = f"epoch {result.epoch + 1:>{len(str(epochs))}}/{epochs}  training loss {result.training_loss:<8.4g}"
        if result.validation_loss is not None:
            text += f"  validation loss {result.validation_loss:<8.4g}"
        if self.run.settings.monitor == "balanced-accuracy" and result.validation_balanced_accuracy is not None:
            text += f"  balanced accuracy {result.validation_balanced_accuracy:>7.2%}"
        elif result.validation_accuracy is not None:
            text += f"  accuracy {result.validation_accuracy:>7.2%}"
        output.line(f"{text}  {result.seconds:.2f} s")

    def close(self) -> None:
        self.bar.close()
