"""Memory: how much there is to spare, and how to read a mapped file without filling it.

A mapped page counts as memory of the process, and one page that is touched brings its neighbours (a megabyte of
them, on a recent Linux): a few thousand examples in random order make a process as large as the file. So rows are
read from the file into a buffer instead, which also costs less, and only a walk from end to end uses the mapping.
"""

import contextlib
import mmap
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


def available_memory() -> int | None:
    """Bytes that can be used without swapping, or None where the system does not say (it is not Linux)."""
    found: list[int] = []
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        found.append(1024 * int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1]))
    for limit, used in (
        ("memory.max", "memory.current"),  # cgroup 2
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),  # cgroup 1
    ):
        with contextlib.suppress(OSError, ValueError):  # "max" is no number: there is no limit
            folder = Path("/sys/fs/cgroup")
            found.append(int((folder / limit).read_text()) - int((folder / used).read_text()))
    return max(min(found), 0) if found else None


def memory_mapping(array: npt.NDArray[Any]) -> mmap.mmap | None:
    """The mapped file that an array is a view of, or None."""
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap.mmap) else None


def release(mapping: mmap.mmap) -> None:
    """Take the pages of a mapped file out of this process; the system keeps in its cache what it has room for."""
    if hasattr(mmap, "MADV_DONTNEED"):
        mapping.madvise(mmap.MADV_DONTNEED)


ReadRows = Callable[[npt.NDArray[np.integer], npt.NDArray[Any]], None]


def row_reader(X: npt.NDArray[Any]) -> ReadRows:
    """A function that writes rows of X (N, I), by their positions (n,), to a buffer (n, I) of X's dtype.

    OSError where a mapped file has become shorter meanwhile.
    """
    mapping = memory_mapping(X)
    if mapping is None:

        def copy(rows: npt.NDArray[np.integer], out: npt.NDArray[Any]) -> None:
            # mode="clip" writes straight to `out`; the default would fill a temporary first.
            np.take(X, rows, axis=0, out=out, mode="clip")

        return copy
    file = _MappedFile.of(X, mapping)
    if file is not None:
        return file.read

    def walk(rows: npt.NDArray[np.integer], out: npt.NDArray[Any]) -> None:
        np.take(X, rows, axis=0, out=out, mode="clip")
        release(mapping)

    return walk


def rows_of(X: npt.NDArray[Any], rows: npt.NDArray[np.integer]) -> npt.NDArray[Any]:
    """X[rows], by `row_reader`."""
    out = np.empty((len(rows), X.shape[1]), X.dtype)
    row_reader(X)(rows, out)
    return out


class _MappedFile:
    """The file behind a mapped array, its rows read by position."""

    def __init__(self, descriptor: int, offset: int, row_bytes: int) -> None:
        self._descriptor, self._offset, self._row_bytes = descriptor, offset, row_bytes

    def __del__(self) -> None:
        os.close(self._descriptor)

    @classmethod
    def of(cls, X: npt.NDArray[Any], mapping: mmap.mmap) -> "_MappedFile | None":
        """None where rows are not whole in the file, or it is not the file that was mapped, or the system cannot."""
        name = getattr(X, "filename", None)
        if name is None or X.ndim != 2 or not X.flags.c_contiguous or not X.size or not hasattr(os, "preadv"):
            return None
        start = np.frombuffer(mapping, np.uint8).ctypes.data
        # The mapping begins at a multiple of the system's granularity, at or before the array's own offset.
        begins = X.offset - X.offset % mmap.ALLOCATIONGRANULARITY  # type: ignore[attr-defined]
        try:
            descriptor = os.open(name, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except OSError:
            return None
        file = cls(descriptor, begins + X.ctypes.data - start, X.shape[1] * X.itemsize)
        ends, found = np.array([0, len(X) - 1]), np.empty((2, X.shape[1]), X.dtype)
        try:
            file.read(ends, found)
        except OSError:
            return None
        return file if found.tobytes() == X[ends].tobytes() else None

    def read(self, rows: npt.NDArray[np.integer], out: npt.NDArray[Any]) -> None:
        """See `row_reader`. `out` is C-contiguous."""
        places = (rows.astype(np.int64) * self._row_bytes + self._offset).tolist()
        buffer, size = out.reshape(-1).view(np.uint8).data, self._row_bytes
        if len(rows) and rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all():
            places, size = places[:1], len(buffer)  # all in one
        for i, place in enumerate(places):
            part = buffer[i * size : (i + 1) * size]
            done = os.preadv(self._descriptor, [part], place)
            while done < size:  # a read of many rows may come in pieces
                count = os.preadv(self._descriptor, [part[done:]], place + done)
                if not count:
                    raise OSError("the data file has become shorter while it was read; leave it alone, and start again")
                done += count
