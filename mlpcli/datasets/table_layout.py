"""How a table is laid out: its encoding, delimiter, decimal sign and header, found from its first lines."""

import contextlib
import csv
import itertools
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from mlpcli.datasets.columns import unique_names
from mlpcli.datasets.table_text import HEAD, find_codec, is_missing, is_number, text_lines
from mlpcli.errors import DamagedFileError, UsageError

# delimiter: its name; the order settles a tie
DELIMITERS = {"\t": "tab", ";": "semicolon", "|": "bar", ",": "comma"}
MAX_COLUMNS = 100_000
_MIN_LINES = 5  # looked at even where they are longer than HEAD
_MAX_CELLS = 5000  # looked at to tell which delimiter leaves more numbers

Rows = list[list[str]]


@dataclass(frozen=True)
class Layout:
    """What the first lines of a table say.

    names: one for each column. codec: Python's name of the encoding. ascii: whether nothing but ASCII was seen.
    decimal: "." or ",". notes: remarks for the user, one line each.
    """

    names: tuple[str, ...]
    had_header: bool
    codec: str
    ascii: bool
    delimiter: str
    decimal: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Sample:
    lines: list[str]
    whole: bool  # whether there are no more lines in the file


def find_layout(
    path: Path, header: bool | None = None, *, delimiter: str | None = None, known: Collection[str] = ()
) -> Layout:
    """Look at the first 64 KB of a table, at 5 lines at least.

    header: whether the first row holds names; None to find out. delimiter: the same. known: names that a header
    is expected to hold, which settles the question where nothing else does.

    Raises UsageError where there is no such file, DamagedFileError where it is no table of text.
    """
    if delimiter is not None and delimiter not in DELIMITERS:
        raise UsageError(f"delimiter {delimiter!r}; choose one of {', '.join(DELIMITERS.values())}")
    codec, sample = _sample(path)
    if not any(line.strip() for line in sample.lines):
        raise DamagedFileError(f"{path}: nothing but blank lines; give a table with a header and rows")
    if delimiter is None:
        delimiter = _find_delimiter(sample)
    try:
        rows = _parse(sample, delimiter)
    except csv.Error as error:
        raise damaged_row(path, error, 1, len(sample.lines)) from None
    if not rows:
        raise DamagedFileError(f"{path}: no cell has a value; give a table with a header and rows")
    width = _find_width(path, rows)
    _refuse_spaces(path, rows, width)
    rows = [row[:width] for row in rows]
    decimal = _find_decimal(rows, delimiter)
    remarks = [f"decimal comma, as in {_some_comma(rows)}"] if decimal == "," else []
    if header is None:
        header = _has_header(rows, decimal, known)
        if header and (odd := [cell for cell in rows[0] if is_number(cell, decimal)]):
            remarks.append(f"the first row is taken for the header although it holds numbers, such as {odd[0]}")
    names, renamed = unique_names(rows[0] if header else [""] * width)
    if header:
        remarks += renamed
    only_ascii = all(map(str.isascii, sample.lines))
    return Layout(names, header, codec, only_ascii, delimiter, decimal, tuple(remarks))


def other_codec(path: Path, codec: str, error: UnicodeDecodeError) -> str:
    """What to try after `codec` has failed: Windows-1252 after a guess of UTF-8. DamagedFileError if nothing is."""
    if codec == "utf-8":
        return "cp1252"
    found = error.object[error.start : error.start + 1].hex()
    tried = "UTF-8 nor Windows-1252" if codec == "cp1252" else codec.removesuffix("-sig").upper()
    neither = "neither" if codec == "cp1252" else "not"
    raise DamagedFileError(
        f"{path}: text that is {neither} {tried} (byte 0x{found}); save the table in UTF-8"
    ) from None


def damaged_row(path: Path, error: csv.Error, start: int, line: int) -> DamagedFileError:
    """The csv module's complaint about a row that begins in line `start`, found in `line`, in our words."""
    text = str(error)
    place = f"line {start:,}" if start == line else f"the row from line {start:,} to {line:,}"
    if "unexpected end" in text:
        return DamagedFileError(
            f"{path}: {place}: a quoted cell does not end; the file is cut short, or close the quote"
        )
    if "field larger" in text:
        limit = csv.field_size_limit()
        return DamagedFileError(f"{path}: {place}: a cell longer than {limit:,} characters; is a quote left open?")
    return DamagedFileError(f"{path}: {place}: text after a closing quote; double the quotes within quoted cells")


def _sample(path: Path) -> tuple[str, _Sample]:
    codec = find_codec(path)
    while True:
        try:
            return codec, _take(path, codec)
        except UnicodeDecodeError as error:
            codec = other_codec(path, codec, error)


