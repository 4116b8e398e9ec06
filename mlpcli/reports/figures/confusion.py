"""The confusion matrix of a classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpcli.errors import UsageError
from mlpcli.evaluation import Evaluation
from mlpcli.reports.figures.canvas import blank, distinct, figure_function, plain, turned

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mlpcli.evaluation import AnyEvaluation

_MOST = 200
_POWER = 0.4  # of the share that the colour grows with: 1 % is still seen


@figure_function
def confusion(result: AnyEvaluation, classes: tuple[str, ...], name: str = "network") -> Figure:
    """Counts of truth (rows) against answers (columns), each coloured by its share of the row; recall at the right.

    UsageError for other than classes, and for too many of them.
    """
    from matplotlib.colors import PowerNorm

    if not isinstance(result, Evaluation):
        raise UsageError(f"{name}: does not choose between classes; there is no confusion matrix")
    number = len(classes)
    if number > _MOST:
        raise UsageError(f"{name}: {number} classes are too many for a figure (at most {_MOST}); see evaluate --json")
    counts = result.confusion
    support = counts.sum(axis=1, keepdims=True)
    share = counts / np.maximum(support, 1)
    names = distinct(classes)
    side = 10.0 if number <= 30 else 13.0
    figure = blank(0.86 * side if number > 4 else 6.5, side)
    axes = figure.add_subplot()
    image = axes.imshow(share, cmap="Blues", norm=PowerNorm(_POWER, 0.0, 1.0), interpolation="nearest")
    cell = 0.66 * side * 72 / number  # points
    digits = max(3, len(f"{counts.max()}"))
    size = min(12.0, cell / digits * 1.5, cell * 0.6)
    if size >= 3.5:
        for (row, column), count in np.ndenumerate(counts):
            if count:
                colour = "white" if share[row, column] > 0.35 else "black"
                text = axes.text(column, row, f"{count}", ha="center", va="center", size=size, color=colour)
                text.set_in_layout(False)  # which takes seconds where there are thousands
    label_size = min(11.0, max(4.0, cell * 0.75))
    axes.set_xticks(range(number), names, size=label_size, rotation=turned(names, cell, label_size))
    axes.set_yticks(range(number), names, size=label_size)
    between = np.arange(1, number) - 0.5
    axes.hlines(between, -0.5, number - 0.5, color="#e6e6e6", linewidth=0.5)
    axes.vlines(between, -0.5, number - 0.5, color="#e6e6e6", linewidth=0.5)
    recall = axes.secondary_yaxis("right")
    shown = [f"{one:.1%}" if there else "none" for one, there in zip(np.diag(share), support[:, 0], strict=True)]
    recall.set_yticks(range(number), shown, size=label_size)
    recall.tick_params(length=0)
    recall.set_ylabel("recall")
    low, high = result.interval
    axes.set(xlabel="answer of the network", ylabel="truth")
    axes.set_title(f"{result.accuracy:.2%} right (95 % interval {low:.2%} to {high:.2%}), {result.examples:,} examples")
    figure.suptitle(f"{plain(name, 60)}: confusion matrix")
    bar = figure.colorbar(image, ax=axes, label="share of the truth's row", shrink=0.7)
    ticks = (0.0, 0.001, 0.01, 0.05, 0.2, 0.5, 1.0)
    bar.set_ticks(ticks, labels=[f"{100 * tick:g} %" for tick in ticks])
    bar.minorticks_off()
    return figure
