"""How far a figure can be trusted: the same training with several seeds, or on several folds of the data.

What one run gives depends on its seed, and on which examples it is measured on. Several seeds show the first, a
stratified cross-validation both (Stone 1974; Kohavi 1995). The deviation between folds is no standard error of
their mean: their training examples are mostly the same (Bengio and Grandvalet 2004).
"""

import contextlib
import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

from mlpcli.config import DATA_SETTINGS, Settings, named_settings, option_name
from mlpcli.datasets.dataset import Dataset, hold_out
from mlpcli.datasets.load import load_data
from mlpcli.datasets.split import Fold
from mlpcli.errors import MlpError, UsageError
from mlpcli.memory import available_memory, memory_mapping
from mlpcli.model import Model
from mlpcli.run import Run
from mlpcli.workers import available_cores, in_parallel

MOST = 1000  # repeats
_OVERHEAD = 2**27  # bytes of a worker process, without its data
# What says where a single run goes, and when; several of them have one file at most, at the end.
_NOT_OF_REPEATS = ("save_every", "history")


@dataclass(frozen=True)
class Repeat:
    """One of the trainings and what it came to.

    number: its seed, or its fold, from 1. best_epoch: from 0, of `epochs`. validation: the figures of that epoch that
    chose it, {} without validation; test: those on the test part, or the fold held out, as an evaluation's headline
    has them. seconds: of training. score: the validation figure that is monitored, the higher the better, or None.
    """

    number: int
    best_epoch: int
    epochs: int
    validation: dict[str, float]
    test: dict[str, float | None]
    seconds: float
    score: float | None
    model: Model | None

    @property
    def figures(self) -> dict[str, float | None]:
        """All figures: validation_loss, test_accuracy and so on; None where a figure is undefined."""
        validation = {f"validation_{name}": value for name, value in self.validation.items()}
        return {**validation, **{f"test_{name}": value for name, value in self.test.items()}}


@dataclass(frozen=True)
class Statistics:
    """Of one figure over several repeats. deviation: standard, with n - 1. count: the repeats where it is defined."""

    mean: float
    deviation: float | None
    lowest: float
    highest: float
    count: int


def summary(repeats: Iterable[Repeat]) -> dict[str, Statistics]:
    """The statistics of each figure, by name; a figure that is nowhere defined is left out."""
    values: dict[str, list[float]] = {}
    for repeat in repeats:
        for name, value in repeat.figures.items():
            values.setdefault(name, [])
            if value is not None:
                values[name].append(value)
    return {name: _statistics(given) for name, given in values.items() if given}


def _statistics(values: Sequence[float]) -> Statistics:
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return Statistics(statistics.fmean(values), deviation, min(values), max(values), len(values))


def table_of(repeats: Sequence[Repeat]) -> dict[str, Any]:
    """All repeats and their summary, as JSON takes it: {"runs": [...], "summary": {...}}."""
    runs = [
        {
            "number": repeat.number,
            "best_epoch": repeat.best_epoch,
            "epochs": repeat.epochs,
            "figures": repeat.figures,
            "seconds": round(repeat.seconds, 3),
        }
        for repeat in repeats
    ]
    return {"runs": runs, "summary": {name: asdict(given) for name, given in summary(repeats).items()}}


def best_by_validation(repeats: Iterable[Repeat]) -> Repeat:
    """The repeat with the best validation figure, the first of equals; without validation, the first."""
    return max(repeats, key=lambda repeat: -math.inf if repeat.score is None else repeat.score)


def several_seeds(
    data: Dataset | str | Path,
    seeds: int = 5,
    *,
    data_dir: str | Path = "data",
    workers: int | None = None,
    **settings: Any,
) -> "Repeats":
    """Train `seeds` times, with the seeds `seed`, `seed` + 1 and so on; each result is that of `train`, bit for bit.

    data: a data set, or the name or path of one; then settings may say how it is read, too. workers: processes at a
    time, by default as many as there are cores and memory for.

    Iterating over what this returns trains: ``summary(several_seeds("digits"))["test_accuracy"].mean``. Raises as
    `train` does, for all settings at once.
    """
    return Repeats.of_seeds(*_given(data, data_dir, settings, "several_seeds"), seeds, workers)