def _take(path: Path, codec: str) -> _Sample:
    with contextlib.closing(text_lines(path, codec)) as lines:  # type: ignore[type-var]
        taken: list[str] = []
        size = 0
        for line in lines:
            if size >= HEAD and len(taken) >= _MIN_LINES:
                return _Sample(taken, whole=False)
            taken.append(line)
            size += len(line)
        return _Sample(taken, whole=True)


def _parse(sample: _Sample, delimiter: str) -> Rows:
    """The rows that have a value, cells stripped. Lenient: what is wrong is said when the table itself is read."""
    rows = list(csv.reader(sample.lines, delimiter=delimiter, skipinitialspace=True))
    if not sample.whole and len(rows) > 1:
        rows.pop()  # may be cut within a quoted cell
    return [row for row in ([cell.strip() for cell in row] for row in rows) if any(row)]


def _find_delimiter(sample: _Sample) -> str:
    """The delimiter that cuts nine of ten lines into the same number of cells, more than one, the first among them,
    and leaves the most numbers; then the one that leaves the most cells, with the fewest others of its kind in them.
    A comma where there is none: a table of one column."""
    best, best_score = ",", (False, False, 0.0, 1, 0.0, 0.0)
    for delimiter in DELIMITERS:
        try:
            rows = _parse(sample, delimiter)
        except csv.Error:
            continue
        columns, count = Counter(map(len, rows)).most_common(1)[0] if rows else (0, 0)
        if columns < 2:
            continue
        share = count / len(rows)
        cells = [cell for cell in itertools.islice(itertools.chain(*rows), _MAX_CELLS) if not is_missing(cell)]
        are_numbers = [is_number(cell) or (delimiter != "," and is_number(cell, ",")) for cell in cells]
        mixed = sum(
            not number and any(other in cell for other in DELIMITERS)
            for cell, number in zip(cells, are_numbers, strict=True)
        )
        cuts_first = len(rows[0]) == columns
        score = (share >= 0.9, cuts_first, sum(are_numbers) / max(1, len(cells)), columns, -mixed, share)
        if score > best_score:
            best, best_score = delimiter, score
    return best


_COMMA_NUMBER = re.compile(r"[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)?")
_POINT_NUMBER = re.compile(r"[+-]?[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")


def _find_decimal(rows: Rows, delimiter: str) -> str:
    """A comma where cells have it and none has a point. 1,234 may mean thousands, except between semicolons."""
    if delimiter == ",":
        return "."
    cells = list(itertools.chain(*rows))
    if any(map(_POINT_NUMBER.fullmatch, cells)):
        return "."
    found = [cell for cell in cells if _COMMA_NUMBER.fullmatch(cell)]
    return "," if found and (delimiter == ";" or not all(map(_THOUSANDS.fullmatch, found))) else "."


def _some_comma(rows: Rows) -> str:
    return next(cell for row in rows for cell in row if _COMMA_NUMBER.fullmatch(cell))


def _find_width(path: Path, rows: Rows) -> int:
    """The number of cells of the first row, without those at its end that are empty in every row."""
    width = min(len(rows[0]), max(map(_length, rows)))
    if width > MAX_COLUMNS:
        raise DamagedFileError(f"{path}: {width:,} columns, at most {MAX_COLUMNS:,} are read; leave some out")
    return width


def _length(row: list[str]) -> int:
    length = len(row)
    while length and not row[length - 1]:
        length -= 1
    return length


def _refuse_spaces(path: Path, rows: Rows, width: int) -> None:
    """One column of '1.5 2.5 3.5' is a table whose delimiter is spaces."""
    last = rows[-1][0].split()
    if width == 1 and len(last) > 1 and all(map(is_number, last)):
        raise DamagedFileError(f"{path}: numbers with spaces between them; put commas or tabs there")


def _has_header(rows: Rows, decimal: str, known: Collection[str]) -> bool:
    """Whether the first row holds names: some known ones, or a text over a column of numbers.

    Where no column holds numbers alone, names are all there, all different, no numbers, and none comes again below.
    """
    first, rest = rows[0], rows[1:]
    expected = {name.casefold() for name in known}
    if expected and 2 * len(expected & {cell.casefold() for cell in first}) >= len(expected):
        return True
    columns = [[row[i] for row in rest if i < len(row) and not is_missing(row[i])] for i in range(len(first))]
    numbers = [is_number(name, decimal) for name in first]
    for name, is_one, cells in zip(first, numbers, columns, strict=True):
        over_numbers = cells and all(is_number(cell, decimal) for cell in cells)
        if over_numbers and not is_one and not is_missing(name):
            return True
    if expected or any(numbers):
        return False
    names = [name for name in first if name]
    different = len(set(names)) == len(names) >= max(1, len(first) - 1)
    return different and not any(name in cells for name, cells in zip(first, columns, strict=True))
