"""What a network said of each example, as a table."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mlpcli.evaluation import AnyEvaluation, Evaluation, RegressionEvaluation
from mlpcli.files import atomic_file

_AT_ONCE = 4096  # rows


def write_predictions(
    path: str | Path, result: AnyEvaluation, classes: Sequence[str], places: npt.NDArray[Any] | None = None
) -> None:
    """Write a CSV file with a row for each example, in their order, in place of a file of that name. CannotWriteError.

    Columns: index, from 0; line of the table or file of the picture, where `places` (N,) has them (see `Split`); truth
    and said, names of classes, or of labels with | between them; right, 1 or 0; probability_CLASS for each. Of
    quantities: truth, said, residual (said - truth), with _NAME behind them where there are several.
    """
    header, columns = _columns(result, classes)
    if places is not None:
        header.insert(0, "line" if places.dtype.kind == "i" else "file")
        columns.insert(0, places)
    with atomic_file(path) as file, io.TextIOWrapper(file, "utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["index", *header])
        for at in range(0, result.examples, _AT_ONCE):
            some = [_texts(column[at : at + _AT_ONCE]) for column in columns]
            indices = range(at, min(at + _AT_ONCE, result.examples))
            writer.writerows(zip(indices, *some, strict=True))


def _columns(result: AnyEvaluation, classes: Sequence[str]) -> tuple[list[str], list[npt.NDArray[Any]]]:
    """The names and the columns, (N,) each, of what there is to say of each example."""
    if isinstance(result, RegressionEvaluation):
        header, columns = [], []
        for quantity, truth, said in zip(classes, result.labels.T, result.said.T, strict=True):
            behind = f"_{quantity}" if len(classes) > 1 else ""
            header += [f"truth{behind}", f"said{behind}", f"residual{behind}"]
            columns += [truth, said, said - truth]
        return header, columns
    names = np.array(classes, dtype=object)
    if isinstance(result, Evaluation):
        truth, said = names[result.labels], names[result.said]
    else:
        truth, said = _joined(result.labels, names), _joined(result.said, names)
    header = ["truth", "said", "right", *(f"probability_{name}" for name in classes)]
    return header, [truth, said, result.right.astype(np.int64), *result.probabilities.T]


def _joined(labels: npt.NDArray[Any], names: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    joined = np.empty(len(labels), dtype=object)
    joined[:] = ["|".join(names[row.astype(bool)]) for row in labels]
    return joined


def _texts(column: npt.NDArray[Any]) -> Iterable[str]:
    """As short as tells the numbers apart."""
    return map(str, column if column.dtype.kind == "f" else column.tolist())
