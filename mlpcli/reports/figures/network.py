"""The network as a graph, the article's figure 4: units in columns, an edge for each weight."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mlpcli.errors import UsageError
from mlpcli.reports.figures.canvas import SIGNED, WIDTH, blank, figure_function, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mlpcli.model import Model

MOST_UNITS = 16  # of a layer; of a larger one, the first and the last
_FIRST, _LAST = 8, 4
_MOST_LAYERS = 12
_SPELT_OUT = 6  # layers; of more, only numbers have room
_WIDEST = 3.5  # points


@figure_function
def network(model: Model, name: str = "network") -> Figure:
    """Units in columns, the inputs at the left; edges blue below 0 and red above, the wider the larger the weight.

    Of a layer with more than MOST_UNITS units, the first and the last are drawn. UsageError for too many layers.
    """
    structure = model.network.structure
    if len(structure) > _MOST_LAYERS:
        raise UsageError(f"{name}: {len(structure)} layers are too many for a figure, at most {_MOST_LAYERS}")
    shown = [_shown(units) for units in structure]
    heights = [_heights(units) for units in structure]
    tallest = max(map(len, shown))
    figure = blank(min(9.0, max(4.5, 1.6 + 0.48 * tallest)), WIDTH)
    axes = figure.add_subplot()
    _draw_edges(axes, model, shown, heights)
    for layer, (units, at) in enumerate(zip(shown, heights, strict=True)):
        axes.scatter([layer] * len(at), at, s=130, color="white", edgecolors="black", linewidths=1.2, zorder=3)
        if len(units) < structure[layer]:
            gap = (at[_FIRST - 1] + at[_FIRST]) / 2
            axes.text(layer, gap, "⋮", ha="center", va="center", size=18, zorder=4)
    _name_units(axes, model, shown, heights)
    axes.set_xticks(range(len(structure)), [_layer_words(model, layer) for layer in range(1, len(structure) + 1)])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0)
    axes.set(xlabel="layer", ylabel="unit", xlim=(-0.3, len(structure) - 0.7))
    axes.margins(y=0.06)
    cut = (
        " (large layers cut)" if any(len(units) < there for units, there in zip(shown, structure, strict=True)) else ""
    )
    parameters = model.parameters.flat.size
    figure.suptitle(f"{plain(name)}: {'-'.join(map(str, structure))}, {parameters:,} parameters{cut}")
    return figure


def _shown(units: int) -> list[int]:
    """The units of a layer that are drawn, from 0."""
    return list(range(units)) if units <= MOST_UNITS else [*range(_FIRST), *range(units - _LAST, units)]


def _heights(units: int) -> npt.NDArray[np.float64]:
    """Where the drawn units of a layer stand, from the top to the bottom, about 0."""
    places = np.arange(len(_shown(units)), dtype=np.float64)
    if units > MOST_UNITS:
        places[_FIRST:] += 1.0  # room for the ellipsis
    return np.asarray((places[0] + places[-1]) / 2 - places)


def _draw_edges(axes: Axes, model: Model, shown: list[list[int]], heights: list[npt.NDArray[np.float64]]) -> None:
    from matplotlib.collections import LineCollection
    from matplotlib.colors import Normalize

    lines, values = [], []
    for layer, (W, ((left, right), (above, below))) in enumerate(
        zip(model.parameters.W, zip(pairwise(shown), pairwise(heights), strict=True), strict=True)
    ):
        for y_right, row in zip(below, W[np.ix_(right, left)], strict=True):
            for y_left, weight in zip(above, row, strict=True):
                lines.append([(layer, y_left), (layer + 1, y_right)])
                values.append(float(weight))
    weights = np.array(values)
    limit = float(np.abs(weights).max()) or 1.0
    order = np.argsort(np.abs(weights))  # the large ones above
    axes.add_collection(LineCollection(lines, colors="#e2e2e2", linewidths=0.5, zorder=0))  # also those near 0 are seen
    edges = LineCollection(
        [lines[i] for i in order],
        array=weights[order],
        cmap=SIGNED,
        norm=Normalize(-limit, limit),
        linewidths=0.3 + (_WIDEST - 0.3) * np.abs(weights[order]) / limit,
        zorder=1,
    )
    axes.add_collection(edges)
    axes.figure.colorbar(edges, ax=axes, label="weight", shrink=0.7, pad=0.02)


def _layer_words(model: Model, layer: int) -> str:
    structure = model.network.structure
    if layer == 1:
        return f"input\n{structure[0]:,}"
    units, activation = f"{structure[layer - 1]:,}", model.network.activations[layer - 2]
    if len(structure) > _SPELT_OUT:
        return f"{layer}\n{units}\n{activation}"
    return f"{'output' if layer == len(structure) else 'hidden'} (layer {layer})\n{units} {activation}"


def _name_units(axes: Axes, model: Model, shown: list[list[int]], heights: list[npt.NDArray[np.float64]]) -> None:
    """Names of columns beside the inputs, of classes beside the outputs."""
    features = None if model.encoding is None else model.encoding.features
    for unit, y in zip(shown[0], heights[0], strict=True):
        text = str(unit) if features is None else plain(features[unit], 16)
        axes.annotate(text, (0, y), (-12, 0), textcoords="offset points", ha="right", va="center", size=9)
    if len(model.classes) != model.network.structure[-1]:
        return
    last = len(shown) - 1
    for unit, y in zip(shown[-1], heights[-1], strict=True):
        text = plain(model.classes[unit], 16)
        axes.annotate(text, (last, y), (12, 0), textcoords="offset points", ha="left", va="center", size=9)
