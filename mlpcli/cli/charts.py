"""Charts as lines of text, for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mlpcli.cli.drawing import can_print

_BARS = "▁▂▃▄▅▆▇█"
_PLAIN_BARS = "_.,-=*#@"  # where the terminal's encoding has no blocks
_SHADES = " ░▒▓█"
_PLAIN_SHADES = " .+#@"


def sparkline(values: Sequence[float | None], width: int = 60) -> str:
    """Values as a line of bars, the least the lowest; of more than `width`, the means of groups. Gaps are blank."""
    bars = _BARS if can_print(_BARS) else _PLAIN_BARS
    groups = _grouped(values, width)
    there = [value for value in groups if value is not None]
    if not there:
        return ""
    low, span = min(there), max(there) - min(there)
    return "".join(
        " " if value is None else bars[round((value - low) / span * (len(bars) - 1)) if span else 0] for value in groups
    )


def line_chart(
    series: Sequence[Sequence[float | None]], marks: str, width: int = 60, height: int = 12, logarithmic: bool = False
) -> list[str]:
    """Series over the same steps as lines of text, with a scale at the left; a character of `marks` for each series.

    Where two fall together the first is seen. Values that are not finite, and on a logarithmic scale not above 0, are
    left out.
    """
    points = [_grouped(one, width) for one in series]
    if logarithmic:
        points = [[math.log(value) if value is not None and value > 0 else None for value in one] for one in points]
    there = [value for one in points for value in one if value is not None]
    if not there:
        return []
    low, high = min(there), max(there)
    span = high - low or 1.0
    canvas = [[" "] * max(map(len, points)) for _ in range(height)]
    for one, mark in reversed(list(zip(points, marks, strict=False))):
        for column, value in enumerate(one):
            if value is not None:
                canvas[height - 1 - round((value - low) / span * (height - 1))][column] = mark
    scale = [""] * height
    for row in (0, height // 2, height - 1):
        value = high - span * row / (height - 1)
        scale[row] = f"{math.exp(value) if logarithmic else value:.4g}"
    left = max(map(len, scale))
    return [f"{text:>{left}} | {''.join(row)}".rstrip() for text, row in zip(scale, canvas, strict=True)]


def _grouped(values: Sequence[float | None], most: int) -> list[float | None]:
    """At most so many values: the means of groups of neighbours that are as alike in size as can be."""
    groups = min(most, len(values))
    return [_mean(values[i * len(values) // groups : (i + 1) * len(values) // groups]) for i in range(groups)]


def _mean(values: Sequence[float | None]) -> float | None:
    there = [value for value in values if value is not None and math.isfinite(value)]
    return sum(there) / len(there) if there else None


def shaded_table(names: Sequence[str], counts: Sequence[Sequence[int]], columns: int = 80) -> list[str]:
    """A square of counts, each followed by a shade for its share of the row: the fuller, the larger; 0 is a dot.

    Where that is wider than so many columns, the shades alone, in the order of the rows.
    """
    shades = _SHADES if can_print(_SHADES) else _PLAIN_SHADES
    digits = max(len(str(count)) for row in counts for count in row)
    width = max(map(len, names))
    cell = max(digits, width) + 2  # a blank before it, the shade after
    shares = [[_shade(count / (sum(row) or 1), shades) for count in row] for row in counts]
    if width + cell * len(names) > columns:
        return [f"{name:>{width}} {''.join(2 * one for one in row)}" for name, row in zip(names, shares, strict=True)]
    lines = [" " * width + "".join(f"{name:>{cell - 1}} " for name in names).rstrip()]
    for name, row, shaded in zip(names, counts, shares, strict=True):
        cells = (f"{count or '.':>{cell - 1}}{shade}" for count, shade in zip(row, shaded, strict=True))
        lines.append(f"{name:>{width}}{''.join(cells)}".rstrip())
    return lines


def _shade(share: float, shades: str) -> str:
    """No shade for nothing, at least the lightest for anything."""
    return shades[math.ceil(share * (len(shades) - 1) - 1e-9)]
