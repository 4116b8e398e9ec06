"""IDX files for tests, written by the published layout."""

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt


def write_idx(path: Path, items: npt.NDArray[np.uint8]) -> None:
    """Write an array of unsigned bytes as plain IDX."""
    header = struct.pack(f">BBBB{items.ndim}I", 0, 0, 8, items.ndim, *items.shape)
    path.write_bytes(header + np.ascontiguousarray(items).tobytes())
