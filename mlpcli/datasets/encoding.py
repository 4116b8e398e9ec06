"""The input columns of a table as one matrix of numbers, by a recipe that can be kept and used on later tables.

Columns of numbers stay as they are; a column of text becomes one column for each text seen in training, 1 where
the row has it and 0 elsewhere (one-hot).
"""

import itertools
import math
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mlpcli.datasets.columns import listed, nearest, resolve_columns, shown
from mlpcli.datasets.table import NumberColumn, Table, TextColumn, read_table
from mlpcli.datasets.table_layout import MAX_COLUMNS, Layout, find_layout
from mlpcli.errors import DamagedFileError, UsageError

__all__ = ["MISSING_POLICIES", "Encoded", "Encoding", "NumberInput", "TextInput", "resolve_columns"]

MISSING_POLICIES = ("refuse", "mean", "drop")
MAX_CATEGORIES = 1000
FEW_ROWS = 100  # up to which as many texts as rows are no reason for suspicion
MAX_WIDTH = 1_000_000


@dataclass(frozen=True)
class NumberInput:
    """A column of numbers. position: in the training table, from 0 on. mean: of its training rows, fills gaps."""

    name: str
    position: int
    mean: float

    @property
    def width(self) -> int:
        """Features that this column becomes."""
        return 1


@dataclass(frozen=True)
class TextInput:
    """A column of text. position: in the training table, from 0 on. categories: of its training rows, sorted."""

    name: str
    position: int
    categories: tuple[str, ...]

    @property
    def width(self) -> int:
        """Features that this column becomes."""
        return len(self.categories)


class UnfitColumnsError(UsageError):
    """Columns that cannot be inputs. reasons: a line for each, by name."""

    def __init__(self, reasons: Sequence[tuple[str, str]]) -> None:
        self.reasons = dict(reasons)
        names = list(self.reasons)
        others = f"; nor can {', '.join(map(repr, names[1:]))} be: --ignore {shlex.quote(','.join(names))}"
        super().__init__(reasons[0][1] + (others if names[1:] else ""))