def cross_validate(
    data: Dataset | str | Path,
    folds: int = 5,
    *,
    data_dir: str | Path = "data",
    workers: int | None = None,
    **settings: Any,
) -> "Repeats":
    """Train `folds` times, each time without one fold of the examples, which that network is then measured on.

    The folds are of all examples, or of the training part alone where the data has a test part of its own, which is
    left alone; of a classification they are stratified. A fold that is held out decides nothing: the epoch is chosen
    by validation examples among the others. Of data by name or path, the encoding of a table and the range of values
    are learnt anew, too, without the fold; a `Dataset` keeps those that it has. split_seed: of the folds.

    The rest as `several_seeds`: ``summary(cross_validate("iris.csv", folds=10))["test_accuracy"]``.
    """
    return Repeats.of_folds(*_given(data, data_dir, settings, "cross_validate"), folds, workers)


class Source(NamedTuple):
    """Where the data comes from: a data set, or what `load_data` takes."""

    data: Dataset | str
    data_dir: str | Path = "data"
    options: dict[str, Any] = {}  # noqa: RUF012  # never written to

    def load(self, fold: Fold | None = None) -> Dataset:
        """The data, or with a fold held out. Raises as `load_data`."""
        if isinstance(self.data, str):
            return load_data(self.data, self.data_dir, fold=fold, **self.options)
        return self.data if fold is None else hold_out(self.data, fold, self.options.get("split_seed"))


def _given(
    data: Dataset | str | Path, data_dir: str | Path, settings: dict[str, Any], caller: str
) -> tuple[Source, Settings]:
    given = named_settings(settings, caller)
    if "output" in given:
        raise UsageError(f"{caller}: output: nothing is saved; leave it out, and save the model of a result")
    if not isinstance(data, Dataset):
        chosen = Settings(**{**given, "data": str(data)})
        return Source(str(data), data_dir, chosen.data_settings()), chosen
    for name in DATA_SETTINGS:
        if name in given and (name, caller) != ("split_seed", "cross_validate"):
            raise UsageError(f"{caller}: {name} says how data is read; give it to load_data")
    chosen = Settings(**{**given, "data": data.name})
    return Source(data, data_dir, chosen.data_settings()), chosen


class Repeats(Iterable[Repeat]):
    """Several trainings, prepared and checked. Iterating trains, and yields each as soon as it and all before it are
    done, in the same order and with the same results whatever the number of processes.

    kind: what they differ in. numbers: their seeds or folds. workers: processes at a time. run: the first of them, or
    with folds one on all examples, for a look at what there is to do.
    """

    def __init__(
        self,
        kind: Literal["seed", "fold"],
        numbers: Sequence[int],
        run: Run,
        work: Callable[[int], Repeat],
        workers: int,
    ) -> None:
        self.kind, self.numbers, self.run, self.workers = kind, numbers, run, workers
        self._work = work

    @classmethod
    def of_seeds(cls, source: Source, settings: Settings, seeds: int, workers: int | None = None) -> "Repeats":
        """See `several_seeds`."""
        _check(settings, seeds, "--seeds")
        numbers = range(settings.seed, settings.seed + seeds)
        replace(settings, seed=numbers[-1])  # refuses one that is too large
        data = source.load()
        run = Run(data, settings)
        workers = _choose_workers(workers, seeds, settings.threads, source, data)
        # One process has the data already; others read it, which is faster than to be sent it.
        source = source._replace(data=data) if workers == 1 else source
        return cls("seed", numbers, run, _Seeds(source, _within_budget(settings, run)), workers)

    @classmethod
    def of_folds(cls, source: Source, settings: Settings, folds: int, workers: int | None = None) -> "Repeats":
        """See `cross_validate`."""
        _check(settings, folds, "--folds")
        data = source.load(Fold(None, folds))
        run = Run(data, settings)
        workers = _choose_workers(workers, folds, settings.threads, source, data)
        return cls("fold", range(1, folds + 1), run, _Folds(source, _within_budget(settings, run), folds), workers)

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[Repeat]:
        return iter(in_parallel(self._work, self.numbers, self.workers, lambda number: f"{self.kind} {number}"))


