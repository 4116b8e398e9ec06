"""Text in pictures."""

from functools import cache
from typing import Any

from PIL import ImageFont


@cache
def font(size: int) -> Any:
    """The font that comes with Pillow, `size` pixels high; of one size where Pillow is without FreeType."""
    try:
        return ImageFont.load_default(size)
    except ImportError:
        return ImageFont.load_default()


def fitted(text: str, width: float, size: int) -> str:
    """As much of a text as fits into `width` pixels, its middle left out where it is too long; a line."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    if font(size).getlength(text) <= width:
        return text
    low, high = 0, len(text) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if font(size).getlength(_shortened(text, middle)) <= width:
            low = middle
        else:
            high = middle - 1
    return _shortened(text, low)


def _shortened(text: str, length: int) -> str:
    tail = length // 2
    return f"{text[: length - tail]}...{text[len(text) - tail :]}"
