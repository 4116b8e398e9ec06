"""Image files, decoded once, resized, into one array.

The array is kept beside the images (in CACHE) under a key of all their contents; from then on it is mapped, so that
a set may be larger than memory.
"""

import contextlib
import hashlib
import io
import json
import os
import struct
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from mlpcli.datasets import images
from mlpcli.datasets.npy import read_npy
from mlpcli.errors import CannotWriteError, MlpError
from mlpcli.files import atomic_file, read_regular, write_bytes

CACHE = ".mlpcli-cache"
LARGEST_AS_IS = 64  # pixels of the longer side: images that all have one size up to this keep it
LONGEST = 32  # pixels of the longer side otherwise: 3,072 inputs in colour
_VERSION = b"1"  # of the way images are decoded; part of the key of a cache


def _key(root: Path, names: list[str], pool: ThreadPoolExecutor) -> str:
    """What tells the contents of the images, in their order."""
    digest = hashlib.sha256(_VERSION)
    for name, content in zip(names, pool.map(lambda name: _content_hash(root / name), names), strict=True):
        digest.update(os.fsencode(name) + b"\0" + content)
    return digest.hexdigest()[:32]


def _content_hash(path: Path) -> bytes:
    with contextlib.suppress(OSError):  # told later, when it is decoded
        if path.is_file():
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").digest()
    return b""


@dataclass(frozen=True)
class Pixels:
    """The images that can be read, (N, H, W) or (N, H, W, 3); (name, reason) of the others; remarks."""

    array: npt.NDArray[np.uint8]
    unreadable: list[tuple[str, str]]
    notes: list[str]


def read_pixels(
    root: Path, names: list[str], size: tuple[int, int] | None, channels: int | None, pool: ThreadPoolExecutor
) -> Pixels:
    """From the cache, or decoded and put there. size: (height, width); it and channels are chosen if None."""
    cache, key = root / CACHE, _key(root, names, pool)
    chosen = cache / f"{key}.json"  # the shape that was chosen where none was asked for
    is_open = size is None and channels is None
    shape, notes = (_cached_choice(chosen) if is_open else None) or _choose_shape(root, names, size, channels, pool)
    pixels = cache / f"{key}-{'x'.join(map(str, shape))}.npy"
    remarks = pixels.with_suffix(".json")
    known = _cached_pixels(pixels, remarks, shape, names)
    if known is not None:
        return Pixels(*known, notes)
    try:
        cache.mkdir(exist_ok=True)
        with atomic_file(pixels) as file:
            unreadable = _decode(root, names, shape, file, pool)
            if len(unreadable) == len(names):
                raise _NothingError
        write_bytes(remarks, json.dumps(unreadable).encode())
        if is_open:
            write_bytes(chosen, json.dumps([shape, notes]).encode())
    except _NothingError:
        with contextlib.suppress(OSError):
            cache.rmdir()
        return Pixels(np.empty((0, *shape), np.uint8), unreadable, notes)
    except (OSError, CannotWriteError) as error:
        notes = [*notes, f"decoded images cannot be kept, and will be decoded anew each time: {error}"]
        memory = io.BytesIO()
        unreadable = _decode(root, names, shape, memory, pool)
        array = np.frombuffer(memory.getvalue(), np.uint8, offset=_HEADER)
        return Pixels(array.reshape(-1, *shape), unreadable, notes)
    for old in cache.iterdir():  # of what the folder held before
        if not old.name.startswith((key, ".")):  # nor what another process is writing
            with contextlib.suppress(OSError):
                old.unlink()
    return Pixels(read_npy(pixels), unreadable, notes)


class _NothingError(Exception):
    """No image can be read: there is nothing to keep."""


def _cached_choice(path: Path) -> tuple[tuple[int, ...], list[str]] | None:
    """The shape that was chosen before, and remarks. None for anything else: a cache is no authority."""
    try:
        shape, notes = json.loads(read_regular(path, _MAX_REMARKS, "remove it"))
        if len(shape) in (2, 3) and all(type(n) is int and 0 < n <= 4096 for n in shape) and shape[2:] in ([], [3]):
            return tuple(shape), [str(note) for note in notes]
    except (MlpError, ValueError, TypeError, RecursionError):
        pass
    return None


