"""Read .npy, NumPy's file of one array, from a file that nobody vouches for: np.load is never called.

Layout: the magic bytes, a version, the length of the header, the header (a Python dictionary of three keys,
written as text), then the items. The header is matched against the few forms that stand for plain numbers and
text; Python objects, which NumPy would unpickle, are refused like everything else.
"""

import re
from pathlib import Path
from typing import IO

import numpy as np

from mlpcli.datasets.items import Array, Layout, map_items
from mlpcli.errors import DamagedFileError
from mlpcli.files import open_regular

MAGIC = b"\x93NUMPY"
MAX_HEADER = 10_000  # bytes; as np.load
MAX_RANK = 8
MAX_TEXT = 4_096  # characters of a text label

_ADVICE = "name a .npy file"
_AGAIN = "save it again with np.save"
_ENTRY = re.compile(
    r""" *(?:(['"])descr\1 *: *(['"])(?P<descr>[^'"\\]*)\2"""
    r"""|(['"])fortran_order\4 *: *(?P<order>True|False)"""
    r"""|(['"])shape\6 *: *\((?P<shape>[0-9L, ]*)\)) *(?P<end>, *\}|,|\})"""
)
_RECORD = re.compile(r"""(['"])descr\1\s*:\s*\[""")
_LENGTH = re.compile("(0|[1-9][0-9]{0,18})L?")
_NUMBERS = re.compile(r"[<>|]?(?:b1|[iu]1)|[<>](?:[iu][248]|f[248])")
_TEXT = re.compile(r"(?:\|?S|[<>]U)([1-9][0-9]{0,9})")


def read_npy(path: Path) -> Array:
    """The array of a .npy file, mapped read-only: numbers, booleans or text, of rank 0 to MAX_RANK, C or Fortran.

    The items keep their byte order. Raises UsageError where there is no such file, DamagedFileError for anything
    that is not exactly such a file.
    """
    with open_regular(path, _ADVICE) as file:
        return map_items(file, str(path), read_header(file, str(path)))


def read_header(stream: IO[bytes], name: str) -> Layout:
    """The layout that the header at the beginning of a .npy file or of a member of an .npz promises.

    `name` is for messages. Raises DamagedFileError.
    """

    def damaged(what: str, advice: str = _AGAIN) -> DamagedFileError:
        return DamagedFileError(f"{name}: {what}; {advice}")

    start = stream.read(8)
    if not start:
        raise damaged("the file is empty")
    if start[:6] != MAGIC or len(start) < 8:
        raise damaged(f"not a .npy file (it begins with {start!r})")
    if start[6:] not in (b"\1\0", b"\2\0", b"\3\0"):
        raise damaged(f".npy format version {start[6]}.{start[7]}, this mlpcli reads 1.0, 2.0 and 3.0")
    width = 2 if start[6] == 1 else 4
    length = stream.read(width)
    size = int.from_bytes(length, "little")
    if len(length) == width and size > MAX_HEADER:
        raise damaged(f"a header of {size:,} bytes, at most {MAX_HEADER:,} are read")
    header = stream.read(size)
    if len(length) < width or len(header) < size:
        raise damaged("the header is cut short")
    text = header.decode("latin-1")  # which accepts every byte; the pattern takes ASCII alone
    entries = _entries(text)
    if entries is None:
        if _RECORD.search(text):
            raise _refused_record(text, name)
        raise damaged("the header is not understood")
    shape = _shape(entries["shape"])
    if shape is None:
        raise damaged(f"a shape that is not understood ({entries['shape'][:40]!r})")
    if len(shape) > MAX_RANK:
        raise damaged(f"an array of {len(shape)} dimensions, at most {MAX_RANK} are read", "reshape it")
    if 0 in shape:
        raise damaged(f"no items (the shape is {shape})", "save some")
    return Layout(_dtype(entries["descr"], name), shape, "F" if entries["order"] == "True" else "C")


def _entries(text: str) -> dict[str, str] | None:
    """descr, order and shape as they are written; None unless the header has each of them once, and no more."""
    entries: dict[str, str] = {}
    if not text.startswith("{"):
        return None
    at, closed = 1, False
    while not closed:
        match = _ENTRY.match(text, at)
        if match is None:
            return None
        found = {key: value for key in ("descr", "order", "shape") if (value := match[key]) is not None}
        if entries.keys() & found:
            return None
        entries |= found
        at, closed = match.end(), match["end"].endswith("}")
    return entries if len(entries) == 3 and not text[at:].strip(" \n") else None


def _shape(written: str) -> tuple[int, ...] | None:
    """The tuple whose inside is `written`, as Python ints; the L of Python 2 is accepted."""
    parts = [part.strip(" ") for part in written.split(",")]
    if parts[-1] == "":
        parts.pop()
    elif len(parts) == 1:
        return None  # (3) is no tuple
    lengths = [_LENGTH.fullmatch(part) for part in parts]
    return tuple(int(length[1]) for length in lengths if length) if all(lengths) else None


def _dtype(written: str, name: str) -> np.dtype[np.generic]:
    """The type of the items; DamagedFileError for one that is no plain number or text."""

    def refused(what: str, advice: str) -> DamagedFileError:
        return DamagedFileError(f"{name}: {what}; {advice}")

    if _NUMBERS.fullmatch(written):
        return np.dtype(written)
    if match := _TEXT.fullmatch(written):
        if int(match[1]) > MAX_TEXT:
            raise refused(f"text of {match[1]} characters, at most {MAX_TEXT:,} are read", "shorten the labels")
        return np.dtype(written)
    kind = written.lstrip("<>|=")[:1]
    if kind == "O":
        raise refused(
            "holds pickled Python objects, which are never unpickled",
            "save numbers, as with np.save(file, np.array(values, dtype=float)), or text labels as dtype=str",
        )
    if kind == "c":
        raise refused("holds complex numbers", "save real numbers, the parts as columns")
    if kind in ("M", "m"):
        raise refused("holds dates or times", "save numbers, as with .astype(float)")
    raise refused(f"items of type {written[:20]!r}, which is not read", "save float32, float64, integers or text")


def _refused_record(text: str, name: str) -> DamagedFileError:
    if re.search(r"'meta', '\|S[0-9]+'\), \('sha256', '\|S64'\)\]", text):
        return DamagedFileError(f"{name}: a weights file of mlpcli, not data; name a file with examples")
    return DamagedFileError(f"{name}: holds records with named fields; save their numbers as one array")
