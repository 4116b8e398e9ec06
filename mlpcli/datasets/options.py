"""How data by path is read: what the user asks for, and what a trained network takes."""

from dataclasses import dataclass
from typing import NamedTuple

from mlpcli.datasets.encoding import Encoding
from mlpcli.datasets.labels import Task
from mlpcli.errors import UsageError


@dataclass(frozen=True)
class Options:
    """What the user asks for. None stands for the default; names and meanings are those of Settings."""

    label: str | None = None
    task: str | None = None
    ignore: str | None = None
    header: bool | None = None
    missing: str | None = None
    size: str | None = None
    channels: int | None = None
    on_error: str | None = None
    test: float | None = None
    split_seed: int | None = None

    def refuse_but(self, allowed: tuple[str, ...], what: str) -> None:
        """UsageError for an option given that says nothing about this data: nothing is accepted and ignored."""
        for name, value in vars(self).items():
            if value is not None and name not in allowed:
                raise UsageError(f"--{name.replace('_', '-')}: says nothing about {what}; leave it out")


class Like(NamedTuple):
    """What a trained network takes: other data is read to fit it."""

    task: Task
    classes: tuple[str, ...]
    kind: str
    shape: tuple[int, ...]
    encoding: Encoding | None
    label_columns: tuple[str | int, ...]
