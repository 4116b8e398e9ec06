"""What an example is, in words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpcli.reports.figures.canvas import plain

if TYPE_CHECKING:
    from mlpcli.datasets.dataset import Dataset


def label_text(task: str, classes: tuple[str, ...], y: Any) -> str:
    """A label: the name of a class, the names of all labels that are set, or quantities."""
    if task == "classification":
        return classes[int(y)]
    if task == "multi-label":
        return ", ".join(name for name, there in zip(classes, y, strict=True) if there) or "(none)"
    return ", ".join(f"{value:.4g}" for value in np.atleast_1d(y))


def name_of(data: Dataset) -> str:
    """The name of a data set for a title: of a path, the last part."""
    return plain(Path(data.name).name or data.name)


def input_names(data: Dataset) -> list[str]:
    """A name for each input of a table, a number from 0 for those of other data."""
    return list(map(str, range(data.inputs))) if data.encoding is None else list(data.encoding.features)
