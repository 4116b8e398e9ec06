"""Pictures as lines of text, for a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt

_SHADES = " \N{LIGHT SHADE}\N{MEDIUM SHADE}\N{DARK SHADE}\N{FULL BLOCK}"
_PLAIN_SHADES = " .+#@"  # where the terminal's encoding has no blocks


def drawing(picture: npt.NDArray[Any], widest: int = 32) -> list[str]:
    """A picture (H, W) from 0 to 1 as lines of equal length, each pixel two characters wide: the lighter, the fuller.

    One of more than `widest` pixels to a side is scaled down, to the mean of the pixels that fall together.
    """
    import numpy as np

    shades = np.array(list(_SHADES if can_print(_SHADES) else _PLAIN_SHADES))
    step = max(1, -(-max(picture.shape) // widest))
    height, width = (-(-side // step) for side in picture.shape)
    padding = [(0, size * step - side) for size, side in zip((height, width), picture.shape, strict=True)]
    padded = np.pad(np.asarray(picture, np.float64), padding, mode="edge")
    small = padded.reshape(height, step, width, step).mean(axis=(1, 3))
    levels = np.clip(np.rint(small * (len(shades) - 1)), 0, len(shades) - 1).astype(np.int64)
    return ["".join(row) for row in np.repeat(shades[levels], 2, axis=1)]


def side_by_side(drawings: Sequence[Sequence[str]], gap: int = 3) -> list[str]:
    """The lines of several drawings beside one another, the shorter ones filled up below."""
    height = max(map(len, drawings))
    widths = [max(map(len, lines), default=0) for lines in drawings]
    filled = [[*lines, *[""] * (height - len(lines))] for lines in drawings]
    return [
        (" " * gap).join(line.ljust(width) for line, width in zip(row, widths, strict=True)).rstrip()
        for row in zip(*filled, strict=True)
    ]


def can_print(text: str) -> bool:
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
