"""Weights: each unit of the first layer as an image, or the matrices layer by layer, the article's figure 5."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mlpcli.errors import UsageError
from mlpcli.reports.figures.canvas import SIGNED, WIDTH, blank, figure_function, plain, turned
from mlpcli.reports.figures.picture_grid import picture_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mlpcli.model import Model

_MOST_UNITS = 400
_MOST_MATRICES = 12
_WRITTEN_CELLS = 60  # of a matrix: more numbers are not legible
_NUMBER = 0.42  # inches that a number in a cell takes
_MATRICES_WIDTH = 7.5  # inches, of all in a row, about
_POINTS = 72  # to an inch
_NAMED = 30  # ticks with names
_BEYOND = 0.995  # share of the weights of images that the colour scale spans
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@figure_function
def weights(
    model: Model, layer: int | None = None, units: Sequence[int] | None = None, count: int = 60, name: str = "network"
) -> Figure:
    """The weights of a network, blue below 0 and red above, on one scale that is symmetric about 0.

    layer: 2 .. L, as the article counts; by default 2 of a network for images, else all. Layer 2 of a network for
    images is drawn as an image for each unit; other layers are matrices W (units, inputs). units: these alone, from
    0; by default the `count` most important, of images, and all, of matrices. name: for the title.

    UsageError for a layer or unit that there is not.
    """
    last = len(model.network.structure)
    if layer is not None and not 2 <= layer <= last:
        raise UsageError(f"--layer: {layer} is out of range; {name} has weights in layers 2 to {last}")
    if model.input["kind"] == "image" and layer in (None, 2):
        return _as_images(model, units, count, name)
    if units is not None and layer is None:
        raise UsageError("--units: of which layer? give --layer, too")
    layers = list(range(2, last + 1)) if layer is None else [layer]
    return _as_matrices(model, layers, units, name)


def importance(model: Model, layer: int) -> npt.NDArray[np.float64]:
    """How much each unit of a layer counts, (units,): the length of its weights times that of the weights it feeds.

    For a ReLU, which may pass a factor from the one to the other, the product is what says something. Of the output
    layer, the first alone; of the inputs, layer 1, the second.
    """
    W = model.parameters.W
    if layer == 1:
        return np.asarray(np.linalg.norm(W[0].astype(np.float64), axis=0))
    into = np.linalg.norm(W[layer - 2].astype(np.float64), axis=1)
    if layer == len(model.network.structure):
        return np.asarray(into)
    out = np.linalg.norm(W[layer - 1].astype(np.float64), axis=0)
    return np.asarray(into * out)


def _check_units(model: Model, layer: int, units: Sequence[int]) -> None:
    there = model.network.structure[layer - 1]
    outside = [unit for unit in units if not 0 <= unit < there]
    if outside or not units:
        found = outside[0] if outside else "none"
        raise UsageError(f"--units: {found} is out of range; layer {layer} has units 0 to {there - 1}")
    if len(units) > _MOST_UNITS:
        raise UsageError(f"--units: {len(units):,} are too many for a figure; give at most {_MOST_UNITS}")


def _most_important(model: Model, count: int) -> list[int]:
    """Units of layer 2; where it is the output and all are shown, in their order, which is that of the classes."""
    if not 1 <= count <= _MOST_UNITS:
        raise UsageError(f"--count: {count} is out of range; give a whole number from 1 to {_MOST_UNITS}")
    if len(model.network.structure) == 2 and model.network.structure[1] <= count:
        return list(range(model.network.structure[1]))
    return [int(unit) for unit in np.argsort(-importance(model, 2), kind="stable")[:count]]


def _as_images(model: Model, units: Sequence[int] | None, count: int, name: str) -> Figure:
    shape = tuple(model.input["shape"])
    if units is not None:
        _check_units(model, 2, units)
    chosen = _most_important(model, count) if units is None else list(units)
    W = model.parameters.W[0][chosen]
    there = model.network.structure[1]
    limit = _limit([W], _BEYOND)
    what = f"{len(chosen)} of {there:,} units" if len(chosen) < there else f"{there:,} unit{'s' if there > 1 else ''}"
    title = f"{plain(name)}: weights from the image to each unit of layer 2; {what}"
    is_output = len(model.network.structure) == 2
    captions = [plain(_unit_name(model, 2, unit), 12) if is_output else f"unit {unit}" for unit in chosen]
    order = "" if is_output or units is not None else "; the most important first (length of weights in × out)"
    size = " × ".join(map(str, shape[:2]))
    if len(shape) == 3:
        pictures = np.clip(0.5 + W.reshape(len(W), *shape) / (2 * limit), 0.0, 1.0)
        foot = f"{size} weights of red, green and blue each: grey is 0, full colour ±{limit:.3g}{order}"
        return picture_grid(list(pictures), captions, title, foot)
    return picture_grid(
        list(W.reshape(len(W), *shape)),
        captions,
        title,
        f"{size} weights each{order}",
        scale_label="weight",
        extend="both" if np.abs(W).max() > limit else "neither",
        cmap=SIGNED,
        vmin=-limit,
        vmax=limit,
    )


def _limit(matrices: Sequence[npt.NDArray[Any]], share: float = 1.0) -> float:
    """What the colour scale spans on either side of 0: that share of all weights."""
    sizes = np.abs(np.concatenate([matrix.ravel() for matrix in matrices]))
    return float(np.quantile(sizes, share)) or float(sizes.max()) or 1.0


def _as_matrices(model: Model, layers: list[int], units: Sequence[int] | None, name: str) -> Figure:
    left_out = len(layers) - _MOST_MATRICES
    layers = layers[:_MOST_MATRICES]
    if units is not None:
        _check_units(model, layers[0], units)
    rows = [list(range(model.network.structure[layer - 1]) if units is None else units) for layer in layers]
    matrices = [model.parameters.W[layer - 2][chosen] for layer, chosen in zip(layers, rows, strict=True)]
    limit = _limit(matrices)
    columns = min(3, len(layers))
    down = -(-len(layers) // columns)
    # In one row the wider matrices have more room, within bounds.
    shares = [min(4.0, max(1.0, matrix.shape[1] / matrices[0].shape[1] * 4)) for matrix in matrices]
    widths = [_MATRICES_WIDTH * share / sum(shares) if down == 1 else _MATRICES_WIDTH / columns for share in shares]
    heights = [_height(matrix, width) for matrix, width in zip(matrices, widths, strict=True)]
    height = min(14.0, 0.8 + sum(max(heights[at : at + columns]) for at in range(0, len(layers), columns)))
    figure = blank(height)
    grid = figure.add_gridspec(down, columns, width_ratios=widths[:columns])
    drawn: list[Axes] = []
    for i, (layer, matrix) in enumerate(zip(layers, matrices, strict=True)):
        axes = figure.add_subplot(grid[i // columns, i % columns])
        _draw_matrix(axes, matrix, limit, widths[i] / matrix.shape[1])
        axes.set(
            title=f"W⁽{str(layer).translate(_SUPERSCRIPTS)}⁾ ({matrix.shape[0]:,} × {matrix.shape[1]:,})",
            xlabel=_layer_name(model, layer - 1),
            ylabel=_layer_name(model, layer),
        )
        _name_ticks(axes, model, layer, rows[i])
        drawn.append(axes)
    more = f", layers 2 to {layers[-1]} ({left_out} more)" if left_out > 0 else ""
    figure.suptitle(f"{plain(name)}: weights of {'-'.join(map(str, model.network.structure[:12]))}{more}")
    # A fifth of an inch wide.
    figure.colorbar(drawn[0].images[0], ax=drawn, label="weight", shrink=0.8, aspect=4 * height)
    return figure


def _is_slim(matrix: npt.NDArray[Any]) -> bool:
    """Whether square cells would make a line of it."""
    return bool(max(matrix.shape) > max(30, 6 * min(matrix.shape)))


def _height(matrix: npt.NDArray[Any], width: float) -> float:
    """Inches that a matrix of this width takes, with its title and names."""
    return 4.2 if _is_slim(matrix) else min(4.2, 1.6 + width * matrix.shape[0] / matrix.shape[1])


def _draw_matrix(axes: Axes, matrix: npt.NDArray[Any], limit: float, cell: float) -> None:
    """cell: the width of a cell, in inches, about."""
    aspect = "auto" if _is_slim(matrix) else "equal"
    axes.imshow(matrix, cmap=SIGNED, vmin=-limit, vmax=limit, aspect=aspect, interpolation="nearest")
    if matrix.size <= _WRITTEN_CELLS and cell > _NUMBER:
        _write_values(axes, matrix, limit)


def _layer_name(model: Model, layer: int) -> str:
    if layer == 1:
        return "input (layer 1)"
    return f"output (layer {layer})" if layer == len(model.network.structure) else f"unit of layer {layer}"


def _unit_name(model: Model, layer: int, unit: int) -> str:
    """The name of an input's column, of an output's class, or the number from 0."""
    if layer == 1 and model.encoding is not None:
        return model.encoding.features[unit]
    is_output = layer == len(model.network.structure)
    return model.classes[unit] if is_output and len(model.classes) == model.network.structure[-1] else str(unit)


def _name_ticks(axes: Axes, model: Model, layer: int, rows: list[int]) -> None:
    inputs = model.network.structure[layer - 2]
    if inputs <= _NAMED:
        names = [plain(_unit_name(model, layer - 1, unit), 20) for unit in range(inputs)]
        width = axes.get_position().width * WIDTH * _POINTS / inputs
        axes.set_xticks(range(inputs), names, rotation=turned(names, width, 11))
    if len(rows) <= _NAMED or rows != list(range(len(rows))):
        step = math.ceil(len(rows) / _NAMED)
        at = range(0, len(rows), step)
        axes.set_yticks(at, [plain(_unit_name(model, layer, rows[i]), 20) for i in at])


def _write_values(axes: Axes, matrix: npt.NDArray[Any], limit: float) -> None:
    for (row, column), value in np.ndenumerate(matrix):
        colour = "white" if abs(value) > 0.6 * limit else "black"
        text = axes.text(column, row, f"{value:.2g}", ha="center", va="center", size=8, color=colour)
        text.set_in_layout(False)  # which takes time
