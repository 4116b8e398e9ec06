"""The data of a trained network, found again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlpcli.cli import output

if TYPE_CHECKING:
    from mlpcli.datasets.dataset import Dataset, Split
    from mlpcli.model import Model


def _data_settings(model: Model, weights: str) -> dict[str, Any]:
    """How the data was read that the network was trained on. DamagedFileError where that makes no sense."""
    from mlpcli.config import DATA_SETTINGS, Settings
    from mlpcli.errors import DamagedFileError, UsageError

    settings = model.meta.get("settings")
    try:
        if not isinstance(settings, dict):
            raise UsageError("no table of settings")
        given: dict[str, Any] = {key: settings.get(key) for key in DATA_SETTINGS}
        return Settings(**given).data_settings()
    except UsageError as error:
        raise DamagedFileError(f"{weights}: its settings make no sense ({error}); use an intact copy") from None


def _is_same_path(one: str, other: str) -> bool:
    """Whether two names are of the same data, t.csv and ./t.csv too."""
    return one == other or (Path(one).exists() and Path(other).exists() and Path(one).samefile(other))


def read_as_trained(
    model: Model, weights: str, data: str | None, label: str | None, data_dir: Path, otherwise: str = ""
) -> Dataset:
    """The data that a network was trained on, or `data`, read as in training. otherwise: what else to do without it.

    UsageError where it is not there or does not fit, DamagedFileError for a bad file or bad settings.
    """
    from mlpcli.datasets.load import is_named, load_data
    from mlpcli.errors import UsageError

    name = data or model.meta["data"]["name"]
    trained = _data_settings(model, weights)
    # Of the others the network knows better by now (task, size, channels, missing); other data is read afresh.
    if not _is_same_path(name, model.meta["data"]["name"]):
        trained = {}
    options: dict[str, Any] = {
        key: trained[key] for key in ("header", "test", "split_seed", "on_error") if key in trained
    }
    if is_named(name):
        if label is not None:
            raise UsageError(f"--label: says nothing about {name}, a named data set; leave it out")
        return load_data(name, data_dir)
    if data is None and label is None and model.input["kind"] != "table":
        label = trained.get("label")
    if label is not None:
        options["label"] = label
    try:
        return load_data(name, data_dir, like=model.like, **options)
    except UsageError as error:
        if data is None and not Path(name).exists():
            command = click.get_current_context().command_path
            raise UsageError(
                f"{name}: the data it was trained on is not here; name it: {command} WEIGHTS DATA{otherwise}"
            ) from None
        raise error


def choose_examples(model: Model, dataset: Dataset, weights: str) -> tuple[Split, str]:
    """The examples to measure on, as `Model.to_measure`, whose remark is shown; and which part they are."""
    split, part, remark = model.to_measure(dataset)
    if remark:
        output.note(f"{weights}: {remark}")
    return split, part


def read_for_all(
    models: Sequence[Model], weights: Sequence[str], data: str | None, label: str | None, data_dir: Path
) -> tuple[Dataset, str, list[Split]]:
    """The examples on which networks can be compared, as each of them reads them; the data set, and which part it is.

    UsageError where they are not the same examples for all, which is so for networks that were trained on different
    splits: what one is tested on, another may have learnt by heart.
    """
    from mlpcli.comparison import have_same_examples
    from mlpcli.datasets.load import is_named
    from mlpcli.errors import UsageError

    names = list(dict.fromkeys(model.meta["data"]["name"] for model in models))
    if data is None and len(names) > 1:
        raise UsageError(f"the networks were trained on {' and '.join(names)}; name the DATA to compare them on")
    name = data or names[0]
    read: list[Dataset] = []
    for model, path in zip(models, weights, strict=True):
        shared = read[0] if read and is_named(name) else None
        dataset = shared or read_as_trained(model, path, data, label, data_dir)
        model.check_fits(dataset, path)
        read.append(dataset)
    chosen = [choose_examples(*one) for one in zip(models, read, weights, strict=True)]
    first, part = chosen[0]
    for model, path, dataset, (split, its_part) in zip(models, weights, read, chosen, strict=True):
        if its_part != part:
            raise UsageError(
                f"{weights[0]} is measured on {_PARTS[part]} of {name}, {path} on {_PARTS[its_part]}; compare networks "
                "that were trained on the same data, or on DATA that none has seen"
            )
        if not have_same_examples((read[0], first), (dataset, split)):
            raise UsageError(
                f"{weights[0]} and {path} were trained on different splits of {name}, so that one may have learnt what "
                "the other is tested on; train them with the same --test and --split-seed, or name other DATA"
            )
        trained = model.meta["data"]["name"]
        if part == "test" and trained != name:
            output.note(f"{path}: trained on {trained}; whether it has seen examples of the {name} test set is unknown")
    return read[0], part, [split for split, _ in chosen]


_PARTS = {"test": "the test part", "all": "all examples"}
