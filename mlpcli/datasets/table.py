"""Read a table, CSV or TSV, plain or gzip, from a file that nobody vouches for.

The standard library's csv module does the cutting: it is C, it knows quotes, and with columns converted a chunk
of rows at a time it reads ten million cells in seconds. Numbers are kept as they are parsed and texts as codes,
so that memory is that of the arrays.
"""

import contextlib
import csv
from array import array
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mlpcli.datasets.columns import listed, resolve_columns, shown
from mlpcli.datasets.table_layout import DELIMITERS, Layout, damaged_row, find_layout, other_codec
from mlpcli.datasets.table_text import ENCODINGS, is_missing, is_number, number, text_lines
from mlpcli.errors import DamagedFileError

CHUNK = 2**18  # cells converted together at most, some 20 MB as Python strings
CHUNK_ROWS = 1000  # and rows: with more of them Python's garbage collector takes half of the time


@dataclass(frozen=True)
class NumberColumn:
    """values: (N,) float64, finite, NaN where missing."""

    values: npt.NDArray[np.float64]


@dataclass(frozen=True)
class TextColumn:
    """codes: (N,) int32, positions in `categories`, -1 where missing. categories: in the order in which they come."""

    codes: npt.NDArray[np.int32]
    categories: tuple[str, ...]


class Stray(NamedTuple):
    """A text in a column where numbers might be: the first one, its line, how many rows hold such, of how many
    with a value."""

    text: str
    line: int
    rows: int
    values: int

    @property
    def few(self) -> bool:
        """Whether most values are numbers: the texts are then mistakes, or words for a missing value."""
        return 2 * self.rows < self.values


@dataclass(frozen=True)
class Table:
    """A table in memory, of N rows.

    lines: (N,) int64, the line of the file, from 1 on, in which each row begins. delimiter: one of DELIMITERS.
    decimal: "." or ",". encoding: "UTF-8", "UTF-16" or "Windows-1252". notes: for the user, one line each.
    """

    path: Path
    names: tuple[str, ...]
    columns: tuple[NumberColumn | TextColumn, ...]
    lines: npt.NDArray[np.int64]
    delimiter: str
    decimal: str
    had_header: bool
    encoding: str
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.lines)

    def stray(self, position: int) -> Stray | None:
        """What keeps a column from being numbers; None where it is, or could be."""
        column = self.columns[position]
        if isinstance(column, NumberColumn):
            return None
        counts = np.bincount(column.codes[column.codes >= 0], minlength=len(column.categories))
        texts = np.array([not is_number(category, self.decimal) for category in column.categories], bool)
        if not texts.any():
            return None
        first = int(texts.argmax())
        line = int(self.lines[(column.codes == first).argmax()])
        return Stray(column.categories[first], line, int(counts[texts].sum()), int(counts.sum()))


def read_table(
    path: Path,
    header: bool | None = None,
    text: Collection[str | int] = (),
    *,
    delimiter: str | None = None,
    layout: Layout | None = None,
) -> Table:
    """The table in a file of UTF-8, UTF-16 or Windows-1252, its cells parted by commas, semicolons, tabs or bars.

    A column holds numbers where every cell that is not missing is one; else text, without the spaces around it.
    Missing are, in any case: an empty cell, NA, N/A, NaN, null, None, ?. Rows without any value are left out.

    header: whether the first row holds names; None to find out. text: columns, by name or number, that are text
    even where all cells are numbers: "007" stays "007". delimiter: one of ",", ";", "\\t", "|"; None to find out.
    layout: what find_layout has said of this file before, instead of header and delimiter.

    Raises UsageError for a missing file or an unknown column of `text`; DamagedFileError for rows of different
    lengths, an infinite number, and whatever is not a table of text.
    """
    if layout is None:
        layout = find_layout(path, header, delimiter=delimiter)
    forced = set(resolve_columns(layout.names, text, path))
    while True:
        try:
            return _read(path, layout, forced)
        except UnicodeDecodeError as error:
            if not layout.ascii and layout.codec == "utf-8":
                raise DamagedFileError(
                    f"{path}: begins as UTF-8, but byte 0x{error.object[error.start]:02x} further on is not; "
                    "save the table in UTF-8"
                ) from None
            layout = replace(layout, codec=other_codec(path, layout.codec, error))


def _read(path: Path, layout: Layout, forced: set[int]) -> Table:
    rows = _Rows(path, layout)
    texts = {position: _Texts() for position in forced}
    numbers = {i: _Numbers(layout.decimal) for i in range(len(layout.names)) if i not in forced}
    spoilt: dict[int, _Texts] = {}  # numbers for thousands of rows, then a text: their first texts are gone
    lines = array("q")
    for starts, columns in rows.chunks():
        for position, texts_so_far in texts.items():
            texts_so_far.extend(columns[position])
        for position in list(numbers):
            if not numbers[position].extend(columns[position]):
                del numbers[position]
                (spoilt if lines else texts)[position] = column = _Texts()
                if not lines:
                    column.extend(columns[position])
        lines.extend(starts)
    if not lines:
        raise DamagedFileError(f"{path}: a header and no rows; give at least one row of values")
    if spoilt:
        for _, columns in _Rows(path, layout).chunks():
            for position, column in spoilt.items():
                column.extend(columns[position])
    parsed: dict[int, NumberColumn | TextColumn] = {
        **{i: n.column() for i, n in numbers.items()},
        **{i: t.column() for i, t in (texts | spoilt).items()},
    }
    table = Table(
        path,
        layout.names,
        tuple(parsed[i] for i in range(len(layout.names))),
        np.frombuffer(lines, np.int64),
        layout.delimiter,
        layout.decimal,
        layout.had_header,
        ENCODINGS[layout.codec],
        layout.notes,
    )
    _check(table)
    return replace(table, notes=layout.notes + _notes(table, forced, rows.empty))


