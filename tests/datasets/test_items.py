import gzip
import io

import numpy as np
import pytest

from mlpcli.datasets.idx import read_idx
from mlpcli.datasets.items import Layout, read_items
from mlpcli.datasets.npy import read_npy
from mlpcli.errors import DamagedFileError, UsageError

LAYOUT = Layout(np.dtype("<i2"), (2, 2), "F")


def test_a_stream_that_holds_exactly_what_is_promised():
    assert read_items(io.BytesIO(bytes([1, 0, 2, 0, 3, 0, 4, 1])), "f", LAYOUT).tolist() == [[1, 3], [2, 260]]


@pytest.mark.parametrize(
    ("size", "what"), [(7, "f: cut short, 7 bytes of 8"), (9, "f: bytes after the last of 4 items")]
)
def test_a_stream_that_does_not(size, what):
    with pytest.raises(DamagedFileError, match=what):
        read_items(io.BytesIO(bytes(size)), "f", LAYOUT)


def test_sizes_are_python_numbers():
    assert Layout(np.dtype("<f8"), (2**32, 2**32), "C").nbytes == 2**67


def test_an_unpacked_file_with_too_few_items(tmp_path):
    (tmp_path / "f").write_bytes(gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 3, 1, 2])))
    with pytest.raises(DamagedFileError, match="cut short, 2 bytes of 3"):
        read_idx(tmp_path / "f")


def test_too_little_memory(monkeypatch):
    def empty(*args):
        raise MemoryError

    monkeypatch.setattr(np, "empty", empty)
    with pytest.raises(UsageError, match="f: takes 8 bytes, more memory than there is; "):
        read_items(io.BytesIO(bytes(8)), "f", LAYOUT)


@pytest.mark.parametrize("error", [OSError("no mapping"), ValueError("mmap length is greater than file size")])
def test_a_file_that_cannot_be_mapped(tmp_path, monkeypatch, error):
    def memmap(*args):
        raise error

    np.save(tmp_path / "X.npy", np.arange(3))
    monkeypatch.setattr(np, "memmap", memmap)
    with pytest.raises(DamagedFileError, match=rf"X\.npy: cannot be mapped \({error}\); "):
        read_npy(tmp_path / "X.npy")
