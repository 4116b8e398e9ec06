"""A data set in tables: which column is the label, which rows take part, and the inputs as numbers."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mlpcli.datasets.dataset import Dataset, Split
from mlpcli.datasets.encoding import Encoded, Encoding, UnfitColumnsError, resolve_columns
from mlpcli.datasets.labels import Coded, Labels, RawLabels, doubt, understand
from mlpcli.datasets.options import Like, Options
from mlpcli.datasets.split import part_off
from mlpcli.datasets.table import NumberColumn, Table, TextColumn, read_table
from mlpcli.datasets.table_layout import Layout, find_layout
from mlpcli.datasets.tasks import Task
from mlpcli.datasets.weights import Weights, check_splits, column_weights
from mlpcli.errors import DamagedFileError, UsageError

LABEL_NAMES = ("label", "class", "target", "y")
# The options that apply.
TAKES = ("label", "task", "ignore", "sample_weight", "header", "missing", "test", "split_seed")


@dataclass(frozen=True)
class _Labelled:
    """A table, the rows that have a label, and those labels."""

    table: Table
    rows: npt.NDArray[np.int64]
    raw: RawLabels
    columns: tuple[int, ...]


def load_tables(name: str, paths: dict[str, Path], options: Options, like: Like | None, look: bool = False) -> Dataset:
    """The data set in one table, or in one for each part ("train" and others).

    look: only to look at it, so that missing values and columns that cannot be inputs are told, not refused.

    Raises UsageError and DamagedFileError as reading, encoding and understanding the labels do.
    """
    options.refuse_but(TAKES, f"{name}, a table")
    if like is not None:
        return _load_like(name, paths, options, like)
    if options.fold is not None:
        paths = {part: place for part, place in paths.items() if part != "test"}
    path, notes = paths["train"], []
    layout = find_layout(path, options.header)
    weight = _weight_column(path, layout.names, options.sample_weight)
    columns, said = _label_columns(path, layout.names, options.label, weight)
    notes += said
    ignored = [] if options.ignore is None else resolve_columns(layout.names, options.ignore, path)
    if set(ignored) & set(columns):
        both = layout.names[next(iter(set(ignored) & set(columns)))]
        raise UsageError(f"--ignore: {both!r} is the label; leave it out, or give another --label")
    if weight in (*columns, *ignored):
        use = "the label" if weight in columns else "to be ignored"
        raise UsageError(f"--sample-weight: {layout.names[weight]!r} is {use}; name another column")
    table = read_table(path, text=[c + 1 for c in columns] if len(columns) == 1 else (), layout=layout)
    missing = options.missing or ("mean" if look else "refuse")
    train = _labelled(table, columns, missing)
    weights = None if weight is None else column_weights(table, weight)
    names = tuple(table.names[c] for c in columns)
    labels = understand(train.raw, options.task, str(path), names)
    notes += doubt(train.raw, labels) if options.task is None else ()
    y = labels.encode(train.raw, str(path))
    if "test" in paths and options.test is not None:
        raise UsageError(f"--test: {name} has a test part of its own; leave it out")
    cuts, said = _cut(name, y, labels.task, options, "test" in paths)
    notes += said
    inputs = [i for i in range(len(table.names)) if i not in (*columns, *ignored, weight)]
    try:
        encoding = Encoding.fit(table, inputs, train.rows[cuts["train"]], missing)
    except UnfitColumnsError as error:
        if not look:
            raise
        unfit = ",".join(error.reasons)
        notes.append(f"not inputs as they are: {unfit}; mlp train needs --ignore {shlex.quote(unfit)}")
        inputs = [i for i in inputs if table.names[i] not in error.reasons]
        encoding = Encoding.fit(table, inputs, train.rows[cuts["train"]], missing)
    encoded = encoding.encode(table)
    notes = [*table.notes, *notes, *encoded.notes]
    splits = {part: _pick(encoded, table.lines, train.rows[cut], y[cut], path, weights) for part, cut in cuts.items()}
    label_columns = tuple(_known_as(table, c) for c in columns)
    weighed_by = None if weight is None else _known_as(table, weight)
    for part, other in paths.items():
        if part != "train":
            rows = _read_part(other, options.header, encoding, labels, label_columns, weighed_by=weighed_by)
            splits[part] = _pick(rows.encoded, rows.lines, rows.rows, rows.y, other, rows.weights)
            notes += rows.notes
    notes += check_splits(splits, str(path))
    found = _dataset(name, encoding, labels, label_columns, splits, notes, "test" in paths)
    return replace(found, missing=_missing(table, inputs))


def _missing(table: Table, columns: Sequence[int]) -> tuple[tuple[str, int], ...]:
    counts = []
    for position in columns:
        column = table.columns[position]
        is_gap = np.isnan(column.values) if isinstance(column, NumberColumn) else column.codes < 0
        counts.append((table.names[position], int(is_gap.sum())))
    return tuple((name, count) for name, count in counts if count)


def _load_like(name: str, paths: dict[str, Path], options: Options, like: Like) -> Dataset:
    if like.encoding is None:
        raise UsageError(f"{name}: a table, but the network was trained on data of another kind; give such data")
    labels, columns = Labels(like.task, like.classes), like.label_columns
    splits: dict[str, Split] = {}
    notes: list[str] = []
    for part, path in paths.items():
        read = _read_part(path, options.header, like.encoding, labels, columns, options.label)
        notes += read.notes
        # As in training: first the cut, then the rows that lack something are left out.
        has_test = part != "train" or "test" in paths
        cuts, said = _cut(name, read.y, like.task, options, has_test, part, any_number=True)
        notes += said
        splits |= {cut: _pick(read.encoded, read.lines, read.rows[at], read.y[at], path) for cut, at in cuts.items()}
    return _dataset(name, like.encoding, labels, columns, splits, notes, "test" in paths)


def _cut(
    name: str,
    y: npt.NDArray[Any],
    task: Task,
    options: Options,
    has_test: bool,
    part: str = "train",
    any_number: bool = False,
) -> tuple[dict[str, npt.NDArray[np.int64]], list[str]]:
    """The positions in y that belong to each part: all to this one, or some to "test" where data has none; remarks."""
    if has_test:
        return {part: np.arange(len(y))}, []
    by_class = y if task == "classification" else len(y)
    if options.fold is not None:
        kept, held_out, remark = options.fold.cut(by_class, options.split_seed)
    else:
        kept, held_out, remark = part_off(name, by_class, options.test, options.split_seed, any_number)
    return {"train": kept, "test": held_out}, [remark]


def _dataset(
    name: str,
    encoding: Encoding,
    labels: Labels,
    label_columns: tuple[str | int, ...],
    splits: dict[str, Split],
    notes: Sequence[str],
    has_test: bool,
) -> Dataset:
    return Dataset(
        name,
        "table",
        (encoding.width,),
        1.0,
        labels.classes,
        splits["train"],
        splits["test"],
        splits.get("validation"),
        labels.task,
        "standard",
        encoding=encoding,
        label_columns=label_columns,
        notes=tuple(dict.fromkeys(notes)),
        has_test=has_test,
    )


def _known_as(table: Table, position: int) -> str | int:
    """What a column of the training table is found by in others."""
    return table.names[position] if table.had_header else position + 1


class _Rows(NamedTuple):
    """A table like the one trained on: all of it encoded, the line of each of its rows, the rows that have a label,
    their labels, remarks, and the weights of all rows."""

    encoded: Encoded
    lines: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    y: npt.NDArray[Any]
    notes: list[str]
    weights: Weights | None


def _read_part(
    path: Path,
    header: bool | None,
    encoding: Encoding,
    labels: Labels,
    label_columns: tuple[str | int, ...],
    asked: str | None = None,
    weighed_by: str | int | None = None,
) -> _Rows:
    layout = encoding.layout(path, header)
    columns = _find_label(path, layout, label_columns, asked)
    table = encoding.read(path, layout=layout, text=columns if len(columns) == 1 else ())
    part = _labelled(table, columns, encoding.missing)
    encoded = encoding.encode(table)
    known_as: Sequence[str | int] = layout.names if isinstance(weighed_by, str) else range(1, len(layout.names) + 1)
    # Nothing is trained on these rows, so that the column need not be there.
    weights = column_weights(table, known_as.index(weighed_by)) if weighed_by in known_as else None
    y, notes = labels.encode(part.raw, str(path)), [*table.notes, *encoded.notes]
    return _Rows(encoded, table.lines, part.rows, y, notes, weights)


def _find_label(path: Path, layout: Layout, label_columns: tuple[str | int, ...], asked: str | None) -> list[int]:
    if asked is None:
        try:
            return resolve_columns(layout.names, list(label_columns), path)
        except UsageError as error:
            raise UsageError(f"{error}; the network learnt this label: name it with --label") from None
    return resolve_columns(layout.names, asked, path)


def _label_columns(
    path: Path, names: Sequence[str], spec: str | None, weight: int | None
) -> tuple[list[int], list[str]]:
    """The positions of the label's columns, and a remark where they were not named. weight: that of the weights."""
    if len(names) < 2:
        raise DamagedFileError(f"{path}: one column only, {names[0]!r}; give a table with inputs and a label")
    if spec is not None:
        return resolve_columns(names, spec, path), []
    others = [i for i in range(len(names)) if i != weight]
    known = [i for i in others if names[i].casefold() in LABEL_NAMES]
    if len(known) == 1:
        return known, [f"the label is column {names[known[0]]!r}; --label chooses another"]
    last = others[-1]
    but = "" if last == len(names) - 1 else " but the weights"
    return [last], [f"the label is column {names[last]!r}, the last{but}; --label chooses another"]


