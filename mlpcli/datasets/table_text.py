"""From the bytes of a table to lines of text, and from a cell to a number: what every step of reading shares."""

import io
import math
from collections.abc import Iterator
from pathlib import Path

from mlpcli.datasets.compressed import Gunzip, open_bytes
from mlpcli.errors import DamagedFileError

HEAD = 2**16  # bytes that are looked at before anything is parsed
MAX_LINE = 2**22  # characters: 100,000 columns of 40
MAX_BLANK = 10_000  # blank lines one after the other

# In lower case. As numbers do, these may stand between spaces; NaN may also have a sign.
MISSING = frozenset(["", "na", "n/a", "nan", "+nan", "-nan", "null", "none", "?"])

# codec: the name that users know it by
ENCODINGS = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252"}

_AS_CSV = "open it in its program and save it as CSV"
_UNPACK = "unpack it first"
_SIGNATURES = (
    (b"PK\x03\x04", "an Excel workbook or another zip archive", _AS_CSV),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", _AS_CSV),
    (b"PAR1", "a Parquet file", "save it as CSV"),
    (b"ARROW1", "a Feather file", "save it as CSV"),
    (b"\x89HDF", "an HDF5 file", "save its table as CSV"),
    (b"SQLite format 3", "an SQLite database", "export its table as CSV"),
    (b"\x93NUMPY", "a NumPy array", "give its name the ending .npy"),
    (b"%PDF", "a PDF document", "save its table as CSV"),
    (b"{\\rtf", "an RTF document", "save it as plain text"),
    (b"\x89PNG", "a picture", "name a CSV file"),
    (b"\xff\xd8\xff", "a picture", "name a CSV file"),
    (b"\x1f\x8b", "gzip data inside gzip data", _UNPACK),
    (b"BZh", "bzip2 data", _UNPACK),
    (b"\xfd7zXZ", "xz data", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "zstd data", _UNPACK),
)
_MARKUP = (b"<!doctype", b"<html", b"<head", b"<body", b"<?xml", b"<!--", b"<svg", b"<script", b"<table")
_CONTROL = bytes(set(range(32)) - set(b"\t\n\f\r\x1a"))  # 0x1a ends some files of DOS programs


def is_missing(cell: str) -> bool:
    """Whether a cell stands for a value that is not known: see MISSING."""
    return cell.strip().casefold() in MISSING


def number(cell: str, decimal: str = ".") -> float:
    """The number in a cell, NaN where it is missing; ValueError where it is text.

    decimal: "." or ","; the other one, thousands separators and Python's own 1_000 make a cell text.
    """
    if is_missing(cell):
        return math.nan
    if "_" in cell or (decimal == "," and "." in cell):
        raise ValueError(cell)
    return float(cell.replace(",", ".") if decimal == "," else cell)


def is_number(cell: str, decimal: str = ".") -> bool:
    """Whether a cell holds a number; a missing one does not."""
    try:
        return not math.isnan(number(cell, decimal))
    except ValueError:
        return False


def find_codec(path: Path) -> str:
    """Python's name for the encoding that the first bytes announce; "utf-8", a guess, where they announce none.

    Raises UsageError where there is no such file, DamagedFileError where it is empty or clearly no table.
    """
    with open_bytes(path, "name a CSV file") as stream:
        head = stream.read(HEAD)
        if isinstance(stream.raw, Gunzip):  # finds damage and bombs in a fraction of the time that parsing takes
            while stream.read(HEAD):
                pass
    for signature, what, advice in _SIGNATURES:
        if head.startswith(signature):
            raise DamagedFileError(f"{path}: {what}, not a table of text; {advice}")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    bare = head.removeprefix(b"\xef\xbb\xbf")
    if bare.lstrip().lower().startswith(_MARKUP):
        raise DamagedFileError(f"{path}: a web page, not a table; download the file itself")
    if b"\0" in head or len(head.translate(None, _CONTROL)) < 0.95 * len(head):
        raise DamagedFileError(f"{path}: a binary file, not a table of text; save it as CSV in UTF-8")
    return "utf-8-sig" if bare != head else "utf-8"


def text_lines(path: Path, codec: str) -> Iterator[str]:
    """The lines of a text file, each with its end as it stands there (\\n, \\r\\n or \\r).

    Raises UnicodeDecodeError where the bytes are not of that encoding, DamagedFileError for what no table has: a
    line without end, blank lines without end, a NUL byte.
    """
    with open_bytes(path) as stream:
        text = io.TextIOWrapper(stream, codec, newline="")
        count = blank = 0
        while line := text.readline(MAX_LINE + 1):
            count += 1
            if len(line) > MAX_LINE:
                raise DamagedFileError(
                    f"{path}: line {count:,} is longer than {MAX_LINE:,} characters; give a table of shorter lines"
                )
            if "\0" in line:
                raise DamagedFileError(f"{path}: line {count:,} has a NUL byte; save the table as CSV in UTF-8")
            if line.isspace():
                blank += 1
                if blank > MAX_BLANK:
                    raise DamagedFileError(
                        f"{path}: more than {MAX_BLANK:,} blank lines in a row up to line {count:,}; remove them"
                    )
            else:
                blank = 0
            yield line
