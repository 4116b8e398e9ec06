"""Going on with a run from the file that it was saved to."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

import mlpcli
from mlpcli import checkpoint
from mlpcli.config import Settings, option_name
from mlpcli.datasets.dataset import Dataset
from mlpcli.errors import DamagedFileError, UsageError
from mlpcli.model import load
from mlpcli.recorded import settings_of
from mlpcli.run import Run
from mlpcli.threads import blas_core

# What may differ: where the run goes and how it is told, where the data is now, and how long it may still take.
# Data and teacher are told by their content.
_MAY_CHANGE = ("data", "teacher", "output", "save_every", "history", "threads", "time_budget")
# With these the number of epochs decides nothing but the end.
_WITHOUT_END = ("constant", "step", "exponential", "inverse-scaling", "plateau")


@dataclasses.dataclass(frozen=True)
class Unfinished:
    """A run that was saved before its end: its file, its settings, and what it takes to go on."""

    path: str
    settings: Settings
    arrays: checkpoint.Arrays
    meta: dict[str, Any]

    def run(self, data: Dataset) -> Run:
        """The run, where it stopped. UsageError for other data, DamagedFileError for a state that is not one."""
        recorded = self.meta["data"]["fingerprint"]
        if data.fingerprint() != recorded:
            raise UsageError(
                f"{self.path}: its run was on other data than {data.name} is now ({self.meta['data']['name']}); give "
                "the same data as DATA, or train anew"
            )
        run = Run(data, self.settings)
        if self.meta.get("teacher") != run.teacher:
            raise UsageError(
                f"--teacher: {self.settings.teacher} is another network than the run in {self.path} learnt from; give "
                "the same, or train anew"
            )
        try:
            if run.network.structure != tuple(self.meta["structure"]):
                raise ValueError("another structure")
            run.restore(self.arrays, self.meta)
        except (KeyError, TypeError, ValueError) as error:
            what = json.dumps(str(error))[1:-1][:120]
            raise DamagedFileError(
                f"{self.path}: the state of its run is not sane ({what}); use an intact copy, or train anew"
            ) from None
        return run

    def notes(self) -> list[str]:
        """What keeps the result from being that of an unbroken run, bit for bit."""
        told = []
        threads = self.meta.get("blas_threads")
        if threads is not None and threads != self.settings.threads:
            told.append(f"--threads: {self.settings.threads}, the run had {threads}")
        versions = self.meta.get("versions", {})
        if versions.get("numpy") != np.__version__:
            told.append(f"NumPy {np.__version__}, the run had {versions.get('numpy')}")
        if versions.get("mlpcli") != mlpcli.__version__:
            told.append(f"mlpcli {mlpcli.__version__}, the run had {versions.get('mlpcli')}")
        if self.meta.get("blas_core") != blas_core():
            told.append(f"BLAS for {blas_core()}, the run had it for {self.meta.get('blas_core')}")
        return [f"{what}: the last digits can differ from those of an unbroken run" for what in told]


def unfinished(path: str | Path, given: dict[str, Any]) -> Unfinished:
    """The run in a weights file, with the settings `given` for the rest of it, by field name.

    It goes on into the same file, if no other is given. Raises UsageError where there is no such file, the run in it is
    finished, or a setting is given that cannot change; DamagedFileError for other bytes.
    """
    path = str(path)
    load(path)  # refuses what is no network
    arrays, meta = checkpoint.load(path)
    if not isinstance(meta.get("state"), dict):
        ended = "is finished" if meta.get("finished") else "diverged"
        raise UsageError(f"{path}: its run {ended}, there is nothing to go on with; train anew with other settings")
    return Unfinished(path, _changed(settings_of(meta, path), given, path, len(meta.get("history", ()))), arrays, meta)


def _changed(recorded: Settings, given: dict[str, Any], path: str, done: int) -> Settings:
    for name, value in given.items():
        before = getattr(recorded, name)
        if value == before or name in _MAY_CHANGE:
            continue
        if name == "epochs" and recorded.schedule in _WITHOUT_END and value > max(done, recorded.warmup):
            continue
        if name == "epochs" and recorded.schedule in _WITHOUT_END:
            raise UsageError(f"--epochs: {value}, the run in {path} has come further; give more than {done}")
        why = f"the {recorded.schedule} schedule depends on it" if name == "epochs" else "it cannot change on the way"
        raise UsageError(
            f"{option_name(name)}: {_shown(value)} here, the run in {path} has {_shown(before)}, and {why}; leave it "
            "out, or train anew"
        )
    # A budget is for the run that it was given to: what is left to do is known in epochs.
    return dataclasses.replace(recorded, **{"output": path, "time_budget": None, **given})


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