def _cached_pixels(
    pixels: Path, remarks: Path, shape: tuple[int, ...], names: list[str]
) -> tuple[npt.NDArray[np.uint8], list[tuple[str, str]]] | None:
    """The array, and the images that could not be read. None unless both fit the images that there are."""
    try:
        unreadable = [(str(name), str(reason)) for name, reason in json.loads(read_regular(remarks, _MAX_REMARKS, ""))]
        array = read_npy(pixels)
    except (MlpError, ValueError, TypeError, RecursionError):
        return None
    bad = {name for name, _ in unreadable}
    is_whole = bad <= set(names) and array.shape == (len(names) - len(bad), *shape) and array.dtype == np.uint8
    return (array, unreadable) if is_whole else None


_MAX_REMARKS = 2**26  # bytes
_HEADER = 128  # bytes before the pixels in a .npy file


def _decode(
    root: Path, names: list[str], shape: tuple[int, ...], file: BinaryIO, pool: ThreadPoolExecutor
) -> list[tuple[str, str]]:
    """Write the images that can be read as .npy, and return (name, reason) of the others."""
    longest = max(shape[:2])

    def read(name: str) -> npt.NDArray[np.uint8] | str:
        try:
            return images.resized(images.read_colour(root / name, longest), shape)
        except MlpError as error:
            return _reason(error, root / name)

    file.write(bytes(_HEADER))
    written, unreadable = 0, []
    for at in range(0, len(names), 1024):
        some = names[at : at + 1024]
        for name, result in zip(some, pool.map(read, some), strict=True):
            if isinstance(result, str):
                unreadable.append((name, result))
            else:
                file.write(result.tobytes())
                written += 1
    described = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {(written, *shape)}, }}"
    file.seek(0)
    file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", _HEADER - 10) + described.ljust(_HEADER - 11).encode() + b"\n")
    return unreadable


def _reason(error: MlpError, path: Path) -> str:
    """What is wrong with a file, without its name and the advice."""
    return str(error).removeprefix(f"{path}: ").split(";")[0]


def _choose_shape(
    root: Path, names: list[str], size: tuple[int, int] | None, channels: int | None, pool: ThreadPoolExecutor
) -> tuple[tuple[int, ...], list[str]]:
    """(H, W) or (H, W, 3) for images with these names, and remarks on the choice."""

    def measure(name: str) -> tuple[int, int, bool] | None:
        with contextlib.suppress(MlpError):
            return images.measure_image(root / name)
        return None

    measured = [m for m in pool.map(measure, names) if m is not None]
    if size is None:
        size, notes = _choose_size([(height, width) for height, width, _ in measured] or [(1, 1)])
    else:
        notes = []
    if channels is None:
        channels = 3 if any(m[2] for m in measured) and _any_colour(root, names, size) else 1
    return (*size, 3) if channels == 3 else size, notes


def _choose_size(sizes: list[tuple[int, int]]) -> tuple[tuple[int, int], list[str]]:
    low, high = min(sizes), max(sizes)
    if low == high and max(low) <= LARGEST_AS_IS:
        return low, []
    aspect = median(height / width for height, width in sizes)
    size = max(1, round(LONGEST * min(1.0, aspect))), max(1, round(LONGEST * min(1.0, 1.0 / aspect)))
    found = f"{low[0]}x{low[1]}" + (f" to {high[0]}x{high[1]}" if low != high else "")
    return size, [f"images of {found} pixels (height x width) are resized to {size[0]}x{size[1]}; --size chooses"]


def _any_colour(root: Path, names: list[str], size: tuple[int, int]) -> bool:
    """Whether any of a sample of the images has colours: grey ones are often stored as if they had."""
    for name in names[:: max(1, len(names) // _SAMPLE)]:
        with contextlib.suppress(MlpError):
            pixels = images.resized(images.read_colour(root / name, max(size)), (*size, 3)).astype(np.int16)
            if (pixels.max(axis=2) - pixels.min(axis=2)).max() > _GREY:
                return True
    return False


_SAMPLE = 200  # images looked at for colour
_GREY = 16  # of 255: channels that differ by less are grey, after a lossy compression