class Encoded(NamedTuple):
    """X: (K, width) float64, the K rows that are kept. kept: (N,) bool, which of the table's. notes: for the user."""

    X: npt.NDArray[np.float64]
    kept: npt.NDArray[np.bool_]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Encoding:
    """How the input columns of a table become a matrix.

    inputs: in the order of the features. missing: what becomes of rows that lack a value: "refuse", "mean" (a
    number is taken to be the mean of training, a text to be none of the known), or "drop".
    had_header, table_width: of the training table; columns are found by name where both tables have names.
    """

    inputs: tuple[NumberInput | TextInput, ...]
    missing: str
    had_header: bool
    table_width: int

    @classmethod
    def fit(cls, table: Table, columns: Sequence[int], rows: npt.NDArray[Any], missing: str = "refuse") -> "Encoding":
        """Learn the recipe. columns: positions of the inputs. rows: the training rows, positions or (N,) bool.

        Raises UnfitColumnsError for columns that cannot be inputs: without a value, or with a new text in every row.
        """
        if missing not in MISSING_POLICIES:
            raise UsageError(f"missing {missing!r}; choose one of {', '.join(MISSING_POLICIES)}")
        if not columns:
            raise UsageError(f"{table.path}: no input column is left; give a table with one beside the label")
        inputs, unfit = [], []
        for position in columns:
            try:
                inputs.append(_fit(table, position, rows))
            except UsageError as error:
                unfit.append((table.names[position], str(error)))
        if unfit:
            raise UnfitColumnsError(unfit)
        encoding = cls(tuple(inputs), missing, table.had_header, len(table.names))
        if encoding.width > MAX_WIDTH:
            widest = max(encoding.inputs, key=lambda one: one.width)
            raise UsageError(
                f"{table.path}: {encoding.width:,} features, at most {MAX_WIDTH:,}; leave columns out, "
                f"such as --ignore {shown(widest.name)} ({widest.width:,})"
            )
        return encoding

    @cached_property
    def features(self) -> tuple[str, ...]:
        """A name for each column of the matrix: `age`, `city=Oslo`."""
        return tuple(
            name
            for one in self.inputs
            for name in (
                [one.name] if isinstance(one, NumberInput) else [f"{one.name}={text}" for text in one.categories]
            )
        )

    @property
    def width(self) -> int:
        """The number of features."""
        return sum(one.width for one in self.inputs)

    def read(
        self, path: Path, header: bool | None = None, layout: Layout | None = None, text: Sequence[int] = ()
    ) -> Table:
        """Read a later table so that this encoding fits: what was text in training is text, its header is known.

        layout: what `layout` has said of this file. text: positions of other columns that are text.

        Raises what read_table does, and DamagedFileError where an input column is not there.
        """
        layout = layout or self.layout(path, header)
        found = self._find(path, layout.names, layout.had_header)
        own = [position for one, position in zip(self.inputs, found, strict=True) if isinstance(one, TextInput)]
        return read_table(path, text=[position + 1 for position in (*own, *text)], layout=layout)

    def layout(self, path: Path, header: bool | None = None) -> Layout:
        """How a later table is laid out, its header known by the names of the inputs."""
        return find_layout(path, header, known=[one.name for one in self.inputs] if self.had_header else [])

    def encode(self, table: Table) -> Encoded:
        """The matrix of a table, whose columns may stand in another order and beside others.

        A text that training has not seen becomes zeros in all features of its column, and a note.
        Raises DamagedFileError for an input column that is not there or holds text instead of numbers, and for
        missing values where they are refused (or all rows have one); UsageError where the matrix does not fit into
        memory.
        """
        found = self._find(table.path, table.names, table.had_header)
        columns = [_checked(table, position, one) for one, position in zip(self.inputs, found, strict=True)]
        kept, notes = self._settle(table, found, columns)
        try:
            X = np.zeros((int(kept.sum()), self.width))
        except MemoryError:
            raise UsageError(
                f"{table.path}: {int(kept.sum()):,} rows of {self.width:,} features do not fit into memory; "
                "leave columns out with --ignore"
            ) from None
        rows = slice(None) if kept.all() else kept
        place = 0
        for one, column, position in zip(self.inputs, columns, found, strict=True):
            part = X[:, place : place + one.width]
            if isinstance(one, NumberInput):
                assert isinstance(column, NumberColumn)
                part[:, 0] = column.values[rows]
                part[np.isnan(part)] = one.mean
            else:
                assert isinstance(column, TextColumn)
                notes += _one_hot(table, position, one, column, rows, part)
            place += one.width
        return Encoded(X, kept, tuple(notes))

    def _settle(
        self, table: Table, found: Sequence[int], columns: Sequence[NumberColumn | TextColumn]
    ) -> tuple[npt.NDArray[np.bool_], list[str]]:
        """What becomes of missing values: (N,) bool, the rows to keep, and a note."""
        gaps = np.zeros(len(table), bool)
        counts = []
        for column in columns:
            absent = _absent(column)
            counts.append(int(absent.sum()))
            gaps |= absent
        if not gaps.any():
            return ~gaps, []
        if self.missing == "refuse":
            raise DamagedFileError(_first_gap(table, found, columns, gaps, counts))
        if self.missing == "mean":
            names = [shown(one.name) for one, count in zip(self.inputs, counts, strict=True) if count]
            taken = "taken as the mean, or as none of the known texts"
            return np.ones(len(table), bool), [f"missing values: {sum(counts):,}, in {listed(names)}; {taken}"]
        if gaps.all():
            raise DamagedFileError(
                f"{table.path}: each of the {len(table):,} rows lacks a value; give --missing mean, "
                "or leave out the columns that lack most"
            )
        return ~gaps, [f"rows left out because a value is missing: {int(gaps.sum()):,} of {len(table):,}"]

    def _find(self, path: Path, names: Sequence[str], had_header: bool) -> list[int]:
        """The position of each input among the columns of a table."""
        if not (had_header and self.had_header):
            if len(names) == self.table_width:
                return [one.position for one in self.inputs]
            if len(names) == len(self.inputs):
                return list(range(len(names)))
            raise DamagedFileError(
                f"{path}: {len(names):,} columns, matched by position for want of a header; give the "
                f"{self.table_width:,} of the training table, or the {len(self.inputs):,} inputs alone"
            )
        exact = {name: position for position, name in enumerate(names)}
        # In another case only where no input has that name as it is, and each for one input.
        own = {one.name for one in self.inputs}
        alike = {name.casefold(): position for name, position in exact.items() if name not in own}
        found = [exact[one.name] if one.name in exact else alike.pop(one.name.casefold(), -1) for one in self.inputs]
        absent = [one.name for one, position in zip(self.inputs, found, strict=True) if position < 0]
        if absent:
            what = f"no column {shown(absent[0])}{nearest(absent[0], names)}"
            more = f" (nor {listed([shown(name) for name in absent[1:]], 3)})" if absent[1:] else ""
            raise DamagedFileError(f"{path}: {what}{more}; give the columns that the network was trained on")
        return found

    @property
    def columns(self) -> list[tuple[str | None, tuple[str, ...] | None]]:
        """What each input column is: its name, and its categories or None for a number."""
        return [(one.name, None if isinstance(one, NumberInput) else tuple(one.categories)) for one in self.inputs]

    def to_json(self) -> dict[str, Any]:
        """Everything, as what JSON can hold."""
        return {
            "missing": self.missing,
            "had_header": self.had_header,
            "table_width": self.table_width,
            "inputs": [
                {"name": one.name, "position": one.position}
                | ({"mean": one.mean} if isinstance(one, NumberInput) else {"categories": list(one.categories)})
                for one in self.inputs
            ],
        }

    @classmethod
    def from_json(cls, untrusted: object) -> "Encoding":
        """What to_json has given. ValueError for anything else, whoever wrote it."""
        inputs, missing, had_header, table_width = _fields(
            untrusted, {"inputs": list, "missing": str, "had_header": bool, "table_width": int}
        )
        if missing not in MISSING_POLICIES:
            raise ValueError(f"encoding: missing {missing!r}")
        if not 1 <= table_width <= MAX_COLUMNS or not 1 <= len(inputs) <= table_width:
            raise ValueError(f"encoding: {len(inputs)} inputs of {table_width} columns")
        encoding = cls(tuple(_input(one, table_width) for one in inputs), missing, had_header, table_width)
        for what in ("name", "position"):
            if len({getattr(one, what) for one in encoding.inputs}) < len(inputs):
                raise ValueError(f"encoding: two inputs with the same {what}")
        if encoding.width > MAX_WIDTH:
            raise ValueError(f"encoding: {encoding.width} features")
        return encoding


