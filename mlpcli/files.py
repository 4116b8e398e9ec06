"""Read a file that nobody vouches for; write a whole file or nothing, durably.

A kill or a power cut at any instant leaves the old file or the new one. The order is what makes it so: write
a temporary beside the target, fsync it, rename it over the target, fsync the folder.
"""

import contextlib
import errno
import hashlib
import io
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mlpcli.errors import CannotWriteError, DamagedFileError, UsageError

try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be replaced under us anyway
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def open_regular(path: str | Path, advice: str) -> Iterator[io.BufferedReader]:
    """A regular file, open for reading; never waits on a FIFO or a device.

    Raises UsageError, with `advice` on what to name instead, where there is no such file or it cannot be read.
    """
    try:
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        try:
            descriptor = os.open(path, flags)
        except ValueError as error:  # a NUL in the name
            raise OSError(str(error)) from None
        try:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
                raise UsageError(f"{path}: {kind}; {advice}")
            file = os.fdopen(descriptor, "rb")
        except BaseException:
            os.close(descriptor)
            raise
        with file:
            yield file
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file; {advice}") from None
    except IsADirectoryError:  # what Windows and "name/" say
        raise UsageError(f"{path}: a folder; {advice}") from None
    except OSError as error:
        what = error.strerror or error
        raise UsageError(f"{path}: cannot be read ({what}); check the path and its permissions") from None


def read_regular(path: str | Path, limit: int, advice: str, if_longer: str | None = None) -> bytes:
    """The content of a regular file of at most `limit` bytes.

    Raises as `open_regular` does, and DamagedFileError, with the advice `if_longer` or else `advice`, where it is
    longer.
    """
    with open_regular(path, advice) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise DamagedFileError(f"{path}: {size:,} bytes, at most {limit:,} are read; {if_longer or advice}")
        return file.read(size or limit)  # so much is allocated at once; 0 is said of what a system makes up


def check_target(path: str | Path, force: bool, size: int = 0, option: str = "--output") -> Path:
    """Find out, before any work, whether `path` can be written; return it with symbolic links resolved.

    `size`: bytes that will be needed. `option`: the one that names it. Raises CannotWriteError: the file exists and
    `force` is not given, it is no regular file, its folder is missing, read-only or full.
    """
    if str(path).endswith(("/", os.sep)):
        raise CannotWriteError(f"{path}: a folder; give the name of a file")
    path = Path(path)
    with _as_one_line(path, size):
        target = path.resolve()
        try:
            mode = target.stat().st_mode
        except FileNotFoundError:
            pass
        else:
            if not stat.S_ISREG(mode):
                kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
                raise CannotWriteError(f"{path}: {kind}; give the name of a file")
            if not force:
                raise FileIsThereError(f"{path}: exists; give --force to replace it, or another {option}")
            if not os.access(target, os.W_OK):
                raise CannotWriteError(f"{path}: is read-only; make it writable, or give another {option}")
        if not target.parent.is_dir():
            folder = target.parent if path.is_symlink() else path.parent
            raise CannotWriteError(f"{path}: there is no folder {folder}; create it, or give another {option}")
        free = shutil.disk_usage(target.parent).free
        if free < size:
            raise CannotWriteError(f"{path}: needs {size:,} bytes, the disk has {free:,} free; make room")
        with _locked_temporary(target) as (descriptor, temporary):
            try:
                if size and hasattr(os, "posix_fallocate"):  # finds quotas and limits on file sizes, too
                    os.posix_fallocate(descriptor, 0, size)
            finally:
                temporary.unlink()
    return target


def write_bytes(path: str | Path, content: bytes, replace: bool = True) -> None:
    """Replace the file at `path` by `content`, atomically. CannotWriteError after any failure, the old file intact.

    Two processes that write the same path take turns; the last one wins with its whole file. With replace=False
    the first one does: FileIsThereError where there is a file of that name.
    """
    with _replacing(Path(path), len(content), replace) as descriptor:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]


class FileIsThereError(CannotWriteError):
    """A file has this name already."""


@contextlib.contextmanager
def atomic_file(path: str | Path) -> Iterator[BinaryIO]:
    """A file to write that takes the place of the one at `path` when the block ends well, as `write_bytes` does."""
    with _replacing(Path(path)) as descriptor, os.fdopen(descriptor, "wb", closefd=False) as file:
        yield file


@contextlib.contextmanager
def _replacing(path: Path, size: int = 0, replace: bool = True) -> Iterator[int]:
    """The descriptor of a temporary that becomes the file at `path` when the block ends well.

    size: bytes that will be needed, for the message where they are not there.
    """
    with _as_one_line(path, size):
        target = path.resolve()
        with _locked_temporary(target) as (descriptor, temporary):
            try:
                yield descriptor
                if target.exists():
                    if not replace:  # nobody can make it meanwhile who takes the lock, as all of us do
                        raise FileIsThereError(f"{path}: exists; give --force to replace it, or another --output")
                    temporary.chmod(stat.S_IMODE(target.stat().st_mode))
                os.fsync(descriptor)
                temporary.replace(target)
            except BaseException:
                # After a failed write or fsync the temporary can be anything: throw it away, never try again.
                with contextlib.suppress(OSError):
                    temporary.unlink()
                raise
        sync_folder(target.parent)


@contextlib.contextmanager
def _as_one_line(path: Path, size: int = 0) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # what pathlib raises, up to Python 3.12, for a loop of symbolic links
        raise CannotWriteError(f"{path}: cannot write ({error}); name a file") from error
    except OSError as error:
        what = error.strerror or str(error)
        full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        hint = f"make room for {size:,} bytes" if error.errno in full else "check the path and its permissions"
        raise CannotWriteError(f"{path}: cannot write ({what}); {hint}") from error


@contextlib.contextmanager
def _locked_temporary(target: Path) -> Iterator[tuple[int, Path]]:
    """An empty temporary beside `target`, open and locked, as (descriptor, path).

    Its name depends on the target's alone, so kills leave one stray at most, and the next write takes it over.
    It is short, because the target's own name may already be as long as names can be.
    """
    digest = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]
    temporary = target.with_name(f".mlp-{digest}.tmp")
    while True:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        descriptor = os.open(temporary, flags, 0o666)
        try:
            if fcntl is not None:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            # Whoever held the lock before has renamed or removed the file: what we locked may be theirs.
            with contextlib.suppress(FileNotFoundError):
                ours, there = os.fstat(descriptor), temporary.lstat()
                if (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino):
                    os.ftruncate(descriptor, 0)
                    yield descriptor, temporary
                    return
        finally:
            os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make renames in this folder survive a power cut."""
    if os.name == "nt":  # no fsync of folders there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
