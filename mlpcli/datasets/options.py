"""How data by path is read: what the user asks for, and what a trained network takes."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from mlpcli.datasets.encoding import Encoding
from mlpcli.datasets.split import Fold
from mlpcli.datasets.tasks import Task
from mlpcli.errors import UsageError


@dataclass(frozen=True)
class Options:
    """What the user asks for. None stands for the default; names and meanings are those of Settings.

    fold: of a cross-validation: it is what there is to test on, and a test part of the data's own is left alone.
    """

    label: str | None = None
    task: str | None = None
    ignore: str | None = None
    sample_weight: str | None = None
    header: bool | None = None
    missing: str | None = None
    size: str | None = None
    channels: int | None = None
    on_error: str | None = None
    test: float | None = None
    split_seed: int | None = None
    fold: Fold | None = None

    def __post_init__(self) -> None:
        """UsageError for a value that makes no sense: from Python nobody else looks at them."""
        for name, allowed in (
            ("channels", (1, 3)),
            ("on_error", ("fail", "skip")),
            ("missing", ("refuse", "mean", "drop")),
            ("header", (True, False)),
        ):
            value = getattr(self, name)
            if value is not None and (value not in allowed or (type(value) is int) != (type(allowed[0]) is int)):
                raise UsageError(f"--{name.replace('_', '-')}: {value!r} is none of {', '.join(map(str, allowed))}")
        for name in ("label", "task", "ignore", "sample_weight", "size"):
            value = getattr(self, name)
            if not isinstance(value, str | None):
                found = " ".join(repr(value).split())[:60]  # an array has many lines
                raise UsageError(f"--{name.replace('_', '-')}: {found} is no text; give a text")
        is_share = self.test is None or (isinstance(self.test, float | int) and 0 < self.test < 1)
        if not is_share:
            raise UsageError(f"--test: {self.test!r} is out of range; give a fraction between 0 and 1, such as 0.2")
        if self.split_seed is not None and (type(self.split_seed) is not int or not 0 <= self.split_seed < 2**32):
            raise UsageError(f"--split-seed: {self.split_seed!r} is no seed; give a whole number from 0 on")
        if self.fold is not None and self.test is not None:
            raise UsageError("--test: with --folds each fold is tested on in turn; leave one out")

    @classmethod
    def of(cls, given: dict[str, Any]) -> "Options":
        """UsageError for an unknown name, too."""
        unknown = [name for name in given if name not in cls.__dataclass_fields__]
        if unknown:
            raise UsageError(f"unknown option {unknown[0]!r}; there are: {', '.join(cls.__dataclass_fields__)}")
        return cls(**given)

    def refuse_but(self, allowed: tuple[str, ...], what: str) -> None:
        """UsageError for an option given that says nothing about this data: nothing is accepted and ignored."""
        for name, value in vars(self).items():
            if value is not None and name not in (*allowed, "fold"):
                raise UsageError(f"--{name.replace('_', '-')}: says nothing about {what}; leave it out")


class Like(NamedTuple):
    """What a trained network takes: other data is read to fit it."""

    task: Task
    classes: tuple[str, ...]
    kind: str
    shape: tuple[int, ...]
    encoding: Encoding | None
    label_columns: tuple[str | int, ...]