def _weight_column(path: Path, names: Sequence[str], spec: str | None) -> int | None:
    """The position of the column of sample weights. UsageError where it is not there, or more than one."""
    if spec is None:
        return None
    found = resolve_columns(names, spec, path)
    if len(found) > 1:
        raise UsageError(f"--sample-weight: {spec!r} names {len(found)} columns; give one")
    return found[0]


def _labelled(table: Table, columns: Sequence[int], missing: str) -> _Labelled:
    """The rows that have a label: all, or with missing="drop" those that do."""
    if len(columns) == 1:
        column = table.columns[columns[0]]
        if isinstance(column, NumberColumn):  # nothing but missing values is a column of numbers, too
            raise DamagedFileError(f"{table.path}: the label {table.names[columns[0]]!r} has no value; name another")
        there = column.codes >= 0
        if missing != "drop" and not there.all():
            raise DamagedFileError(
                f"{table.path}: the label {table.names[columns[0]]!r} is missing in line "
                f"{table.lines[int(np.argmin(there))]:,} ({int((~there).sum()):,} in all); fill it in, give --missing "
                "drop, or name another --label"
            )
        rows = np.flatnonzero(there)
        names = column.categories
        if table.decimal == ",":
            names = tuple(name.replace(",", ".") if _is_decimal(name) else name for name in names)
        raw: RawLabels = Coded(column.codes[rows], names, table.lines[rows])
        if not len(rows):
            raise DamagedFileError(f"{table.path}: no row has a label; name another --label")
        return _Labelled(table, rows, raw, tuple(columns))
    values = np.empty((len(table), len(columns)))
    for at, position in enumerate(columns):
        column = table.columns[position]
        if isinstance(column, TextColumn):
            text = column.categories[0] if column.categories else ""
            raise UsageError(
                f"{table.path}: the label {table.names[position]!r} holds texts, such as {text!r}; several label "
                "columns must be numbers: 0 and 1, or quantities"
            )
        values[:, at] = column.values
    absent = np.isnan(values).any(axis=1)
    if absent.any() and missing != "drop":
        line = table.lines[np.flatnonzero(absent)[0]]
        raise DamagedFileError(f"{table.path}: a label is missing in line {line:,}; fill it in, or give --missing drop")
    rows = np.flatnonzero(~absent)
    return _Labelled(table, rows, values[rows], tuple(columns))


def _is_decimal(text: str) -> bool:
    return text.count(",") == 1 and text.replace(",", "").lstrip("+-").isdigit()


def _pick(
    encoded: Encoded,
    lines: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    y: npt.NDArray[Any],
    path: Path,
    weights: Weights | None = None,
) -> Split:
    """The examples of these rows of the table, as far as encoding has kept them. lines, weights: of all its rows."""
    there = encoded.kept[rows]
    if len(rows) and not there.any():
        raise DamagedFileError(f"{path}: no complete row is left; give --missing mean, or --ignore a column")
    kept = rows[there]
    positions = (np.cumsum(encoded.kept) - 1)[kept]
    weights = None if weights is None else weights[kept]
    return Split(encoded.X[positions], y[there], weights=weights, origins=lines[kept])
