"""What opens when a number is selected: the examples behind it, as data for script.js.

All pictures stand in one sheet, each once, however many cells show it. Of a cell with many examples the first are
kept, as many as the page has room for; how many there are in all is said.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mlpcli.reports.page.layout import counted
from mlpcli.reports.page.measured import Judged, Measured, true_classes
from mlpcli.reports.page.pictures import data_address, png, sheet

ROOM = 600_000  # bytes of PNG in the page; a third more as text
MOST_EXAMPLES = 5000  # each takes some 60 bytes of text
_LIMITS = (24, 16, 12, 8, 6, 4, 3, 2, 1)  # examples to a cell, of which the largest is taken that has room
_COLUMNS = 32  # pictures to a row of the sheet


class Cell(NamedTuple):
    """A number that can be selected. key: its name in the page. examples: (n,) positions in the split, the most telling
    ones first. order: which those are, in words."""

    key: str
    title: str
    examples: npt.NDArray[np.integer]
    order: str


def gallery(measured: Measured, result: Judged, cells: Sequence[Cell]) -> dict[str, Any]:
    """The examples behind the cells, as JSON takes them; script.js knows the keys."""
    for limit in _LIMITS:
        shown = np.unique(np.concatenate([cell.examples[:limit] for cell in cells] or [np.empty(0, np.int64)]))
        if len(shown) > MOST_EXAMPLES and limit > 1:
            continue
        pictures = _sheet(measured, shown)
        if pictures is None or len(pictures["source"]) <= ROOM * 4 / 3 or limit == 1:
            break
    number_of = {int(example): number for number, example in enumerate(shown)}
    one, many = measured.things
    return {
        "classes": list(measured.model.classes),
        "sheet": pictures,
        "place": measured.place_kind,
        "columns": measured.value_names,
        "examples": [_example(measured, result, int(example)) for example in shown],
        "cells": {
            cell.key: {
                "title": cell.title,
                "note": _note(len(cell.examples), limit, cell.order, one, many),
                "examples": [number_of[int(example)] for example in cell.examples[:limit]],
            }
            for cell in cells
        },
    }


def _note(count: int, limit: int, order: str, one: str, many: str) -> str:
    if count <= limit:
        return f"{counted(count, one, many)}{f', {order} first' if count > 1 else ''}"
    return f"{limit} of {counted(count, one, many)}: {order}"


def _sheet(measured: Measured, shown: npt.NDArray[np.integer]) -> dict[str, Any] | None:
    if not measured.has_pictures or not len(shown):
        return None
    pictures = measured.pictures(shown)
    height, width = pictures.shape[1:3]
    content = png(sheet(pictures, _COLUMNS))
    return {"source": data_address(content), "width": width, "height": height, "columns": _COLUMNS}


def _example(measured: Measured, result: Judged, example: int) -> dict[str, Any]:
    """index: in the part that was measured. place: by what it is found again, where that is not the index. truth:
    classes. said: the likeliest classes with their probabilities.
    """
    true, shares = true_classes(result, example), result.probabilities[example]
    likeliest = np.argsort(-shares, kind="stable")[:3].tolist()
    likeliest += [i for i in true if i not in likeliest]
    described: dict[str, Any] = {
        "index": example,
        "truth": true,
        "said": [[i, round(float(shares[i]), 4)] for i in likeliest],
    }
    if measured.place_kind != "number":
        described["place"] = measured.place(example)
    values = measured.values(example)
    return described | ({"values": values} if values else {})