def _fields(untrusted: object, types: Mapping[str, type]) -> list[Any]:
    if not isinstance(untrusted, dict) or set(untrusted) != set(types):
        raise ValueError(f"encoding: expected the fields {', '.join(types)}")
    for name, kind in types.items():
        if type(untrusted[name]) is not kind:  # not isinstance: True is no number
            raise ValueError(f"encoding: {name} is a {type(untrusted[name]).__name__}, expected {kind.__name__}")
    return [untrusted[name] for name in types]


def _input(untrusted: object, table_width: int) -> NumberInput | TextInput:
    one: NumberInput | TextInput
    if isinstance(untrusted, dict) and "mean" in untrusted:
        one = NumberInput(*_fields(untrusted, {"name": str, "position": int, "mean": float}))
        if not math.isfinite(one.mean):
            raise ValueError(f"encoding: mean {one.mean}")
        texts: tuple[str, ...] = (one.name,)
    else:
        name, position, categories = _fields(untrusted, {"name": str, "position": int, "categories": list})
        if not 1 <= len(categories) <= MAX_CATEGORIES or not all(type(text) is str and text for text in categories):
            raise ValueError(f"encoding: categories of {name!r}")
        if len(set(categories)) < len(categories):
            raise ValueError(f"encoding: two categories of {name!r} are the same")
        one = TextInput(name, position, tuple(categories))
        texts = (name, *categories)
    "".join(texts).encode()  # UnicodeEncodeError, a ValueError, for what no file can hold
    if not one.name or not 0 <= one.position < table_width:
        raise ValueError(f"encoding: input {one.name!r} at position {one.position}")
    return one


def _fit(table: Table, position: int, rows: npt.NDArray[Any]) -> NumberInput | TextInput:
    name, column = table.names[position], table.columns[position]
    if isinstance(column, NumberColumn):
        values = column.values[rows]
        values = values[~np.isnan(values)]
        if len(values):
            return NumberInput(name, position, _mean(values))
    else:
        codes = column.codes[rows]
        codes = codes[codes >= 0]
        if len(codes):
            categories = tuple(sorted(column.categories[code] for code in np.unique(codes)))
            _refuse_many(table, position, categories, len(codes))
            return TextInput(name, position, categories)
    raise UsageError(
        f"{table.path}: column {shown(name)} has no value in any training row; leave it out with --ignore {shown(name)}"
    )