def _check(settings: Settings, repeats: int, option: str) -> None:
    if type(repeats) is not int or not 2 <= repeats <= MOST:
        raise UsageError(f"{option}: {repeats!r} is out of range; give a whole number from 2 to {MOST:,}")
    for name in _NOT_OF_REPEATS:
        if getattr(settings, name) is not None:
            raise UsageError(f"{option_name(name)}: says nothing about several runs ({option}); leave one out")


def _choose_workers(asked: int | None, repeats: int, threads: int, source: Source, data: Dataset) -> int:
    """As many processes as there are cores and memory for."""
    if asked is not None:
        if type(asked) is not int or asked < 1:
            raise UsageError(f"workers: {asked!r} is no number of processes; give one from 1 on")
        return min(asked, repeats)
    by_cores = available_cores() // threads
    parts = {id(part.X): part for part in data.parts.values()}.values()
    # A mapped file is shared, unless it is sent as an array.
    held = [part for part in parts if not (isinstance(source.data, str) and memory_mapping(part.X) is not None)]
    free = available_memory()
    each = _OVERHEAD + 2 * sum(part.X.nbytes + part.y.nbytes for part in held)  # twice, while it is read
    by_memory = repeats if free is None else free // each
    return max(1, min(by_cores, by_memory, repeats))


def _within_budget(settings: Settings, run: Run) -> Settings:
    """The settings with the epochs that fit into a time budget, estimated once, so that all runs have as many."""
    run.fit_to_budget()
    if settings.time_budget is None:
        return settings
    return replace(settings, epochs=run.settings.epochs, warmup=run.settings.warmup)


# What a process is sent


@dataclass(frozen=True)
class _Seeds:
    """From a seed to what it gives."""

    source: Source
    settings: Settings

    @cached_property
    def _data(self) -> Dataset:
        return self.source.load()

    def __call__(self, seed: int) -> Repeat:
        with _errors_of(f"seed {seed}"):
            return _train(seed, Run(self._data, replace(self.settings, seed=seed)))


@dataclass(frozen=True)
class _Folds:
    """From the number of a fold, from 1, to what holding it out gives."""

    source: Source
    settings: Settings
    folds: int

    def __call__(self, number: int) -> Repeat:
        with _errors_of(f"fold {number}"):
            data, settings = self.source.load(Fold(number - 1, self.folds)), self.settings
            if settings.structure is not None:
                # A text that only the held-out rows of a table have is no input of this network.
                settings = replace(settings, structure=(data.inputs, *settings.structure[1:]))
            return _train(number, Run(data, settings))


@contextlib.contextmanager
def _errors_of(what: str) -> Iterator[None]:
    """Says in the message of an error whose it is."""
    try:
        yield
    except MlpError as error:
        error.args = (f"{what}: {error}",)
        raise
    except MemoryError:
        raise MlpError(f"{what}: out of memory; use a smaller network, or allow fewer cores") from None


def _train(number: int, run: Run) -> Repeat:
    for _ in run.epochs():
        pass
    model = run.model(run.model().evaluate(run.data.test))
    test = {name: value for name, value in _test_figures(model).items() if not isinstance(value, list)}
    validation, score = _validation_figures(run)
    assert run.best is not None
    return Repeat(number, run.best.epoch, len(run.history), validation, test, run.seconds, score, model)


def _test_figures(model: Model) -> dict[str, Any]:
    return {name.removeprefix("test_"): value for name, value in model.metrics.items()}


def _validation_figures(run: Run) -> tuple[dict[str, float], float | None]:
    """The figures of the epoch that is kept, and the one it was chosen by, the higher the better."""
    assert run.best is not None
    result = run.history[run.best.epoch]
    figures = {
        "accuracy": result.validation_accuracy,
        "balanced-accuracy": result.validation_balanced_accuracy,
        "loss": result.validation_loss,
    }
    monitor = run.settings.monitor
    chosen = None if monitor is None else figures[monitor]
    there = {name.replace("-", "_"): value for name, value in figures.items() if value is not None}
    return there, -chosen if chosen is not None and monitor == "loss" else chosen
