"""Many small pictures in rows, a caption above each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlpcli.reports.figures.canvas import WIDTH, blank, plain

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.figure import Figure

# Inches, of which the figure's only axes are made, so that nothing has to be fitted.
_GAP = 0.14
_MARGIN = 0.3
_HEAD, _FOOT, _SCALE = 0.7, 0.5, 1.35
_LARGEST = 2.4
_TALLEST = 4.0
_POINT = 1 / 72
_LETTER = 0.58  # width of a letter, in font sizes
_LINE = 1.25  # height of a line, in font sizes


def picture_grid(
    pictures: Sequence[npt.NDArray[Any]],
    captions: Sequence[str],
    title: str,
    foot: str,
    columns: int | None = None,
    scale_label: str | None = None,
    extend: str = "neither",
    **drawing: Any,
) -> Figure:
    """Pictures (H, W) or (H, W, 3) of one size with a caption of one or several lines above each.

    foot: a line below that says what is seen. scale_label: draws a colour bar, with this label; extend: where values
    go beyond it, as Matplotlib has it. drawing: for Matplotlib's imshow.
    """
    from matplotlib.patches import Rectangle

    columns = columns or min(12, max(1, math.ceil(math.sqrt(1.6 * len(pictures)))))
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    high, wide = pictures[0].shape[:2]
    room = WIDTH - 2 * _MARGIN - (_SCALE if scale_label else 0.0)
    tile = min(_LARGEST, room / columns - _GAP)
    size = min(11.0, max(6.0, tile * 9.0))  # of letters, in points
    # A narrow picture stands in the middle of its tile, which a caption takes whole.
    picture_height = min(tile * high / wide, _TALLEST)
    picture_width = picture_height * wide / high
    lines = max((caption.count("\n") + 1 for caption in captions if caption), default=0)
    above = lines * size * _LINE * _POINT
    pitch = picture_height + above + _GAP
    height = _HEAD + rows * pitch + _FOOT
    figure = blank(height, layout=None)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    left = _MARGIN + (room - columns * (tile + _GAP) + _GAP) / 2
    longest = max(4, int(tile / (size * _LETTER * _POINT)))
    image = None
    for i, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        x = left + (i % columns) * (tile + _GAP) + (tile - picture_width) / 2
        y = _HEAD + (i // columns) * pitch + above
        image = axes.imshow(picture, extent=(x, x + picture_width, y + picture_height, y), **drawing)
        axes.add_patch(Rectangle((x, y), picture_width, picture_height, fill=False, edgecolor="#bbbbbb", linewidth=0.6))
        text = "\n".join(plain(line, longest) for line in caption.split("\n"))
        axes.text(x + picture_width / 2, y - 0.04, text, size=size, ha="center", va="bottom", linespacing=1.1)
    axes.set(xlim=(0, WIDTH), ylim=(height, 0), aspect="auto")
    axes.set_axis_off()
    figure.suptitle(title, y=1 - 0.18 / height, va="top")
    figure.text(0.5, 0.16 / height, foot, ha="center", va="bottom", size=10, color="#444444")
    if scale_label and image is not None:
        bottom, top = _FOOT / height, 1 - _HEAD / height
        shown = min(top - bottom, 4.0 / height)  # no longer than it takes to read it
        place = (1 - (_SCALE - 0.1) / WIDTH, top - shown, 0.018, shown)
        figure.colorbar(image, cax=figure.add_axes(place), label=scale_label, extend=extend)
    return figure
