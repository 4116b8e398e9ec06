"""What arrives in a stream, such as standard input: a file's content, or the paths of files."""

import itertools
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mlpcli.datasets.images import MAX_FILE
from mlpcli.datasets.naming import PICTURE_ENDINGS, TABLE_ENDINGS, kind_of
from mlpcli.errors import CannotWriteError, DamagedFileError, UsageError

MAX_NAME = 2**16  # bytes of a line, beyond what any system takes for a path
_HEAD = 16  # bytes that tell the format
_CHUNK = 2**20
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
# first bytes: the ending that such a file has
_SIGNATURES = (
    (rb"\x89PNG", ".png"),
    (rb"\xff\xd8\xff", ".jpg"),
    (rb"GIF8", ".gif"),
    (rb"BM.{4}\x00\x00\x00\x00", ".bmp"),
    (rb"II\*\x00|MM\x00\*", ".tif"),
    (rb"RIFF.{4}WEBP", ".webp"),
    (rb".{4}ftyp", ".heic"),
    (rb"\x93NUMPY", ".npy"),
    (rb"PK\x03\x04", ".npz"),
    (rb"\x00\x00[\x08\x09\x0b-\x0e][\x01-\x08]", "-idx-ubyte"),
)


def ending_of(head: bytes, kind: str) -> str | None:
    """The ending that a file has which begins with `head`, or None where that is text.

    kind: of the network's input; gzip data is taken for what such a network takes. Raises DamagedFileError for bytes
    that are of no known format and no text.
    """
    for signature, ending in _SIGNATURES:
        if re.match(signature, head, re.DOTALL):
            return ending
    if head.startswith(b"\x1f\x8b"):
        return ".csv.gz" if kind == "table" else "-idx-ubyte.gz"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) and kind == "table":  # UTF-16
        return None
    if _CONTROL.search(head):
        raise DamagedFileError(
            "standard input: neither a picture, an array nor text; give one of them, or the paths of files, one a line"
        )
    return None


@contextmanager
def received(stream: BinaryIO, kind: str) -> Iterator[tuple[str | None, Iterator[str]]]:
    """The files that a stream brings, as (path of a temporary file or None, paths).

    A picture or an array becomes a temporary file, gone when the block ends. Text is the paths of files, one a line,
    or with a NUL after each where the first names a file, as `find -print0` writes them; they are handed out as they
    arrive. For a network trained on a table (kind "table") text is rows, unless its first line names a file. At most
    MAX_FILE bytes of either.

    Raises, here or on iteration, UsageError for a stream without anything in it, that cannot be read, or with rows for
    another network, and DamagedFileError for one that is too long or of no known format.
    """
    head = _read(stream, _HEAD)
    if not head.strip():
        raise UsageError("standard input: nothing in it; give a picture, an array, or the paths of files, one a line")
    ending = None if _names_a_file(head) else ending_of(head, kind)
    if ending is None:
        if b"\n" not in head:
            head += _readline(stream)
        names_a_file = _names_a_file(head)
        if kind != "table" and not names_a_file and _is_row(_first(head)):
            raise UsageError(
                "standard input: rows of a table, which the network does not take; give a picture, an array, or the "
                "paths of files, one a line"
            )
        if kind != "table" or names_a_file:
            yield None, _paths(head, stream)
            return
        ending = ".csv"
    with tempfile.TemporaryDirectory(prefix="mlp-") as folder:
        path = Path(folder) / f"standard-input{ending}"
        _spool(head, stream, path)
        yield str(path), iter([str(path)])


def _first(head: bytes) -> bytes:
    """The first path, if paths it is that a stream brings."""
    return re.split(rb"[\n\0]", head)[0].rstrip(b"\r")


def _names_a_file(head: bytes) -> bool:
    return os.path.exists(os.fsdecode(_first(head)))  # noqa: PTH110


def _is_row(line: bytes) -> bool:
    """Whether a line that names no file is a row of a table, and not the path of a file that is missing."""
    name = os.path.basename(os.fsdecode(line)).lower()  # noqa: PTH119
    is_name = name.endswith(PICTURE_ENDINGS + TABLE_ENDINGS) or kind_of(name) is not None
    return not is_name and re.search(rb"[,;\t]", line) is not None


def _read(stream: BinaryIO, size: int) -> bytes:
    try:
        return stream.read(size)
    except (OSError, ValueError) as error:  # ValueError: it is closed
        raise UsageError(f"standard input: cannot be read ({error}); give something to it") from None


def _spool(head: bytes, stream: BinaryIO, path: Path) -> None:
    size = 0
    try:
        with path.open("wb") as file:
            while head:
                size += len(head)
                if size > MAX_FILE:
                    raise DamagedFileError(
                        f"standard input: more than {MAX_FILE:,} bytes; name a file instead, scaled down or in parts"
                    )
                file.write(head)
                head = _read(stream, _CHUNK)
    except OSError as error:
        raise CannotWriteError(
            f"{path}: cannot keep what standard input brings ({error.strerror}); make room there, or set TMPDIR"
        ) from None


def _paths(head: bytes, stream: BinaryIO) -> Iterator[str]:
    size = 0
    for line in _nul_parted(head, stream) if b"\0" in head.split(b"\n")[0] else _lines(head, stream):
        size += len(line) + 1
        if len(line) > MAX_NAME or size > MAX_FILE:
            raise DamagedFileError(
                f"standard input: more than {MAX_NAME:,} bytes in a line, or {MAX_FILE:,} in all; give the paths of "
                "files, one a line"
            )
        if line:
            yield os.fsdecode(line)


def _lines(head: bytes, stream: BinaryIO) -> Iterator[bytes]:
    if not head.endswith(b"\n"):
        head += _readline(stream)
    for line in itertools.chain(head.split(b"\n"), iter(lambda: _readline(stream), b"")):
        yield line.rstrip(b"\r\n")


def _nul_parted(head: bytes, stream: BinaryIO) -> Iterator[bytes]:
    *whole, rest = head.split(b"\0")
    yield from whole
    while len(rest) <= MAX_NAME and (more := _read(stream, MAX_NAME)):
        *whole, rest = (rest + more).split(b"\0")
        yield from whole
    yield rest


def _readline(stream: BinaryIO) -> bytes:
    try:
        return stream.readline(MAX_NAME + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"standard input: cannot be read ({error}); give something to it") from None
