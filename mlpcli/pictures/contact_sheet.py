"""Pictures beside what a network saw of them, many on a sheet."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from mlpcli.pictures.lettering import fitted, font

MOST = 100  # pictures on a sheet
_TILE = 168  # pixels: six for each of 28
_GAP = 10
_LINES = ((15, "black"), (12, "#595959"))  # height and colour of the lines below a pair of tiles
_CAPTION = "left: the picture, right: what the network saw"


class Pair(NamedTuple):
    """original: None where there is none. seen: (H, W) or (H, W, 3), 0 to 1. lines: what is said of it, two at most."""

    original: Image.Image | None
    seen: npt.NDArray[Any]
    lines: Sequence[str]


def contact_sheet(pairs: Sequence[Pair]) -> Image.Image:
    """A sheet of pairs, in reading order, up to four in a row; what the networks saw is enlarged without smoothing."""
    columns = min(4, round(len(pairs) ** 0.5 + 0.49))
    rows = -(-len(pairs) // columns)
    width = 2 * _TILE + 3 * _GAP
    height = _TILE + sum(size + 6 for size, _ in _LINES) + _GAP
    top = 30
    sheet = Image.new("RGB", (columns * width + _GAP, top + rows * height), "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((_GAP, 9), fitted(_CAPTION, sheet.width - 2 * _GAP, 12), fill="#595959", font=font(12))
    for i, pair in enumerate(pairs):
        left, upper = _GAP + i % columns * width, top + i // columns * height
        for place, tile in enumerate((pair.original, _as_image(pair.seen))):
            if tile is not None:
                at = left + place * (_TILE + _GAP)
                draw.rectangle((at - 1, upper - 1, at + _TILE, upper + _TILE), outline="#8c8c8c", fill="#d9d9d9")
                tile = _tile(tile, smooth=place == 0)
                sheet.paste(tile, (at + (_TILE - tile.width) // 2, upper + (_TILE - tile.height) // 2))
        at = upper + _TILE + 5
        for text, (size, colour) in zip(pair.lines, _LINES, strict=False):
            draw.text((left, at), fitted(text, width - _GAP, size), fill=colour, font=font(size))
            at += size + 6
    return sheet


def _as_image(seen: npt.NDArray[Any]) -> Image.Image:
    return Image.fromarray(np.rint(np.clip(seen, 0, 1) * 255).astype(np.uint8)).convert("RGB")


def _tile(image: Image.Image, smooth: bool) -> Image.Image:
    """The image at the size of a tile, its aspect kept; enlarged pixel by pixel, reduced smoothly."""
    longest = max(image.size)
    if longest > _TILE:
        image = image.convert("RGB")
        image.thumbnail((_TILE, _TILE), Image.Resampling.LANCZOS)
        return image
    if smooth:
        ratio = _TILE / longest
        size = (max(1, round(image.width * ratio)), max(1, round(image.height * ratio)))
        return image.resize(size, Image.Resampling.BICUBIC)
    factor = _TILE // longest
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
