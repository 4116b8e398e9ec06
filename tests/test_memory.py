import os

import numpy as np
import pytest

from mlpcli import memory
from mlpcli.datasets.npy import read_npy


@pytest.fixture
def mapped(tmp_path):
    X = np.random.default_rng(0).integers(0, 256, (300, 7)).astype(np.uint8)
    np.save(tmp_path / "X.npy", X)
    return X, read_npy(tmp_path / "X.npy")


@pytest.mark.parametrize("rows", [[5, 0, 299, 5], [10, 11, 12, 13], [3], [], [13, 12, 11]])
@pytest.mark.parametrize("cut", [slice(None), slice(40, 290)])
def test_rows_of_a_mapped_file_are_those_of_the_array(mapped, rows, cut):
    X, on_disk = mapped
    rows = np.array([row for row in rows if row < len(X[cut])], np.int64)
    assert memory.memory_mapping(on_disk[cut]) is not None
    np.testing.assert_array_equal(memory.rows_of(on_disk[cut], rows), X[cut][rows])


@pytest.mark.parametrize("kind", [">f8", "<i2", "<f4"])
def test_rows_of_any_type(tmp_path, kind):
    X = np.arange(60).astype(kind).reshape(12, 5)
    np.save(tmp_path / "X.npy", X)
    found = memory.rows_of(read_npy(tmp_path / "X.npy"), np.array([11, 2, 2]))
    np.testing.assert_array_equal(found, X[[11, 2, 2]])


def test_rows_of_a_fortran_array_and_of_memory(tmp_path):
    X = np.asfortranarray(np.arange(60.0).reshape(12, 5))
    np.save(tmp_path / "X.npy", X)
    for array in (read_npy(tmp_path / "X.npy"), X):
        np.testing.assert_array_equal(memory.rows_of(array, np.array([3, 1])), X[[3, 1]])


def test_another_file_of_that_name_is_not_read_instead(mapped, tmp_path):
    X, on_disk = mapped
    (tmp_path / "other.npy").write_bytes(bytes(3000))
    (tmp_path / "other.npy").replace(tmp_path / "X.npy")
    np.testing.assert_array_equal(memory.rows_of(on_disk, np.array([7, 8])), X[[7, 8]])


def test_a_file_that_becomes_shorter_is_an_error_and_no_crash(mapped, tmp_path):
    read = memory.row_reader(mapped[1])
    os.truncate(tmp_path / "X.npy", 1000)
    with pytest.raises(OSError, match="shorter"):
        read(np.array([299]), np.empty((1, 7), np.uint8))


def test_walking_through_a_mapped_file_takes_no_memory(tmp_path):
    """In a process of its own: the peak grows by less than a quarter of the file."""
    import subprocess
    import sys

    with (tmp_path / "X.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (200_000, 1000)})
        file.truncate(file.tell() + 200_000_000)  # sparse
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "import numpy as np\n"
        "from mlpcli.datasets.npy import read_npy\n"
        "from mlpcli.memory import row_reader\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "X = read_npy(Path(sys.argv[1]))\n"
        "read, out = row_reader(X), np.empty((1000, 1000), np.uint8)\n"
        "before = peak()\n"
        "for order in np.random.default_rng(0).permutation(len(X)).reshape(-1, 1000):\n"
        "    read(order, out)\n"
        "print(peak() - before)\n"
    )
    found = subprocess.run([sys.executable, "-c", code, tmp_path / "X.npy"], capture_output=True, text=True, check=True)
    assert int(found.stdout) * 1024 < 50_000_000


def test_available_memory_is_sane():
    found = memory.available_memory()
    assert found is None or 0 <= found < 2**50
