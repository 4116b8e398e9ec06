"""Training from Python, in one line."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlpcli.config import DATA_SETTINGS, Settings, named_settings
from mlpcli.datasets.dataset import Dataset
from mlpcli.datasets.load import load_data
from mlpcli.errors import UsageError
from mlpcli.files import check_target
from mlpcli.keeping import Keeper
from mlpcli.model import Model
from mlpcli.resuming import unfinished
from mlpcli.run import Run
from mlpcli.training.loop import EpochResult


def train(
    data: Dataset | str | Path,
    on_epoch: Callable[[EpochResult], None] | None = None,
    **settings: Any,
) -> Model:
    """Train on a data set (or its name or path) and return the best network, with its `history` and test `metrics`.

    The settings have the names and defaults of `Settings`, which are those of `mlp train`:
    ``train(load_data("digits"), structure=(64, 32, 10), epochs=20)``. With `output` the network is saved there, too,
    also while it trains, for `resume`. What says how data is read (`label`, `test`, ...) belongs to `load_data`.

    Raises UsageError for a setting that makes no sense, DivergedError where the loss does not stay finite,
    CannotWriteError.
    """
    given = named_settings(settings, "train")
    for name in DATA_SETTINGS:
        if name in given:
            raise UsageError(f"train: {name} says how data is read; give it to load_data")
    for name in ("history", "save_every"):
        if name in given and "output" not in given:
            raise UsageError(f"train: {name} is about what is written, and nothing is; give output, too")
    if isinstance(data, str | Path):
        data = load_data(data)
    if not isinstance(data, Dataset):
        raise UsageError(f"train: {type(data).__name__} is no data set; give a name, a path, or what load_data gives")
    run = Run(data, Settings(**{**given, "data": data.name}))
    return _finish(run, on_epoch, Keeper(run, replaces=True) if "output" in given else None)


def resume(
    weights: str | Path,
    data: Dataset | None = None,
    on_epoch: Callable[[EpochResult], None] | None = None,
    data_dir: str | Path = "data",
    **settings: Any,
) -> Model:
    """Go on with a run that was saved before its end, into the same file; as `mlp train --resume`.

    data: what it was trained on, by default read again from where it was (a named set from `data_dir`). The result is
    that of an unbroken run, bit for bit, on the same machine. Raises as `train`, and UsageError where nothing is left
    to do or a setting cannot change.
    """
    left = unfinished(weights, named_settings(settings, "resume"))
    if data is None:
        data = load_data(left.settings.data, data_dir, **left.settings.data_settings())
    run = left.run(data)
    return _finish(run, on_epoch, Keeper(run, replaces=True))


def _finish(run: Run, on_epoch: Callable[[EpochResult], None] | None, keeper: Keeper | None) -> Model:
    run.fit_to_budget()
    if keeper is not None:  # found out before the work, not after it
        for path in (run.settings.output, run.settings.history):
            if path is not None:
                check_target(path, force=True, size=run.bytes_needed)
    for result in run.epochs():
        if keeper is not None:
            keeper.after_epoch()
            if keeper.problem is not None:
                warnings.warn(f"{keeper.problem}; training goes on", stacklevel=3)
                keeper.problem = None
        if on_epoch:
            on_epoch(result)
    model = run.model(run.model().evaluate(run.data.test))
    if keeper is not None:
        keeper.finish(model)
    return model
