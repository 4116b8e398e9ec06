"""A file under way: its bytes so far, and their hash, beside the place where it will stand.

Each is written by one process alone, under a name that nobody else uses, so that what is hashed is what is
there. What a process leaves behind can be adopted by a later one, which copies it into a part of its own: a
lock tells whether its owner still lives, but a lock that lies costs a copy, never a wrong file.
"""

import contextlib
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mlpcli.datasets.catalog import RemoteFile
from mlpcli.files import sync_folder

try:
    import fcntl
except ImportError:  # Windows: nothing is adopted there
    fcntl = None  # type: ignore[assignment]

CHUNK = 1 << 16  # bytes


class Part:
    """The first `size` bytes of `file`, under way. All methods raise OSError for the disk's faults.

    etag: the URL that the bytes came from and the strong ETag that it had then.
    """

    def __init__(self, file: RemoteFile, path: Path, stream: BinaryIO) -> None:
        self.file, self.path, self._stream = file, path, stream
        self.restart()

    def restart(self) -> None:
        """Forget all bytes."""
        self._stream.seek(0)
        self._stream.truncate()
        self.size = 0
        self.etag = ("", "")
        # MD5 where nothing better was published: it still tells a damaged file.
        self._digest = hashlib.new(self.file.algorithm, usedforsecurity=False)

    def append(self, chunk: bytes) -> None:
        """Add bytes at the end."""
        self._stream.write(chunk)
        self._digest.update(chunk)
        self.size += len(chunk)

    def problem(self) -> str:
        """What is wrong with it as the whole file, in a few words; "" for nothing."""
        if self.size > self.file.limit:
            return self.too_long
        if self.file.size not in (None, self.size):
            return f"{self.size:,} bytes, expected {self.file.size:,}"
        if self._digest.hexdigest() != self.file.hash:
            return wrong_hash(self.file)
        return ""

    @property
    def too_long(self) -> str:
        """The words for it."""
        return f"more than the {self.file.limit:,} bytes expected"

    def publish(self, target: Path) -> None:
        """Put it durably at `target`, in place of what is there."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self.path.replace(target)
        sync_folder(target.parent)


def wrong_hash(file: RemoteFile) -> str:
    """The words for it."""
    return f"the {'SHA-256' if file.sha256 else 'MD5'} is wrong"


@contextlib.contextmanager
def new_part(file: RemoteFile, folder: Path) -> Iterator[Part]:
    """An empty part in `folder`. What it holds when the block ends without `publish` is kept for `adopt`.

    After a fault of the disk nothing is kept: what was written could be anything, and may be what fills the disk.
    """
    path = folder / f".{file.name}.{os.getpid()}-{secrets.token_hex(4)}.part"
    keep = False
    try:
        with path.open("x+b") as stream:
            _lock(stream)
            part = Part(file, path, stream)
            try:
                yield part
            finally:
                stream.flush()
                keep = part.size > 0
    except OSError:
        keep = False
        raise
    finally:
        if not keep:
            with contextlib.suppress(OSError):
                path.unlink()


def adopt(part: Part) -> None:
    """Copy into an empty part what an earlier process left of the same file, the longest if there are several."""
    for size, path in sorted(_others(part), reverse=True):
        if 0 < size <= part.file.limit:
            with _claimed(path) as stream:
                if stream is not None:
                    while chunk := stream.read(CHUNK):
                        part.append(chunk)
                    path.unlink(missing_ok=True)
                    return


def discard_others(part: Part) -> None:
    """Remove what earlier processes left of the same file, once the whole file stands."""
    for _, path in _others(part):
        with contextlib.suppress(OSError), _claimed(path) as stream:
            if stream is not None:
                path.unlink()


def _others(part: Part) -> list[tuple[int, Path]]:
    """Parts of the same file that are not this one, as (size, path)."""
    found = []
    for path in part.path.parent.glob(f".{part.file.name}.*.part"):
        with contextlib.suppress(OSError):
            status = path.lstat()
            if path != part.path and stat.S_ISREG(status.st_mode):
                found.append((status.st_size, path))
    return found


@contextlib.contextmanager
def _claimed(path: Path) -> Iterator[BinaryIO | None]:
    """The file at `path`, locked; None where it is locked by its owner, gone, or cannot be locked."""
    try:
        stream = path.open("r+b")
    except OSError:
        yield None
        return
    with stream:
        yield stream if _lock(stream) else None


def _lock(stream: BinaryIO) -> bool:
    if fcntl is None:
        return False
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # someone else's, or a file system without locks
        return False
    return True
