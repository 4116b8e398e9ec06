"""mlp train"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from mlpcli.cli import output, signals
from mlpcli.cli.download import fetch
from mlpcli.cli.figures import describe_task, figures
from mlpcli.cli.options import (
    complete_data,
    data_dir_hint,
    data_dir_option,
    debug_option,
    json_option,
    mirror_option,
    quiet_option,
    settings_options,
    use_threads,
)
from mlpcli.config import Settings, read_config
from mlpcli.errors import CannotWriteError, DivergedError, DownloadError, UsageError
from mlpcli.files import FileIsThereError, check_target

if TYPE_CHECKING:
    from mlpcli.datasets.dataset import Dataset
    from mlpcli.evaluation import AnyEvaluation
    from mlpcli.model import Model
    from mlpcli.run import Run
    from mlpcli.training.loop import EpochResult


@click.command(epilog="Example:  mlp train digits --structure 64,32,10 --epochs 50 --output digits.npy")
@click.argument("data", required=False, shell_complete=complete_data)
@settings_options
@click.option("--config", metavar="FILE.toml", help="Take settings from this file; options given here win.")
@click.option("--force", is_flag=True, help="Replace an existing output file.")
@data_dir_option
@mirror_option
@click.option("--verbose", "-v", is_flag=True, help="Also print the error of each step.")
@quiet_option
@json_option
@debug_option
def train(
    data: str | None,
    config: str | None,
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
    (for quantities: of the epoch of the lowest validation loss); the test set is looked at once, at the end.
    """
    if verbose and (quiet or as_json):
        raise UsageError(f"--verbose: says nothing beside {'--json' if as_json else '--quiet'}; leave one out")
    given = {name: value for name, value in {"data": data, **options}.items() if value is not None}
    settings = Settings(**{**({} if config is None else read_config(config)), **given})
    use_threads(settings.threads)
    dataset = _load(settings, force, data_dir, mirrors, quiet or as_json)

    from mlpcli.checkpoint import check_size
    from mlpcli.run import Run

    run = Run(dataset, settings)
    check_target(settings.output, force, check_size(run.network.structure, run.settings.dtype or "", run.plan.epochs))
    printer = _Printer(run, verbose=verbose, quiet=quiet or as_json)
    with signals.remembered() as asked:
        try:
            for result in run.epochs(printer.step if printer.verbose else None, printer.progress, lambda: asked() > 0):
                printer.epoch(result)
        except DivergedError as error:
            printer.close()
            _keep_last_good(run, error, force)
        printer.close()
        if asked():
            output.error(_save_unfinished(run, signals.NAMES[asked()], force))
            raise click.exceptions.Exit(asked())
        test = run.model().evaluate(run.data.test)
        model = run.model(test)
        path = _save(model, settings.output, force)
    if as_json:
        output.document(_summary(path, model.meta))
    else:
        _print_result(run, test, path)


def _load(settings: Settings, force: bool, data_dir: Path, mirrors: tuple[str, ...], quiet: bool) -> Dataset:
    """The data to train on. All that can be refused is refused before anything is downloaded or decoded."""
    from mlpcli.checkpoint import check_size
    from mlpcli.datasets.catalog import find
    from mlpcli.datasets.load import is_named, load_data

    is_download = False
    if is_named(settings.data):
        entry = find(settings.data)
        is_download = entry.origin == "download"
        resolved = settings.resolve(entry.inputs, len(entry.classes), entry.examples[0])
        assert resolved.structure and resolved.epochs and resolved.dtype
        check_target(settings.output, force, check_size(resolved.structure, resolved.dtype, resolved.epochs))
    else:
        check_target(settings.output, force)
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
    return load_data(settings.data, data_dir, **settings.data_settings())


def _save(model: Model, path: str, force: bool) -> str:
    """Save, and return where: beside it, under another name, where somebody else has made the file meanwhile."""
    for number in range(1, 1000):
        place = Path(path) if number == 1 else Path(path).with_stem(f"{Path(path).stem}-{number}")
        try:
            model.save(place, replace=force)
        except FileIsThereError:
            continue
        if number > 1:
            output.note(f"{path}: was made by another process meanwhile and is as it was; saved as {place}")
        return path if number == 1 else str(place)
    raise CannotWriteError(f"{path}: exists, and so do 998 names like it; give another --output")


