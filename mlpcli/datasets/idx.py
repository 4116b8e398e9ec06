"""Read IDX, the format of the MNIST files, plain or gzip, from a file that nobody vouches for.

Layout, big-endian: two zero bytes, a type code (8 is unsigned byte, the only one accepted), the number of
dimensions, each dimension as 4 bytes, then the items. The header is read first, then exactly the bytes that
it promises, and then nothing may follow: gzip by itself accepts trailing bytes and a second member.
"""

import gzip
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from mlpcli.errors import DamagedFileError, UsageError

UNSIGNED_BYTE = 8
MAX_BYTES = 2**30  # of items; the largest of the MNIST family, EMNIST byclass, has 547 million
_CHUNK = 1 << 20
_MAX_RATIO = 1032  # deflate cannot do better: a larger claim is refused before anything is allocated


def read_idx(path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    """The array of an IDX file (plain or gzip), which must have this many dimensions.

    Raises UsageError where there is no such file, DamagedFileError for anything that is not exactly such a file.
    """
    try:
        with path.open("rb") as raw:
            size = path.stat().st_size
            if raw.read(2) == b"\x1f\x8b":
                raw.seek(0)
                with gzip.GzipFile(fileobj=raw) as stream:
                    return _read(stream, path, dimensions, size * _MAX_RATIO)  # type: ignore[arg-type]
            raw.seek(0)
            return _read(raw, path, dimensions, size)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file; check the path") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DamagedFileError(f"{path}: damaged gzip data ({error}); get the file again") from None
    except OSError as error:
        raise DamagedFileError(f"{path}: cannot be read ({error.strerror or error}); check the file") from None


def _read(stream: BinaryIO, path: Path, dimensions: int, at_most: int) -> npt.NDArray[np.uint8]:
    def damaged(what: str) -> DamagedFileError:
        return DamagedFileError(f"{path}: {what}; get the file again")

    header = stream.read(4)
    if len(header) < 4 or header[:2] != b"\0\0":
        raise damaged(f"not an IDX file (it begins with {header!r})")
    if header[2] != UNSIGNED_BYTE:
        raise damaged(f"IDX items of type {header[2]:#04x}, expected unsigned bytes (0x08)")
    if header[3] != dimensions:
        raise damaged(f"IDX data of {header[3]} dimensions, expected {dimensions}")
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise damaged("the IDX header is cut short")
    shape = struct.unpack(f">{dimensions}I", sizes)
    count = 1  # as a Python int: NumPy's would wrap
    for length in shape:
        count *= length
    if count == 0:
        raise damaged(f"no items (the shape is {shape})")
    if count > min(MAX_BYTES, at_most):
        raise damaged(f"the header promises {count:,} items, more than the file can hold")
    items = np.empty(count, np.uint8)
    view, filled = items.data, 0
    while filled < count:
        part = stream.read(min(_CHUNK, count - filled))
        if not part:
            raise damaged(f"{filled:,} items of {count:,}: the file is cut short")
        view[filled : filled + len(part)] = part
        filled += len(part)
    if stream.read(1):
        raise damaged(f"bytes after the last of {count:,} items")
    return items.reshape(shape)


def write_idx(path: Path, items: npt.NDArray[np.uint8]) -> None:
    """Write an array of unsigned bytes as plain IDX."""
    header = struct.pack(f">BBBB{items.ndim}I", 0, 0, UNSIGNED_BYTE, items.ndim, *items.shape)
    path.write_bytes(header + np.ascontiguousarray(items).tobytes())


def read_pair(images: Path, labels: Path) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Images (N, H, W) and their labels (N,). DamagedFileError too where the counts differ."""
    X, y = read_idx(images, 3), read_idx(labels, 1)
    if len(X) != len(y):
        raise DamagedFileError(
            f"{labels}: {len(y):,} labels for the {len(X):,} images of {images.name}; get both files again"
        )
    return X, y
