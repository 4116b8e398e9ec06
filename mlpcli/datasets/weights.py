"""Sample weights: how much each example counts in training, a finite number from 0 on."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mlpcli.datasets.columns import shown
from mlpcli.datasets.dataset import Split
from mlpcli.datasets.table import Table, TextColumn
from mlpcli.errors import DamagedFileError, UsageError

Weights = npt.NDArray[np.float64]


def column_weights(table: Table, position: int) -> Weights:
    """The weights in a column of a table, (N,), one for each of its rows.

    DamagedFileError, with the line, for a value that is missing, no number, or negative, and where all are 0.
    """
    column, name = table.columns[position], shown(table.names[position])

    def place(row: int) -> str:
        return f"{table.path}: line {table.lines[row]:,}, column {name}"

    if isinstance(column, TextColumn):
        stray = table.stray(position)
        text = shown(stray.text) if stray else "a text"
        line = f"line {stray.line:,}, " if stray else ""
        raise DamagedFileError(
            f"{table.path}: {line}column {name}: the sample weight is {text}; give a number from 0 on, or another "
            "--sample-weight"
        )
    absent = np.isnan(column.values)
    if absent.any():
        raise DamagedFileError(
            f"{place(int(absent.argmax()))}: the sample weight is missing ({int(absent.sum()):,} in all); fill it in"
        )
    _check_values(column.values, f"{table.path}: column {name}", place)
    return column.values


def array_weights(array: npt.NDArray[Any], examples: int, name: str) -> Weights:
    """The weights in an array, (N,) in memory; `name` is the array's in messages.

    UsageError for an array that is not one number for each of so many examples; DamagedFileError for a weight that is
    negative or not finite, and where all are 0.
    """
    if array.shape != (examples,):
        raise UsageError(f"{name}: sample weights of shape {array.shape}; give one for each example, ({examples},)")
    if array.dtype.kind not in "biuf":
        raise UsageError(f"{name}: sample weights of {array.dtype}; give real numbers")
    with np.errstate(over="ignore"):  # of a wider type: an infinite weight is refused below
        weights = np.array(array, np.float64)
    _check_values(weights, name, lambda row: f"{name}: example {row:,} (from 0)")
    return weights


def _check_values(weights: Weights, name: str, place: Callable[[int], str]) -> None:
    good = np.isfinite(weights) & (weights >= 0)
    if not good.all():
        row = int(good.argmin())
        raise DamagedFileError(
            f"{place(row)}: the sample weight is {weights[row]:g}; give a finite number from 0 on "
            f"({int((~good).sum()):,} such in all)"
        )
    check_total(weights, name)


def check_total(weights: Weights, name: str) -> None:
    """DamagedFileError unless the sum of good weights can be divided by."""
    with np.errstate(over="ignore"):
        total = weights.sum()
    if not total:
        raise DamagedFileError(f"{name}: every sample weight is 0, so that nothing counts; give others")
    if not np.isfinite(total):
        raise DamagedFileError(f"{name}: the sum of the sample weights is beyond 1.8e308; divide all by one number")


def check_splits(splits: Mapping[str, Split], name: str) -> list[str]:
    """A remark for each part without weights where the training part has some.

    DamagedFileError where a cut, or the rows left out, leave nothing to train on that counts.
    """
    weights = splits["train"].sample_weights
    if weights is None:
        return []
    check_total(weights, f"{name}, examples to train on")
    # An empty test part lacks nothing.
    without = [part for part, split in splits.items() if split.sample_weights is None and len(split)]
    return [f"no sample weights for the {part} part: each of its examples counts alike" for part in without]
