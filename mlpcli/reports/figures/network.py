"""The network as a graph, the article's figure 4: units in columns, an edge for each weight."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mlpcli.errors import UsageError
from mlpcli.reports.figures.canvas import SIGNED, WIDTH, blank, figure_function, plain
from mlpcli.reports.figures.weights import importance

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mlpcli.model import Model

MOST_UNITS = 48  # of a layer; of a larger one, those that count most
_MOST_LAYERS = 12
_SPELT_OUT = 6  # layers; of more, only numbers have room
_WIDEST = 3.5  # points
_TALLEST = 12.0  # inches
_AROUND = 1.6  # inches that title and names of layers take
_UNIT = 0.48  # inches that a unit takes where there is room
_CIRCLE = (0.8, 13.0)  # a unit's diameter: the share of its room, and the most, in points
_NAME_SIZE = 9.0  # points
_LEAST_SIZE = 4.5  # points of text, below which it is left out
_LETTER_WIDTH = 0.65  # of its size, about, of digits
_POINTS = 72  # to an inch


@figure_function
def network(model: Model, name: str = "network") -> Figure:
    """Units in columns, the inputs at the left; edges blue below 0 and red above, the wider the larger the weight.

    Of a layer with more than MOST_UNITS units, those with the largest weights are drawn, see `importance`, in their
    order. UsageError for too many layers.
    """
    structure = model.network.structure
    if len(structure) > _MOST_LAYERS:
        raise UsageError(f"{name}: {len(structure)} layers are too many for a figure, at most {_MOST_LAYERS}")
    shown = [_shown(model, layer) for layer in range(1, len(structure) + 1)]
    heights = [_heights(len(units)) for units in shown]
    tallest = max(map(len, shown))
    height = min(_TALLEST, max(4.5, _AROUND + _UNIT * tallest))
    room = (height - _AROUND) / tallest * _POINTS
    diameter = min(_CIRCLE[0] * room, _CIRCLE[1])
    figure = blank(height, WIDTH)
    axes = figure.add_subplot()
    _draw_edges(axes, model, shown, heights)
    for layer, (units, at) in enumerate(zip(shown, heights, strict=True)):
        axes.scatter([layer] * len(at), at, s=diameter**2, color="white", edgecolors="black", linewidths=1.0, zorder=3)
        if 0 < layer < len(structure) - 1:
            _number_units(axes, layer, units, at, diameter)
    _name_units(axes, model, shown, heights, min(_NAME_SIZE, 0.8 * room))
    axes.set_xticks(range(len(structure)), [_layer_words(model, layer) for layer in range(1, len(structure) + 1)])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0)
    axes.set(xlabel="layer", ylabel="unit", xlim=(-0.3, len(structure) - 0.7))
    axes.margins(y=0.03)
    parameters = model.parameters.flat.size
    figure.suptitle(f"{plain(name)}: {'-'.join(map(str, structure))}, {parameters:,} parameters{_cut(model)}")
    return figure


def _shown(model: Model, layer: int) -> list[int]:
    """The units of a layer that are drawn, from 0, in their order."""
    units = model.network.structure[layer - 1]
    if units <= MOST_UNITS:
        return list(range(units))
    return sorted(np.argsort(-importance(model, layer), kind="stable")[:MOST_UNITS].tolist())


def _cut(model: Model) -> str:
    """For the title: of which layers not all units are drawn."""
    large = [str(layer) for layer, units in enumerate(model.network.structure, 1) if units > MOST_UNITS]
    if not large:
        return ""
    layers = f"layer{'s' if len(large) > 1 else ''} {', '.join(large)}"
    return f"\nof {layers} the {MOST_UNITS} units with the largest weights"


def _heights(units: int) -> npt.NDArray[np.float64]:
    """Where the drawn units of a layer stand, from the top to the bottom, about 0."""
    return np.asarray((units - 1) / 2 - np.arange(units, dtype=np.float64))


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
    axes.figure.colorbar(edges, ax=axes, label="weight", shrink=0.7, aspect=30, pad=0.02)


def _layer_words(model: Model, layer: int) -> str:
    structure = model.network.structure
    if layer == 1:
        return f"input\n{structure[0]:,}"
    units, activation = f"{structure[layer - 1]:,}", model.network.activations[layer - 2]
    if len(structure) > _SPELT_OUT:
        return f"{layer}\n{units}\n{activation}"
    return f"{'output' if layer == len(structure) else 'hidden'} (layer {layer})\n{units} {activation}"


def _number_units(axes: Axes, layer: int, units: list[int], at: npt.NDArray[np.float64], diameter: float) -> None:
    """The numbers of hidden units, from 0, in their circles of so many points, where they can be read there."""
    size = min(_NAME_SIZE, 0.9 * diameter / (_LETTER_WIDTH * len(str(units[-1]))))
    if size < _LEAST_SIZE:
        return
    for unit, y in zip(units, at, strict=True):
        axes.text(layer, y, str(unit), ha="center", va="center_baseline", size=size, zorder=4).set_in_layout(False)


def _name_units(
    axes: Axes, model: Model, shown: list[list[int]], heights: list[npt.NDArray[np.float64]], size: float
) -> None:
    """Names of columns beside the inputs, of classes beside the outputs, in so many points, if they can be read."""
    if size < _LEAST_SIZE:
        return
    features = None if model.encoding is None else model.encoding.features
    for unit, y in zip(shown[0], heights[0], strict=True):
        text = str(unit) if features is None else plain(features[unit], 16)
        axes.annotate(text, (0, y), (-12, 0), textcoords="offset points", ha="right", va="center", size=size)
    if len(model.classes) != model.network.structure[-1]:
        return
    last = len(shown) - 1
    for unit, y in zip(shown[-1], heights[-1], strict=True):
        text = plain(model.classes[unit], 16)
        axes.annotate(text, (last, y), (12, 0), textcoords="offset points", ha="left", va="center", size=size)
