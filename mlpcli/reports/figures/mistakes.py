"""The examples that a classifier has wrong though it is sure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpcli.errors import UsageError
from mlpcli.evaluation import Evaluation
from mlpcli.memory import rows_of
from mlpcli.reports.figures.canvas import blank, figure_function, plain
from mlpcli.reports.figures.picture_grid import picture_grid
from mlpcli.reports.figures.samples import as_pictures
from mlpcli.reports.figures.vector_rows import vector_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mlpcli.datasets.dataset import Dataset, Split
    from mlpcli.evaluation import AnyEvaluation

_MOST = 200
_SHORT = 4  # letters: two names of so many stand on one line


@figure_function
def mistakes(
    result: AnyEvaluation, data: Dataset, split: Split | None = None, count: int = 24, name: str = "network"
) -> Figure:
    """The mistakes of which the network was surest, the surest first: images in a grid, other examples as rows.

    result: of the examples of `split`, by default the test part. UsageError for other than classes.
    """
    if not isinstance(result, Evaluation):
        raise UsageError(f"{name}: does not choose between classes; there are no mistakes to show")
    if not 1 <= count <= _MOST:
        raise UsageError(f"--count: {count} is out of range; give a whole number from 1 to {_MOST}")
    split = data.test if split is None else split
    found = result.mistakes(count)
    wrong = int((~result.right).sum())
    title = f"{plain(name)}: the surest {len(found)} of {wrong:,} mistakes, {result.examples:,} examples"
    if not found:
        return _none(f"{plain(name)}: no mistake, {result.examples:,} examples")
    raw = rows_of(split.X, split.positions[np.array([one.index for one in found])])
    names = [(plain(data.classes[one.truth]), plain(data.classes[one.said])) for one in found]
    if data.kind == "image":
        between = ", not " if max(map(len, data.classes)) <= _SHORT else "\nnot "
        captions = [
            f"{truth}{between}{said}\n{_percent(one.probability)}  #{one.index}"
            for (truth, said), one in zip(names, found, strict=True)
        ]
        foot = "above each: the truth, not the answer; the probability given to the answer; the number, from 0"
        return picture_grid(list(as_pictures(raw, data.shape, data.maximum)), captions, title, foot, vmin=0, vmax=1)
    has_lines = split.places is not None and split.places.dtype.kind == "i"
    rows = [
        f"{plain(truth, 14)}, not {plain(said, 14)}  {_percent(one.probability)}  "
        + (f"line {split.places[one.index]}" if has_lines and split.places is not None else f"#{one.index}")
        for (truth, said), one in zip(names, found, strict=True)
    ]
    where = "line of the table" if has_lines else "number, from 0"
    return vector_rows(data, raw, rows, title, f"truth, not the answer; its probability; {where}")


def _percent(probability: float) -> str:
    """In percent; never 100 for what is not certain."""
    return f"{probability:.1%}" if probability < 0.9995 else ">99.9%"


def _none(title: str) -> Figure:
    figure = blank(2.0)
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.text(0.5, 0.5, "all right", ha="center", va="center", size=16, transform=axes.transAxes)
    figure.suptitle(title)
    return figure
