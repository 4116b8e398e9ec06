"""The data of a trained network, found again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from mlpcli.datasets.dataset import Dataset
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
    if name != model.meta["data"]["name"]:
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
