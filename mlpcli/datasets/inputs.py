"""Files to predict: rows of a table or an array, read as a trained network understands them."""

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mlpcli.datasets.arrays import read_array
from mlpcli.datasets.naming import TEST, kind_of, place_of
from mlpcli.datasets.npz import list_npz, read_npz
from mlpcli.datasets.options import Like
from mlpcli.errors import UsageError


class Inputs(NamedTuple):
    """Raw examples (N, I), the row of the file that each comes from (a table's line, from 1; an array's index, from
    0), and remarks."""

    X: npt.NDArray[Any]
    rows: list[int]
    notes: tuple[str, ...] = ()


def read_inputs(path: Path, like: Like, header: bool | None = None) -> Inputs:
    """The examples in a table or array. header: whether a table's first row holds names, if it is not to be found out.

    Raises UsageError for a kind of file that the network does not take, DamagedFileError for a bad file.
    """
    if kind_of(path.name) is None:
        if like.encoding is None:
            raise UsageError(f"{path}: neither .npy, .npz nor IDX, which the network takes; give an array of examples")
        table = like.encoding.read(path, header)
        encoded = like.encoding.encode(table)
        return Inputs(encoded.X, table.lines[encoded.kept].tolist(), (*table.notes, *encoded.notes))
    if like.encoding is not None:
        raise UsageError(f"{path}: an array, but the network was trained on a table; give a table with its columns")
    X, notes = _one_array(path)
    if X.shape == like.shape:
        X = X[np.newaxis]
    if X.ndim < 2 or X.size != len(X) * math.prod(like.shape):
        wanted = ", ".join(map(str, like.shape))
        raise UsageError(f"{path}: an array of shape {X.shape}, the network takes (N, {wanted}); give such examples")
    return Inputs(X.reshape(len(X), -1), list(range(len(X))), notes)


def _one_array(path: Path) -> tuple[npt.NDArray[Any], tuple[str, ...]]:
    """The examples in a file, and a remark where it holds others, too."""
    if kind_of(path.name) != ".npz":
        return read_array(path), ()
    names = list_npz(path)
    candidates = [name for name in names if (place := place_of(name)) and place.role == "X"] or names
    tests = [name for name in candidates if (place := place_of(name)) and place.part == TEST]
    if len(candidates) > 1 and len(tests) != 1:
        raise UsageError(f"{path}: holds {', '.join(names)}; name the examples X, or save them as .npy")
    chosen = tests[0] if len(tests) == 1 else candidates[0]
    note = (f"the examples are {chosen}, of {', '.join(candidates)}",) if len(candidates) > 1 else ()
    return read_npz(path, [chosen])[chosen], note
