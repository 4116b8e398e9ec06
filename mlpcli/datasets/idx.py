"""Read IDX, the format of the MNIST files, plain or gzip, from a file that nobody vouches for.

Layout, big-endian: two zero bytes, a type code, the number of dimensions, each dimension as 4 bytes, then the
items. The header is read first, then exactly the bytes that it promises, and then nothing may follow.
"""

import io
import os
import struct
from pathlib import Path

import numpy as np

from mlpcli.datasets.compressed import Gunzip, open_bytes
from mlpcli.datasets.items import Array, Layout, map_items, read_items
from mlpcli.errors import DamagedFileError

UNSIGNED_BYTE = 8
ITEM_TYPES = {UNSIGNED_BYTE: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
MAX_RANK = 8
MAX_BYTES = 2**30  # of unpacked items; the largest of the MNIST family, EMNIST byclass, has 547 million


def read_idx(path: Path, dimensions: int | None = None) -> Array:
    """The array of an IDX file (plain or gzip), of this many dimensions, or of 1 to MAX_RANK if None.

    A plain file is mapped read-only, its items big-endian as they are on disk; a gzip file is read into memory.
    Raises UsageError where there is no such file, DamagedFileError for anything that is not exactly such a file.
    """
    with open_bytes(path) as stream:
        if isinstance(stream.raw, Gunzip):
            layout = _read_header(stream, path, dimensions, stream.raw.at_most)
            if layout.nbytes > MAX_BYTES:
                raise DamagedFileError(
                    f"{path}: {layout.nbytes:,} bytes of items, at most {MAX_BYTES:,} are unpacked in memory; "
                    "unpack it with gunzip"
                )
            items = read_items(stream, str(path), layout)
            return items if items.dtype.isnative else items.byteswap(inplace=True).view(items.dtype.newbyteorder())
        layout = _read_header(stream, path, dimensions, os.fstat(stream.fileno()).st_size)
        return map_items(stream, str(path), layout)


def _read_header(stream: io.BufferedReader, path: Path, dimensions: int | None, at_most: int) -> Layout:
    """The layout of at most `at_most` bytes of items."""

    def damaged(what: str) -> DamagedFileError:
        return DamagedFileError(f"{path}: {what}; get the file again")

    header = stream.read(4)
    if len(header) < 4 or header[:2] != b"\0\0":
        raise damaged(f"not an IDX file (it begins with {header!r})")
    if header[2] not in ITEM_TYPES:
        known = ", ".join(f"{code:#04x}" for code in ITEM_TYPES)
        raise damaged(f"IDX items of type {header[2]:#04x}, expected one of {known}")
    rank = header[3]
    if rank != dimensions and not (dimensions is None and 1 <= rank <= MAX_RANK):
        raise damaged(f"IDX data of {rank} dimensions, expected {dimensions or f'1 to {MAX_RANK}'}")
    sizes = stream.read(4 * rank)
    if len(sizes) < 4 * rank:
        raise damaged("the IDX header is cut short")
    layout = Layout(np.dtype(ITEM_TYPES[header[2]]), struct.unpack(f">{rank}I", sizes), "C")
    if layout.count == 0:
        raise damaged(f"no items (the shape is {layout.shape})")
    if layout.nbytes > at_most:
        raise damaged(f"the header promises {layout.count:,} items, more than the file can hold")
    return layout


def read_pair(images: Path, labels: Path, label_dimensions: int = 1) -> tuple[Array, Array]:
    """Images (N, H, W) and their labels (N,), or of more dimensions, in memory and native byte order.

    DamagedFileError too where the counts differ.
    """
    X, y = _in_memory(read_idx(images, 3)), _in_memory(read_idx(labels, label_dimensions))
    if len(X) != len(y):
        raise DamagedFileError(
            f"{labels}: {len(y):,} labels for the {len(X):,} images of {images.name}; get both files again"
        )
    return X, y


def _in_memory(items: Array) -> Array:
    return np.array(items, items.dtype.newbyteorder("=")) if isinstance(items, np.memmap) else items
