"""The items of an array: mapped from a plain file, or read from a stream, exactly as many as were promised."""

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt

from mlpcli.errors import DamagedFileError, UsageError

Array = npt.NDArray[Any]

_CHUNK = 1 << 20  # bytes
_BLOCK = 1 << 16  # items


@dataclass(frozen=True)
class Layout:
    """What a header promises. shape: Python ints, none of them 0; order: "C" (rows first) or "F"."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    order: Literal["C", "F"]

    @property
    def count(self) -> int:
        """Number of items, as a Python int: NumPy's would wrap."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.count * self.dtype.itemsize


def map_items(file: io.BufferedReader, name: str, layout: Layout) -> Array:
    """The items from the file's position to its end, mapped read-only: they take no memory until they are used.

    The file must be as long as `layout` says; while the array is in use nobody may shorten it. The items may be
    big-endian and unaligned, which NumPy handles. `name` is for messages. Raises DamagedFileError.
    """
    start = file.tell()
    there = file.seek(0, io.SEEK_END) - start
    if there != layout.nbytes:
        raise DamagedFileError(
            f"{name}: {there:,} bytes of items where the header promises {layout.nbytes:,}; get the file again"
        )
    try:
        flat = np.memmap(file, layout.dtype, "r", start, (layout.count,))
    except (OSError, ValueError) as error:  # it shrank meanwhile, or cannot be mapped
        raise DamagedFileError(f"{name}: cannot be mapped ({error}); check the file") from None
    flat.filename = str(Path(name).absolute())  # mlpcli.memory reads rows from it
    return _checked(flat, name, layout)


def read_items(stream: IO[bytes], name: str, layout: Layout) -> Array:
    """The items that follow in a stream, in memory; nothing may come after them.

    The caller has made sure that so many bytes can be there at all. Raises DamagedFileError where there are
    fewer or more, UsageError where they do not fit into memory.
    """
    size = layout.nbytes
    try:
        content = np.empty(size, np.uint8)
    except MemoryError:
        raise UsageError(
            f"{name}: takes {size:,} bytes, more memory than there is; unpack it, or save plain .npy files"
        ) from None
    view, filled = content.data, 0
    while filled < size:
        part = stream.read(min(_CHUNK, size - filled))
        if not part:
            raise DamagedFileError(f"{name}: cut short, {filled:,} bytes of {size:,}; get the file again")
        view[filled : filled + len(part)] = part
        filled += len(part)
    if stream.read(1):
        raise DamagedFileError(f"{name}: bytes after the last of {layout.count:,} items; get the file again")
    return _checked(content.view(layout.dtype), name, layout)


def _checked(flat: Array, name: str, layout: Layout) -> Array:
    """`flat` in its shape, when it has no bytes that stand for no value of its type."""
    if layout.dtype.kind in "bU":
        for start in range(0, len(flat), _BLOCK):
            if _has_odd_values(flat[start : start + _BLOCK]):
                what = "true and false" if layout.dtype.kind == "b" else "characters"
                raise DamagedFileError(f"{name}: items that are no {what}; get the file again")
    return flat.reshape(layout.shape, order=layout.order)


def _has_odd_values(block: Array) -> bool:
    """Booleans beyond 0 and 1, or text beyond Unicode, at which NumPy and print fail much later."""
    if block.dtype.kind == "b":
        return bool((block.view(np.uint8) > 1).any())
    codes = block.view(np.dtype(np.uint32).newbyteorder(block.dtype.byteorder))
    return bool(((codes > 0x10FFFF) | (codes >> 11 == 0xD800 >> 11)).any())
