"""Take the wanted members out of a ZIP archive, by their exact names."""

import hashlib
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from mlpcli.datasets.catalog import Entry, RemoteFile
from mlpcli.errors import DamagedFileError
from mlpcli.files import atomic_file, write_bytes

MAX_MEMBER = 2**30  # bytes; the largest of EMNIST's has about 200 million
_CHUNK = 1 << 20

# What zipfile raises for an archive that is damaged or encrypted.
_DAMAGE = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    zlib.error,
    EOFError,
    KeyError,
    ValueError,
    OverflowError,
    struct.error,
    OSError,  # it asks for impossible places in the file
)


def extract(entry: Entry, archive: Path, folder: Path) -> list[Path]:
    """Put the members of `entry` into `folder`, each atomically, and record their sizes and SHA-256.

    Raises DamagedFileError for an archive that does not have them, CannotWriteError for the disk's faults. Reads a
    piece at a time; nothing but the four names that the catalog gives is ever written.
    """
    files = [
        _put(_pieces(archive, member), folder / name) for member, name in zip(entry.members, entry.parts, strict=True)
    ]
    write_bytes(_record(entry, folder), "".join(f"{f.sha256} {f.size} {f.name}\n" for f in files).encode())
    return [folder / file.name for file in files]


def _pieces(archive: Path, member: str) -> Iterator[bytes]:
    """The unpacked bytes of a member; its CRC is checked at the end. DamagedFileError for whatever goes wrong."""
    try:
        with zipfile.ZipFile(archive) as opened:
            info = opened.getinfo(member)
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError(f"{member} is compressed in an unknown way")
            if info.file_size > MAX_MEMBER:
                raise ValueError(f"{member} has {info.file_size:,} bytes, at most {MAX_MEMBER:,} are read")
            with opened.open(info) as stream:
                while chunk := stream.read(_CHUNK):
                    yield chunk
    except _DAMAGE as error:
        raise DamagedFileError(f"{archive}: not the archive it should be ({error}); get it again") from error


def _put(pieces: Iterator[bytes], target: Path) -> RemoteFile:
    """Write a file atomically and durably; its size and SHA-256."""
    digest, size = hashlib.sha256(), 0
    if target.is_symlink():  # replaced, and not followed
        target.unlink()
    with atomic_file(target) as out:
        for chunk in pieces:
            out.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return RemoteFile(target.name, size, digest.hexdigest())


def extracted(entry: Entry, folder: Path) -> tuple[RemoteFile, ...] | None:
    """What `extract` recorded in `folder`; None where there is no such record."""
    try:
        with _record(entry, folder).open(encoding="ascii") as file:
            lines = file.read(1000 * len(entry.parts)).splitlines()
    except (OSError, ValueError):
        return None
    found = [re.fullmatch(r"([0-9a-f]{64}) (\d{1,12}) (\S+)", line) for line in lines]
    files = tuple(RemoteFile(m[3], int(m[2]), m[1]) for m in found if m)
    return files if tuple(file.name for file in files) == entry.parts else None


def _record(entry: Entry, folder: Path) -> Path:
    return folder / f"{entry.name}.sha256"
