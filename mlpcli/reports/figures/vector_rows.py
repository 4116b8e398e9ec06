"""Examples that are no images: the rows of a map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpcli.reports.figures.canvas import SIGNED, blank, plain, turned
from mlpcli.reports.figures.labels import input_names

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.figure import Figure

    from mlpcli.datasets.dataset import Dataset

_AXIS = 450.0  # points: its length, about
_NAMED_INPUTS = 40  # more names below an axis are not legible


def vector_rows(data: Dataset, raw: npt.NDArray[Any], rows: Sequence[str], title: str, row_label: str) -> Figure:
    """Raw examples (n, I) as rows of a map, each with its name; values as they are where they share a unit, else
    standardised.
    """
    figure = blank(min(16.0, max(4.8, 2.2 + 0.22 * len(raw))))
    axes = figure.add_subplot()
    if data.scaling == "unit":
        image = axes.imshow(raw, cmap="Blues", vmin=0, vmax=data.maximum, aspect="auto", interpolation="nearest")
        figure.colorbar(image, label="value")
    else:
        some = np.asarray(data.train.sample(4096), np.float64)
        deviation = some.std(axis=0)
        standard = (raw - some.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
        image = axes.imshow(standard, cmap=SIGNED, vmin=-3, vmax=3, aspect="auto", interpolation="nearest")
        figure.colorbar(image, label="value (standard deviations from the mean)", extend="both")
    axes.set_yticks(range(len(raw)), [plain(row) for row in rows], size=min(10.0, max(4.0, 400 / len(raw))))
    columns = input_names(data)
    if len(columns) <= _NAMED_INPUTS:
        names = [plain(column, 24) for column in columns]
        axes.set_xticks(range(len(columns)), names, size=9, rotation=turned(names, _AXIS / len(columns), 9))
    axes.set(title=title, xlabel="input", ylabel=row_label)
    return figure
