"""mlp train"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlpcli.cli import output, signals
from mlpcli.cli.download import fetch
from mlpcli.cli.options import (
    data_dir_option,
    debug_option,
    json_option,
    mirror_option,
    quiet_option,
    settings_options,
    use_threads,
)
from mlpcli.config import Settings, read_config
from mlpcli.errors import DivergedError, DownloadError

if TYPE_CHECKING:
    from mlpcli.datasets.load import Dataset
    from mlpcli.model import Evaluation
    from mlpcli.run import Run
    from mlpcli.training.loop import EpochResult


@click.command(epilog="Example:  mlp train digits --structure 64,32,10 --epochs 50 --output digits.npy")
@click.argument("data", required=False)
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

    DATA is mnist (the default; downloaded first if it is not there), digits or parity. The weights kept are
    those of the last epoch whose validation accuracy is within one standard error of the best; the test set is
    looked at once, at the end.
    """
    given = {name: value for name, value in {"data": data, **options}.items() if value is not None}
    settings = Settings(**{**({} if config is None else read_config(config)), **given})
    use_threads(settings.threads)

    from mlpcli.checkpoint import check_size
    from mlpcli.datasets.catalog import find
    from mlpcli.files import check_target

    # All that can be refused is refused before anything is downloaded or computed.
    entry = find(settings.data)
    structure = settings.fitting_structure(entry.inputs, len(entry.classes))
    check_target(settings.output, force, check_size(structure, settings.dtype))

    from mlpcli.datasets.load import load_data
    from mlpcli.run import Run

    run = Run(_load(settings.data, data_dir, mirrors, quiet or as_json, load_data), settings)
    printer = _Printer(run, verbose=verbose and not (as_json or quiet), quiet=quiet or as_json)
    with signals.remembered() as asked:
        try:
            for result in run.epochs(printer.step if printer.verbose else None, printer.progress, lambda: asked() > 0):
                printer.epoch(result)
        except DivergedError as error:
            printer.close()
            _keep_last_good(run, error)
        printer.close()
        if asked():
            output.error(_save_unfinished(run, signals.NAMES[asked()]))
            raise click.exceptions.Exit(asked())
        test = run.model().evaluate(run.data.test)
        model = run.model(test)
        model.save(settings.output)
    if as_json:
        output.document(_summary(settings.output, model.meta))
    else:
        _print_result(run, test, settings.output)


def _load(name: str, data_dir: Path, mirrors: tuple[str, ...], quiet: bool, load_data: Any) -> Dataset:
    try:
        fetch(name, data_dir, mirrors, quiet)
    except DownloadError as error:
        raise DownloadError(
            f'{error}; or train on embedded data, which needs no download: "mlp train digits"'
        ) from None
    dataset: Dataset = load_data(name, data_dir)
    return dataset


def _save_unfinished(run: Run, what: str) -> str:
    """Save what an interrupted run has come to, and say so; a trained model gives way only to measured weights."""
    path = run.settings.output
    if run.best is not None:
        run.model().save(path)
        return f"{what} after {len(run.history)} whole epochs; the best weights so far are in {path}"
    if Path(path).exists():
        return f"{what} in the first epoch; nothing was saved, {path} is as it was"
    run.model().save(path)
    return f"{what} in the first epoch; the weights as they are, never measured, are in {path}"


def _keep_last_good(run: Run, error: DivergedError) -> None:
    if run.best is None:
        raise DivergedError(f"{error}; nothing was saved") from None
    run.model().save(run.settings.output)
    raise DivergedError(f"{error}; the weights of epoch {run.best.epoch + 1} are in {run.settings.output}") from None


def _summary(path: str, meta: dict[str, Any]) -> dict[str, Any]:
    kept = ("structure", "activations", "loss", "data", "settings", "best_epoch", "metrics", "history")
    return {"weights": path, **{key: meta[key] for key in kept}, "training_seconds": meta["training_seconds"]}


def _print_result(run: Run, test: Evaluation, path: str) -> None:
    if run.settings.article:
        output.line(f"Network Accuracy: {test.accuracy:.5}")
    low, high = test.interval
    kept = f"epoch {run.best.epoch + 1} of {len(run.history)}" if run.best else ""
    output.line(
        f"test accuracy {test.accuracy:.2%} (95 % interval {low:.2%} to {high:.2%}) "
        f"on {test.examples:,} examples, with the weights of {kept}"
    )
    typed = shlex.quote(path)
    weights = "" if path == "weights.npy" else f" --weights {typed}"
    then = f", or: mlp predict{weights} image.png" if run.data.kind == "image" else ""
    output.line(f"saved {path}; next: mlp evaluate {typed}{then}")


class _Printer:
    """What training shows while it runs."""

    def __init__(self, run: Run, verbose: bool, quiet: bool) -> None:
        self.run, self.verbose, self.quiet = run, verbose, quiet
        self.examples = len(run.training.rows)
        self.bar = self._new_bar(0)
        if not quiet and not run.settings.article:
            s, shape = run.settings, "-".join(map(str, run.network.structure))
            held_out = 0 if run.validation is None else len(run.validation.rows)
            output.line(
                f"{run.data.name}: {self.examples:,} examples to train, {held_out:,} to validate, "
                f"{len(run.data.test):,} to test"
            )
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
            text += f"  validation loss {result.validation_loss:<8.4g}  accuracy {result.validation_accuracy:>7.2%}"
        output.line(f"{text}  {result.seconds:.2f} s")

    def close(self) -> None:
        self.bar.close()