def _mean(values: npt.NDArray[np.float64]) -> float:
    with np.errstate(over="ignore"):
        mean = float(values.mean())
    if math.isfinite(mean):
        return mean
    return float((values / len(values)).sum())  # the plain sum is beyond what a float holds


_DATE = re.compile(r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}(?:[ T].*)?|[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?")


def _refuse_many(table: Table, position: int, categories: Sequence[str], rows: int) -> None:
    """Refuse a column of text with so many different ones that they cannot be categories, with a guess why."""
    few = len(categories) <= MAX_CATEGORIES
    if few and (rows <= FEW_ROWS or 2 * len(categories) <= rows):
        return
    name = shown(table.names[position])
    what = f"{table.path}: column {name}: {len(categories):,} different texts in {rows:,} rows"
    stray = table.stray(position)
    if stray and stray.few:
        raise UsageError(
            f"{what}, numbers but for {stray.rows:,} such as {shown(stray.text)} in line {stray.line:,}; "
            f"mend or empty these cells, or leave the column out with --ignore {name}"
        )
    some = categories[len(categories) // 2]
    dates = sum(map(bool, map(_DATE.fullmatch, itertools.islice(categories, 100))))
    kind = "dates" if dates > 50 else "identifiers or free text"
    raise UsageError(f"{what}, which look like {kind}, such as {shown(some)}; leave it out with --ignore {name}")


def _checked(table: Table, position: int, one: NumberInput | TextInput) -> NumberColumn | TextColumn:
    """The column for this input, which must be of its kind; a column without values is of any kind."""
    column = table.columns[position]
    where = f"column {shown(table.names[position])}"
    if isinstance(one, NumberInput) and isinstance(column, TextColumn):
        if not column.categories:
            return NumberColumn(np.full(len(table), np.nan))
        stray = table.stray(position)
        text, line = (stray.text, stray.line) if stray else (column.categories[0], table.lines[column.codes >= 0][0])
        raise DamagedFileError(
            f"{table.path}: line {line:,}, {where}: {shown(text)}, where training had numbers; "
            "mend the cell, or leave it empty"
        )
    if isinstance(one, TextInput) and isinstance(column, NumberColumn):
        numbers = ~np.isnan(column.values)
        if not numbers.any():
            return TextColumn(np.full(len(table), -1, np.int32), ())
        row = int(numbers.argmax())
        raise DamagedFileError(
            f"{table.path}: line {table.lines[row]:,}, {where}: {column.values[row]:g}, where training had "
            f"texts such as {shown(one.categories[0])}; read this column as text"
        )
    return column


def _absent(column: NumberColumn | TextColumn) -> npt.NDArray[np.bool_]:
    return np.isnan(column.values) if isinstance(column, NumberColumn) else column.codes < 0


def _first_gap(
    table: Table,
    found: Sequence[int],
    columns: Sequence[NumberColumn | TextColumn],
    gaps: npt.NDArray[np.bool_],
    counts: Sequence[int],
) -> str:
    row = int(gaps.argmax())
    position = min(position for position, column in zip(found, columns, strict=True) if _absent(column)[row])
    return (
        f"{table.path}: line {table.lines[row]:,}, column {shown(table.names[position])}: no value "
        f"({sum(counts):,} are missing, in {int(gaps.sum()):,} of {len(table):,} rows and in "
        f"{sum(map(bool, counts)):,} columns); fill them in, or train with --missing mean or --missing drop"
    )


def _one_hot(
    table: Table,
    position: int,
    one: TextInput,
    column: TextColumn,
    rows: Any,
    part: npt.NDArray[np.float64],
) -> list[str]:
    """Set the ones in `part` (K, categories), which is zero. Returns a note where texts are new."""
    known = {text: place for place, text in enumerate(one.categories)}
    # The last entry is what the code -1, of missing texts, picks.
    places = np.array([known.get(text, -1) for text in column.categories] + [-1])[column.codes[rows]]
    seen = np.flatnonzero(places >= 0)
    part[seen, places[seen]] = 1.0
    new = (places < 0) & (column.codes[rows] >= 0)
    if not new.any():
        return []
    row = int(new.argmax())
    text, line = column.categories[column.codes[rows][row]], table.lines[rows][row]
    return [
        f"column {shown(table.names[position])}: {int(new.sum()):,} rows with a text that training has not seen, "
        f"such as {shown(text)} in line {line:,}; taken as none of the known"
    ]