def _check(table: Table) -> None:
    for name, column in zip(table.names, table.columns, strict=True):
        values = column.values if isinstance(column, NumberColumn) else column.codes
        if len(values) != len(table):
            raise DamagedFileError(f"{table.path}: changed while it was read; try again")
        infinite = np.isinf(values)
        if infinite.any():
            row = int(infinite.argmax())
            raise DamagedFileError(
                f"{table.path}: line {table.lines[row]:,}, column {shown(name)}: an infinite number "
                f"({values[row]}, or beyond 1.8e308); give a finite one, or leave the cell empty"
            )


def _notes(table: Table, forced: set[int], empty: int) -> tuple[str, ...]:
    notes = []
    if table.encoding == "Windows-1252":
        notes.append("not UTF-8, read as Windows-1252; where letters look wrong, save the table in UTF-8")
    if empty:
        notes.append(f"rows without a single value, left out: {empty:,}")
    strays = [(table.names[i], table.stray(i)) for i in range(len(table.names)) if i not in forced]
    found = [
        f"{shown(name)} ({shown(stray.text)} in line {stray.line:,}, {stray.rows:,} of such)"
        for name, stray in strays
        if stray and stray.few
    ]
    if found:
        notes.append(f"columns of numbers that are read as text because of a text among them: {listed(found, 3)}")
    return tuple(notes)


class _Rows:
    """The rows of a table. `empty` counts those left out, after chunks() has come to its end."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self.path = path
        self.layout = layout
        self.empty = 0

    def chunks(self) -> Iterator[tuple[list[int], list[tuple[str, ...]]]]:
        """Yields the lines in which some rows begin, and for each column of the table its cells in these rows."""
        width = len(self.layout.names)
        size = max(1, min(CHUNK_ROWS, CHUNK // width))
        header = self.layout.had_header
        starts: list[int] = []
        rows: list[list[str]] = []
        with contextlib.closing(text_lines(self.path, self.layout.codec)) as lines:  # type: ignore[type-var]
            reader = csv.reader(lines, delimiter=self.layout.delimiter, skipinitialspace=True, strict=True)
            start = 1
            try:
                for row in reader:
                    if not any(row):
                        self.empty += len(row) > 1
                    elif header:
                        header = False
                    else:
                        rows.append(row if len(row) == width else self._fit(row, start))
                        starts.append(start)
                        if len(rows) == size:
                            yield starts, list(zip(*rows, strict=True))
                            starts, rows = [], []
                    start = reader.line_num + 1
            except csv.Error as error:
                raise damaged_row(self.path, error, start, reader.line_num) from None
        if rows:
            yield starts, list(zip(*rows, strict=True))

    def _fit(self, row: list[str], line: int) -> list[str]:
        """A row of too many cells without the last ones, which must be empty: some programs end lines with them."""
        width = len(self.layout.names)
        if len(row) > width and not any(row[width:]):
            return row[:width]
        like = "the header" if self.layout.had_header else "the first row"
        sign = DELIMITERS[self.layout.delimiter]
        raise DamagedFileError(
            f"{self.path}: line {line:,}: {len(row):,} cells, expected {width:,} like {like} "
            f"(delimiter: {sign}); mend the line, or quote cells that hold a {sign}"
        )


class _Numbers:
    """A column of numbers that grows."""

    def __init__(self, decimal: str) -> None:
        self._decimal = decimal
        self._values = array("d")

    def extend(self, cells: Sequence[str]) -> bool:
        """Add the numbers of these cells; False, and nothing added, where one of them is text."""
        before = len(self._values)
        try:
            # Python's float takes 1_000, which no table means. Looking at all cells at once is quick.
            if self._decimal == "." and "_" not in "".join(cells):
                self._values.extend(map(float, cells))
                return True
        except ValueError:  # missing, or text
            del self._values[before:]
        try:
            self._values.extend([number(cell, self._decimal) for cell in cells])
        except ValueError:
            return False
        return True

    def column(self) -> NumberColumn:
        return NumberColumn(np.frombuffer(self._values, np.float64))


class _Texts:
    """A column of text that grows."""

    def __init__(self) -> None:
        self._codes = array("i")
        self._code_of = _CodeOf()

    def extend(self, cells: Sequence[str]) -> None:
        self._codes.extend(map(self._code_of.__getitem__, cells))

    def column(self) -> TextColumn:
        return TextColumn(np.frombuffer(self._codes, np.int32), tuple(self._code_of.categories))


class _CodeOf(dict[str, int]):
    """cell: its code, made up when the cell is first seen. A lookup of one seen before never leaves C."""

    def __init__(self) -> None:
        super().__init__()
        self.categories: list[str] = []

    def __missing__(self, cell: str) -> int:
        text = cell.strip()
        if is_missing(cell):
            code = -1
        elif text != cell:
            code = self[text]
        else:
            code = len(self.categories)
            self.categories.append(cell)
        self[cell] = code
        return code
