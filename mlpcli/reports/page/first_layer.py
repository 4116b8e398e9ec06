"""The weights of the first layer, as pictures: what each unit looks for."""

import numpy as np
import numpy.typing as npt

from mlpcli.model import Model
from mlpcli.reports.page.layout import counted, number, paragraph, scrolling, section
from mlpcli.reports.page.markup import Markup, Node, element, join
from mlpcli.reports.page.pictures import Pixels, data_address, png, sheet

MOST_UNITS = 100
MOST_INPUTS = 64  # of a network whose inputs are no picture
_LONGEST = 40  # pixels to a side of a unit's picture
_LEVELS = 101  # colours from blue over white to red
_BLUE, _WHITE, _RED = (33, 82, 160), (247, 247, 245), (178, 45, 38)
_NAME = 22  # characters of an input's name
_GAP = 2  # pixels between units, seen through


def first_layer_section(model: Model) -> Markup:
    """The section: a picture for each unit where the inputs are pictures, else a table of colours."""
    W = np.asarray(model.parameters.W[0], np.float64)
    shown = most_influential(model)
    limit = float(np.abs(W[shown]).max()) or 1.0
    is_image = model.input["kind"] == "image"
    figure = _pictures(model, W[shown], limit) if is_image else _grid(model, W[shown], shown, limit)
    return section("weights", "First-layer weights", paragraph(_which(model, len(shown))), figure)


def _which(model: Model, shown: int) -> str:
    units, is_output = model.network.structure[1], len(model.network.structure) == 2
    there = counted(units, "output" if is_output else "unit")
    which = "the first" if is_output else "those with the largest weights out of them, the largest first"
    chosen = there if shown == units else f"{shown} of {there}: {which}"
    if len(model.input["shape"]) == 3:
        return f"{chosen}. The brighter a colour is, the more it speaks for a unit; grey is a weight of 0."
    return f"{chosen}. What is red speaks for a unit, what is blue against it."


def most_influential(model: Model) -> npt.NDArray[np.integer]:
    """The units of the first layer to show, by the length of the weights out of them, the longest first.

    All of them in their own order where there is room, or where they are the outputs.
    """
    units = model.network.structure[1]
    if units <= MOST_UNITS or len(model.network.structure) == 2:
        return np.arange(min(units, MOST_UNITS))
    length = np.linalg.norm(np.asarray(model.parameters.W[1], np.float64), axis=0)
    return np.argsort(-length, kind="stable")[:MOST_UNITS]


def levels(W: npt.NDArray[np.float64], limit: float) -> Pixels:
    """Weights from -limit to limit as colours of `diverging_palette`: 0 blue, the middle white, the last red."""
    half = (_LEVELS - 1) // 2
    return np.asarray(np.rint(np.clip(W / limit, -1.0, 1.0) * half) + half, np.uint8)


def diverging_palette() -> npt.NDArray[np.uint8]:
    """(_LEVELS + 1, 3): from blue over white to red; the last is for what is seen through."""
    t = np.linspace(-1.0, 1.0, _LEVELS)[:, np.newaxis]
    ends = np.where(t < 0, _BLUE, _RED)
    colours = np.array(_WHITE) + (ends - np.array(_WHITE)) * np.abs(t)
    return np.vstack([np.rint(colours), [255, 255, 255]]).astype(np.uint8)


