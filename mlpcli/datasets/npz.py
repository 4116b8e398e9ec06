"""Read .npz, a zip archive of .npy files, from a file that nobody vouches for.

zipfile finds its way through the archive; what it would let through is refused here: a directory of any
length, members that overlap or unpack to any size, bytes before the first member and after the end.
"""

import contextlib
import io
import os
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from mlpcli.datasets.compressed import FLOOR, RATIO
from mlpcli.datasets.items import Array, read_items
from mlpcli.datasets.npy import read_header
from mlpcli.errors import DamagedFileError
from mlpcli.files import open_regular

MAX_MEMBERS = 1_000
MAX_DIRECTORY = 2**20  # bytes: 1,000 members with names of hundreds of characters
MAX_NAME = 200  # characters
MAX_BYTES = 2**33  # of arrays read at once; larger data belong into .npy files, which are mapped

_AGAIN = "save it again with np.savez"
_END_SIZE = 22  # of the record that ends a zip archive without a comment
_ENCRYPTED = 0x1 | 0x40  # flag bits

# What zipfile raises on damaged archives; it has no common class.
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,  # NotImplementedError among them
    ValueError,  # UnicodeDecodeError among them
    LookupError,
    OverflowError,
)


def read_npz(path: Path, names: Collection[str] | None = None) -> dict[str, Array]:
    """The arrays of an .npz file, plain or compressed, in memory; those of these names only, if they are given.

    Raises UsageError where there is no such file, DamagedFileError for anything that is not exactly such a file
    or holds other things than numbers, booleans and text.
    """
    with _opened(path) as (archive, members):
        wanted = {name: info for name, info in members.items() if names is None or name in names}
        total = sum(info.file_size for info in wanted.values())
        if total > MAX_BYTES:
            raise DamagedFileError(
                f"{path}: {total:,} bytes of arrays, at most {MAX_BYTES:,} are read into memory; "
                "save each with np.save: .npy files are read piece by piece"
            )
        return {name: _read_member(archive, info, f"{path}: {name}") for name, info in wanted.items()}


def list_npz(path: Path) -> list[str]:
    """The names of the arrays in an .npz file, in its order. Raises as `read_npz` does."""
    with _opened(path) as (_, members):
        return list(members)


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> Array:
    with archive.open(info) as stream:
        layout = read_header(stream, name)
        there = info.file_size - stream.tell()
        if layout.nbytes != there:
            raise DamagedFileError(
                f"{name}: {there:,} bytes of items where the header promises {layout.nbytes:,}; {_AGAIN}"
            )
        return read_items(stream, name, layout)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]]:
    """The archive and its members by the names of their arrays, every promise of its directory checked."""
    with open_regular(path, "name an .npz file") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            _check_ends(file, size)
            bounded: Any = _Bounded(file)
            with zipfile.ZipFile(bounded) as archive:
                yield archive, _members(archive, size)
        except _ZIP_ERRORS as error:
            what = " ".join(str(error).split())[:100] or type(error).__name__
            what = what if what.isprintable() else ascii(what)
            raise DamagedFileError(f"{path}: damaged .npz archive ({what}); {_AGAIN}") from None


class _Bounded:
    """Refuses the one read with which zipfile takes in a directory of any length."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        if size > MAX_DIRECTORY:
            raise zipfile.BadZipFile(f"a directory of {size:,} bytes, at most {MAX_DIRECTORY:,} are read")
        return self._file.read(size)


def _check_ends(file: io.BufferedReader, size: int) -> None:
    """zipfile looks for the last record anywhere near the end, and passes over what stands after it."""
    start = file.read(4)
    if not start:
        raise zipfile.BadZipFile("the file is empty")
    if start != b"PK\3\4":
        raise zipfile.BadZipFile(f"it begins with {start!r}")
    file.seek(max(0, size - _END_SIZE))
    end = file.read()
    if len(end) < _END_SIZE or end[:4] != b"PK\5\6" or end[-2:] != b"\0\0":
        raise zipfile.BadZipFile("it is cut short, or has bytes after its end")


def _members(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """Array name -> member; BadZipFile for a member or a promise that no .npz file of `size` bytes has."""
    infos = archive.infolist()
    if not 1 <= len(infos) <= MAX_MEMBERS:
        raise zipfile.BadZipFile(f"{len(infos):,} members, expected 1 to {MAX_MEMBERS:,}")
    if min(info.header_offset for info in infos) != 0:
        raise zipfile.BadZipFile("bytes before its first member")
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = info.filename.removesuffix(".npy")
        if name == info.filename or len(name) > MAX_NAME or not name.isprintable():
            raise zipfile.BadZipFile(f"a member {info.filename[:40]!a} that is no NAME.npy")
        if name in members:
            raise zipfile.BadZipFile(f"two members {name}.npy")
        if info.flag_bits & _ENCRYPTED:
            raise zipfile.BadZipFile(f"{name}.npy is encrypted")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise zipfile.BadZipFile(f"{name}.npy is compressed by method {info.compress_type}, not deflate")
        if info.compress_type == zipfile.ZIP_STORED and info.file_size != info.compress_size:
            raise zipfile.BadZipFile(f"{name}.npy is stored in a size that is not its own")
        if info.compress_size > size or info.file_size > FLOOR + RATIO * info.compress_size:
            raise zipfile.BadZipFile(f"{name}.npy unpacks to {info.file_size:,} bytes, more than it can hold")
        members[name] = info
    if sum(info.file_size for info in infos) > FLOOR + RATIO * size:  # they overlap, or each is a small bomb
        raise zipfile.BadZipFile(f"its members unpack to more than {RATIO} times its size")
    return members