def _save_unfinished(run: Run, what: str, force: bool) -> str:
    """Save what an interrupted run has come to, and say so; a trained model gives way only to measured weights."""
    path = run.settings.output
    if run.best is not None:
        saved = _save(run.model(), path, force)
        return f"{what} after {len(run.history)} whole epochs; the best weights so far are in {saved}"
    if Path(path).exists():
        return f"{what} in the first epoch; nothing was saved, {path} is as it was"
    saved = _save(run.model(), path, force)
    return f"{what} in the first epoch; the weights as they are, never measured, are in {saved}"


def _keep_last_good(run: Run, error: DivergedError, force: bool) -> None:
    if run.best is None:
        raise DivergedError(f"{error}; nothing was saved") from None
    saved = _save(run.model(), run.settings.output, force)
    raise DivergedError(f"{error}; the weights of epoch {run.best.epoch + 1} are in {saved}") from None


def _summary(path: str, meta: dict[str, Any]) -> dict[str, Any]:
    kept = ("task", "structure", "activations", "loss", "data", "settings", "best_epoch", "metrics", "history")
    return {"weights": path, **{key: meta[key] for key in kept}, "training_seconds": meta["training_seconds"]}


def _print_result(run: Run, test: AnyEvaluation, path: str) -> None:
    from mlpcli.datasets.load import is_named

    if run.settings.article:
        output.line(f"Network Accuracy: {test.headline()['accuracy']:.5}")
    kept = f"epoch {run.best.epoch + 1} of {len(run.history)}" if run.best else ""
    output.line(f"test {figures(test)} on {test.examples:,} examples, with the weights of {kept}")
    typed = shlex.quote(f"./{path}" if path.startswith("-") else path)
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
        self.bar = self._new_bar(0)
        if not quiet and not run.settings.article:
            for remark in run.data.notes:
                output.note(remark)
            s, shape = run.settings, "-".join(map(str, run.network.structure))
            held_out = 0 if run.validation is None else len(run.validation.rows)
            output.line(
                f"{run.data.name}: {describe_task(run.data)}; {self.examples:,} examples to train, {held_out:,} to "
                f"validate, {len(run.data.test):,} to test"
            )
            if s.shuffle == "blocks":
                output.line("the data does not fit into memory: shuffled block by block (--shuffle examples insists)")
            output.line(
                f"{shape} {s.activation}/{s.output_activation}, {s.loss}, {s.optimizer} at {s.learning_rate:.4g} "
                f"({s.schedule}), batches of {s.batch_size}, {s.dtype}, seed {s.seed}"
            )

    def _new_bar(self, epoch: int) -> Any:
        label = f"epoch {epoch + 1}/{self.run.settings.epochs}"
        return output.bar(self.examples, " examples", label, self.quiet or self.verbose)

    def progress(self, done: int) -> None:
        self.bar.update(done - self.bar.n)

    def step(self, step: int, loss: float) -> None:
        if self.run.settings.article:
            output.line(f"SGD step: {step % self._steps():>7}, Error: {loss:>3.5}")
        else:
            output.line(f"step {step + 1:>7}  error {loss:.5g}")

    def _steps(self) -> int:
        return max(1, self.examples // (self.run.settings.batch_size or 1))

    def epoch(self, result: EpochResult) -> None:
        self.bar.close()
        self.bar = self._new_bar(result.epoch + 1)
        if self.quiet:
            return
        if self.run.settings.article:
            output.line(f"* Epoch: {result.epoch:>4}, Error: {result.training_loss:>3.5}")
            return
        width = len(str(self.run.settings.epochs))
        text = (
            f"epoch {result.epoch + 1:>{width}}/{self.run.settings.epochs}  training loss {result.training_loss:<8.4g}"
        )
        if result.validation_loss is not None:
            text += f"  validation loss {result.validation_loss:<8.4g}"
        if result.validation_accuracy is not None:
            text += f"  accuracy {result.validation_accuracy:>7.2%}"
        output.line(f"{text}  {result.seconds:.2f} s")

    def close(self) -> None:
        self.bar.close()
