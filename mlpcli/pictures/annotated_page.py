"""A page with what was read on it drawn around each character."""

from collections.abc import Iterable
from typing import NamedTuple

from PIL import Image, ImageDraw

from mlpcli.pictures.lettering import font

LONGEST = 3000  # pixels of the longer side that are written
READ, DOUBTED = "#0055cc", "#c43c00"  # colours of what was read, and of what was rejected; both dark, on white


class Mark(NamedTuple):
    """box: left, top, right, bottom in pixels of the whole picture, the last two one beyond. text: drawn at it.

    sure: whether it counts as read.
    """

    box: tuple[int, int, int, int]
    text: str
    sure: bool


def annotated(page: Image.Image, marks: Iterable[Mark]) -> Image.Image:
    """A copy of the page, at most LONGEST pixels long, with a box and a text for each mark.

    The text stands above its box, or below it at the page's upper edge, as large as is legible.
    """
    ratio = min(1.0, LONGEST / max(page.size))
    drawn = page.convert("RGB").resize((max(1, round(page.width * ratio)), max(1, round(page.height * ratio))))
    draw = ImageDraw.Draw(drawn)
    unit = max(1, round(max(drawn.size) / 700))  # pixels of a thin line
    for mark in marks:
        left, top, right, bottom = (round(side * ratio) for side in mark.box)
        colour = READ if mark.sure else DOUBTED
        draw.rectangle((left - unit, top - unit, right + unit - 1, bottom + unit - 1), outline=colour, width=unit)
        letters = font(min(max(11 * unit, (bottom - top) // 3), 24 * unit))
        _, _, width, height = draw.textbbox((0, 0), mark.text, font=letters)
        x = min(max(0, left - unit), max(0, drawn.width - round(width) - 2 * unit))
        y = top - unit - height - unit
        if y < 0:
            y = min(bottom + unit, drawn.height - height - unit)
        draw.rectangle((x, y, x + width + 2 * unit, y + height + unit), fill=colour)
        draw.text((x + unit, y), mark.text, fill="white", font=letters)
    return drawn