def _pictures(model: Model, W: npt.NDArray[np.float64], limit: float) -> Markup:
    height, width = model.input["shape"][:2]
    step = max(1, -(-max(height, width) // _LONGEST))
    is_colour = len(model.input["shape"]) == 3
    units = _smaller(W.reshape(len(W), height, width, -1), step)
    columns = min(len(units), 16 if max(height, width) <= 8 else 10)
    if is_colour:  # each channel by itself: grey is no weight
        pixels = np.asarray(np.rint(np.clip(0.5 + units / (2 * limit), 0, 1) * 255), np.uint8)
        opaque = np.full((*pixels.shape[:3], 1), 255, np.uint8)
        content = png(sheet(np.concatenate([pixels, opaque], axis=3), columns, _GAP))
    else:
        whole = sheet(levels(units[..., 0], limit), columns, _GAP, _LEVELS)
        content = png(whole, diverging_palette(), _LEVELS)
    tall, wide = units.shape[1] + _GAP, units.shape[2] + _GAP
    rows = -(-len(units) // columns)
    zoom = max(1, round(64 / wide))
    picture = element(
        "img",
        src=data_address(content),
        width=(columns * wide - _GAP) * zoom,
        height=(rows * tall - _GAP) * zoom,
        alt=f"The weights of {counted(len(W), 'unit')}, each a picture of {height} by {width}, "
        f"{rows} rows of {columns}",
        class_="pixels",
    )
    return element("figure", picture, None if is_colour else element("figcaption", _scale(limit)))


def _smaller(units: npt.NDArray[np.float64], step: int) -> npt.NDArray[np.float64]:
    """(n, H, W, C) with the mean of step by step pixels in place of each."""
    if step == 1:
        return units
    height, width = (side - side % step for side in units.shape[1:3])
    cut = units[:, :height, :width].reshape(len(units), height // step, step, width // step, step, -1)
    return np.asarray(cut.mean(axis=(2, 4)))


def _scale(limit: float) -> Markup:
    """The colours with the weights that they stand for."""
    bar = png(np.arange(_LEVELS, dtype=np.uint8)[np.newaxis], diverging_palette())
    picture = element("img", src=data_address(bar), width=160, height=10, alt="blue, white, red", class_="scale")
    return join(element("span", number(-limit, 3)), " ", picture, " ", element("span", number(limit, 3)))


def _grid(model: Model, W: npt.NDArray[np.float64], shown: npt.NDArray[np.integer], limit: float) -> Markup:
    """A row for each input, a column for each unit."""
    names = _input_names(model)[:MOST_INPUTS]
    content = png(levels(W.T[: len(names)], limit), diverging_palette())
    top, side = 22, 18
    left = 16 + round(6.6 * min(_NAME, max(map(len, names))))
    width, height = left + side * len(shown), top + side * len(names)
    drawn: list[Node] = [
        element(
            "image",
            href=data_address(content),
            x=left,
            y=top,
            width=side * len(shown),
            height=side * len(names),
            preserveAspectRatio="none",
            class_="pixels",
        )
    ]
    for i, name in enumerate(names):
        text = name if len(name) <= _NAME else f"{name[: _NAME - 1]}\N{HORIZONTAL ELLIPSIS}"
        title = element("title", name) if text != name else None
        drawn.append(element("text", title, text, x=left - 8, y=top + side * i + 13, text_anchor="end"))
    for i, unit in enumerate(shown.tolist()):
        if i % 5 == 0:
            at = left + side * i + side / 2
            drawn.append(element("text", str(unit), x=at, y=top - 8, text_anchor="middle"))
    svg = element(
        "svg",
        element("title", "Weights of the first layer", id="grid-title"),
        element("desc", f"{len(names)} inputs by {len(shown)} units", id="grid-description"),
        drawn,
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
        aria_labelledby="grid-title grid-description",
        class_="grid-chart",
    )
    inputs = len(_input_names(model))
    more = f" The first {len(names)} of {inputs:,} inputs." if len(names) < inputs else ""
    caption = element("figcaption", _scale(limit), element("p", f"Rows are inputs, columns units, from 0.{more}"))
    return element("figure", scrolling(svg, "weights"), caption)


def _input_names(model: Model) -> list[str]:
    if model.encoding is not None:
        return list(model.encoding.features)
    what = "bit" if model.input["kind"] == "bits" else "input"
    return [f"{what} {i}" for i in range(model.network.structure[0])]
