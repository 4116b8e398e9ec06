"""What a network of two inputs answers all over their plane, with the points that it was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mlpcli.datasets.encoding import NumberInput
from mlpcli.errors import UsageError
from mlpcli.memory import rows_of
from mlpcli.reports.figures.canvas import PALETTE, WIDTH, blank, figure_function, plain
from mlpcli.reports.figures.labels import name_of
from mlpcli.reports.figures.samples import PARTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mlpcli.datasets.dataset import Dataset
    from mlpcli.model import Model

_FINENESS = 400  # places on each axis
_AROUND = 0.08  # of the range of the points, on each side
_MOST_POINTS = 3000
_MARKERS = "osD^vP*X"


def check_two_inputs(model: Model, name: str = "network") -> None:
    """UsageError unless the network takes two numbers, and gives a class or one quantity."""
    inputs = model.network.structure[0]
    if inputs != 2:
        raise UsageError(f"{name}: takes {inputs:,} inputs; a boundary can be drawn of two")
    if model.encoding is not None and not all(isinstance(one, NumberInput) for one in model.encoding.inputs):
        raise UsageError(f"{name}: its inputs are a column of text; a boundary can be drawn of two numbers")
    if model.task == "multi-label" or (model.task == "regression" and len(model.classes) > 1):
        several = "labels" if model.task == "multi-label" else "quantities"
        raise UsageError(f"{name}: gives several {several}; a boundary can be drawn of classes or of one quantity")


@figure_function
def boundary(model: Model, data: Dataset, part: str = "train", name: str = "network") -> Figure:
    """The region of each class, the paler the less sure, or a quantity as contours; and the points of that part.

    UsageError for a network with other than two inputs, or several answers.
    """
    check_two_inputs(model, name)
    split = data.parts[part]
    step = max(1, -(-len(split) // _MOST_POINTS))
    points = rows_of(split.X, split.positions[::step]).astype(np.float64)
    labels = split.labels[::step]
    low, high = points.min(axis=0), points.max(axis=0)
    room = np.where(high > low, (high - low) * _AROUND, 1.0)
    (left, bottom), (right, top) = low - room, high + room
    x, y = np.linspace(left, right, _FINENESS), np.linspace(bottom, top, _FINENESS)
    plane = np.column_stack([np.tile(x, len(y)), np.repeat(y, len(x))])
    figure = blank(7.5, WIDTH)
    axes = figure.add_subplot()
    extent = (left, right, bottom, top)
    if model.task == "regression":
        _draw_quantity(axes, model, x, y, model.outputs(plane).reshape(len(y), len(x)), points, labels)
    else:
        _draw_classes(axes, model, model.predict_proba(plane).reshape(len(y), len(x), -1), extent, points, labels)
    names = ("input 0", "input 1") if model.encoding is None else tuple(plain(one) for one in model.encoding.features)
    axes.set(xlabel=names[0], ylabel=names[1], xlim=(left, right), ylim=(bottom, top))
    shown = f"{len(points):,} of {len(split):,}" if step > 1 else f"{len(points):,}"
    axes.set_title(f"{plain(name)}: what it answers, and {shown} {PARTS[part]} examples of {name_of(data)}")
    return figure


def colour_of(number: int, count: int) -> tuple[float, float, float]:
    """A colour for one of `count` classes, red, green and blue from 0 to 1."""
    import matplotlib
    from matplotlib.colors import to_rgb

    if count <= len(PALETTE):
        return to_rgb(PALETTE[number])  # type: ignore[no-any-return,unused-ignore]
    return to_rgb(matplotlib.colormaps["viridis"](0.95 * number / (count - 1)))  # type: ignore[no-any-return,unused-ignore]


def _draw_classes(
    axes: Axes,
    model: Model,
    probabilities: npt.NDArray[Any],
    extent: tuple[float, ...],
    points: npt.NDArray[np.float64],
    labels: npt.NDArray[Any],
) -> None:
    count = len(model.classes)
    colours = np.array([colour_of(k, count) for k in range(count)])
    answer = probabilities.argmax(axis=2)
    sure = (probabilities.max(axis=2) - 1 / count) / (1 - 1 / count)  # 0 where all are alike, 1 where there is no doubt
    strength = (0.12 + 0.33 * np.clip(sure, 0, 1))[..., np.newaxis]
    axes.imshow(
        1 - strength * (1 - colours[answer]), extent=extent, origin="lower", aspect="auto", interpolation="bilinear"
    )
    for k in range(count):
        if (answer == k).any() and not (answer == k).all():
            axes.contour(
                (answer == k).astype(float),
                levels=[0.5],
                extent=extent,
                colors="#333333",
                linewidths=0.8,
                origin="lower",
            )
        chosen = labels == k
        axes.scatter(
            points[chosen, 0],
            points[chosen, 1],
            s=30 if len(points) < 500 else 12,
            color=[colours[k]],
            marker=_MARKERS[k % len(_MARKERS)],
            edgecolors="white",
            linewidths=0.5,
            label=plain(model.classes[k], 24),
        )
    axes.legend(title="class (strong: sure)", loc="center left", bbox_to_anchor=(1.0, 0.5), ncols=1 + (count - 1) // 24)


def _draw_quantity(
    axes: Axes,
    model: Model,
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
    values: npt.NDArray[Any],
    points: npt.NDArray[np.float64],
    labels: npt.NDArray[Any],
) -> None:
    from matplotlib.colors import Normalize

    truth = labels.reshape(len(points))
    norm = Normalize(min(values.min(), truth.min()), max(values.max(), truth.max()))
    filled = axes.contourf(x, y, values, levels=20, cmap="viridis", norm=norm)
    axes.scatter(
        points[:, 0], points[:, 1], c=truth, cmap="viridis", norm=norm, s=30, edgecolors="white", linewidths=0.6
    )
    axes.figure.colorbar(filled, ax=axes, label=f"{plain(model.classes[0])} (points: the truth)")
