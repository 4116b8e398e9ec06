"""The settings that a checkpoint records: what ran, to run it again."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import mlpcli
from mlpcli import checkpoint
from mlpcli.config import Settings, named_settings
from mlpcli.datasets.dataset import Dataset
from mlpcli.errors import DamagedFileError, UsageError

# A run is repeated somewhere else than where it went, and without a clock: the epochs that fitted into its time budget
# are among its settings. Everything else is taken, the number of threads as well, since it decides the last digits.
NOT_REPEATED = ("output", "history", "time_budget")


@dataclass(frozen=True)
class Recorded:
    """The settings of the run in a weights file, by name, without what is not repeated; and the file's description."""

    path: str
    settings: dict[str, Any]
    meta: dict[str, Any]

    def notes(self, data: Dataset) -> list[str]:
        """What keeps the same settings from giving the same network on this data."""
        told, described = [], self.meta.get("data")
        if isinstance(described, dict) and described.get("fingerprint") != data.fingerprint():
            told.append(f"{self.path}: its run was on other data than {data.name} is now; the weights will be others")
        if str(self.meta.get("stopped_by", "")).startswith("the time budget"):
            told.append(f"{self.path}: its run was stopped by its time budget; repeated, it goes to its last epoch")
        return told


def read_recorded(path: str | Path) -> Recorded:
    """What a weights file records. UsageError where there is none, DamagedFileError for any other bytes."""
    meta = checkpoint.load(path)[1]
    settings = settings_of(meta, str(path))
    values = {f.name: getattr(settings, f.name) for f in fields(settings) if f.name not in NOT_REPEATED}
    return Recorded(str(path), {name: value for name, value in values.items() if value is not None}, meta)


def settings_of(meta: dict[str, Any], path: str) -> Settings:
    """The settings in a checkpoint's description. DamagedFileError where they make no sense, or are not known here."""
    recorded = meta.get("settings")
    if not isinstance(recorded, dict):
        raise DamagedFileError(f"{path}: its description has no table of settings; use an intact copy")
    unknown = sorted(recorded.keys() - {f.name for f in fields(Settings)})
    if unknown:
        versions = meta.get("versions")
        wrote = versions.get("mlpcli") if isinstance(versions, dict) else None
        raise DamagedFileError(
            f"{path}: has the setting {_shown(unknown[0])}, which mlpcli {mlpcli.__version__} does not know; use the "
            f"version that wrote it, {_shown(wrote)}"
        )
    try:
        return Settings(**named_settings(recorded, path))
    except (UsageError, TypeError, AttributeError) as error:
        raise DamagedFileError(f"{path}: its settings make no sense ({_shown(error)}); use an intact copy") from None


def _shown(value: Any) -> str:
    """In one line, however strange."""
    return json.dumps(str(value))[1:-1][:160]
