import gzip
import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlpcli.datasets.idx import read_idx, read_pair
from mlpcli.errors import DamagedFileError, UsageError
from tests.datasets.mutants import survive
from tests.idx_files import write_idx

# Two images of 1 x 3 pixels, written out byte by byte.
PLAIN = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 10, 20, 30, 40, 50, 60])


@pytest.fixture
def file(tmp_path):
    return tmp_path / "images-idx3-ubyte"


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_reads_plain_and_gzip(file, pack):
    file.write_bytes(pack(PLAIN))
    assert read_idx(file, 3).tolist() == [[[10, 20, 30]], [[40, 50, 60]]]


def test_writes_the_same_bytes(file):
    write_idx(file, np.array([[[10, 20, 30]], [[40, 50, 60]]], np.uint8))
    assert file.read_bytes() == PLAIN


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_every_truncation_is_refused(file, pack):
    whole = pack(PLAIN)
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(DamagedFileError):
            read_idx(file, 3)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "the file is empty"),
        (gzip.compress(b""), "the file is empty"),
        (b"<!DOCTYPE html>", "not an IDX file"),
        (PLAIN + b"\0", "7 bytes of items where the header promises 6"),
        (gzip.compress(PLAIN + b"\0"), "bytes after the last"),
        (gzip.compress(PLAIN) + gzip.compress(b"more"), "bytes after the last"),
        (gzip.compress(PLAIN) + b"junk", "damaged gzip"),
        (PLAIN[:2] + bytes([7]) + PLAIN[3:], "type 0x07"),
        (PLAIN[:2] + bytes([13]) + PLAIN[3:], "more than the file can hold"),
        (PLAIN[:3] + bytes([1]) + PLAIN[4:], "1 dimensions"),
        (struct.pack(">BBBBIII", 0, 0, 8, 3, 0, 28, 28), "no items"),
        (struct.pack(">BBBBIII", 0, 0, 8, 3, 2**31, 28, 28) + b"x", "more than the file can hold"),
        (gzip.compress(struct.pack(">BBBBIII", 0, 0, 8, 3, 60000, 2**16, 2**16)), "more than the file can hold"),
    ],
)
def test_damage_is_named(file, content, what):
    file.write_bytes(content)
    with pytest.raises(DamagedFileError, match=what) as caught:
        read_idx(file, 3)
    assert str(file) in str(caught.value)


def test_gzip_bit_flips_never_change_an_item_in_silence(file):
    whole = gzip.compress(PLAIN, mtime=0)
    expected = read_bytes(file, whole)
    for position in range(len(whole)):
        for bit in range(8):
            flipped = bytearray(whole)
            flipped[position] ^= 1 << bit
            try:
                found = read_bytes(file, bytes(flipped))
            except DamagedFileError:
                continue
            np.testing.assert_array_equal(found, expected)


def read_bytes(file, content):
    file.write_bytes(content)
    return read_idx(file, 3)


def test_a_missing_file_is_usage(file):
    with pytest.raises(UsageError, match="no such file"):
        read_idx(file, 3)


def test_a_folder_is_usage(tmp_path):
    with pytest.raises(UsageError, match="a folder"):
        read_idx(tmp_path, 3)


def test_counts_that_differ(tmp_path):
    write_idx(tmp_path / "images", np.zeros((3, 2, 2), np.uint8))
    write_idx(tmp_path / "labels", np.zeros(2, np.uint8))
    with pytest.raises(DamagedFileError, match="2 labels for the 3 images"):
        read_pair(tmp_path / "images", tmp_path / "labels")


def test_a_pair_of_named_sets_is_in_memory_and_of_native_order(tmp_path):
    write_idx(tmp_path / "images", np.zeros((2, 2, 2), np.uint8))
    (tmp_path / "labels").write_bytes(encoded(np.array([1, 2], ">i4")))
    X, y = read_pair(tmp_path / "images", tmp_path / "labels")
    assert type(X) is type(y) is np.ndarray
    assert X.flags.writeable
    assert (y.dtype.isnative, y.tolist()) == (True, [1, 2])


CODES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def encoded(items):
    code = next(code for code, name in CODES.items() if np.dtype(name) == items.dtype)
    return struct.pack(f">BBBB{items.ndim}I", 0, 0, code, items.ndim, *items.shape) + items.tobytes()


def decoded(content):
    """An independent reading of a valid file."""
    dtype, rank = np.dtype(CODES[content[2]]), content[3]
    shape = [int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(rank)]
    assert len(content) == 4 + 4 * rank + dtype.itemsize * math.prod(shape)
    return np.frombuffer(content, dtype, offset=4 + 4 * rank).reshape(shape)


def same(found, expected):
    """Equal in shape, kind and every bit."""
    assert found.shape == expected.shape
    assert found.dtype.newbyteorder("=") == expected.dtype.newbyteorder("=")
    assert (
        found.astype(found.dtype.newbyteorder(">")).tobytes()
        == expected.astype(expected.dtype.newbyteorder(">")).tobytes()
    )


def test_a_wider_type_worked_by_hand(file):
    # Two numbers of 2 bytes: 0x0102 = 258, 0xffff = -1.
    file.write_bytes(bytes([0, 0, 11, 1, 0, 0, 0, 2, 1, 2, 255, 255]))
    assert read_idx(file).tolist() == [258, -1]


@given(
    items=st.sampled_from(sorted(CODES.values())).flatmap(
        lambda name: hnp.arrays(name, hnp.array_shapes(min_dims=1, max_dims=8, min_side=1, max_side=3))
    )
)
def test_every_type_and_rank(scratch, items):
    file = scratch / "items"
    file.unlink(missing_ok=True)  # what is mapped is never written over
    file.write_bytes(encoded(items))
    mapped = read_idx(file)
    assert isinstance(mapped, np.memmap)
    assert not mapped.flags.writeable
    same(mapped, items)
    file = scratch / "items.gz"
    file.write_bytes(gzip.compress(encoded(items), 1))
    read = read_idx(file, items.ndim)
    assert read.dtype.isnative
    same(read, items)


@pytest.mark.parametrize(("rank", "wanted", "what"), [(0, None, "1 to 8"), (9, None, "1 to 8"), (3, 1, "1")])
def test_a_rank_that_is_not_wanted(file, rank, wanted, what):
    file.write_bytes(bytes([0, 0, 8, rank]) + bytes([0, 0, 0, 1]) * rank + b"x")
    with pytest.raises(DamagedFileError, match=f"of {rank} dimensions, expected {what}"):
        read_idx(file, wanted)


def test_more_than_is_unpacked_in_memory(file, monkeypatch):
    monkeypatch.setattr("mlpcli.datasets.idx.MAX_BYTES", 5)
    file.write_bytes(gzip.compress(PLAIN))
    with pytest.raises(DamagedFileError, match=r"6 bytes of items, at most 5 .* gunzip"):
        read_idx(file)
    file.write_bytes(PLAIN)
    assert read_idx(file).size == 6


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_mutants(scratch, pack):
    def check(found, mutant):
        same(found, decoded(gzip.decompress(mutant) if mutant[:2] == b"\x1f\x8b" else mutant))

    survive(read_idx, scratch / "mutant", pack(encoded(np.arange(24, dtype=">i2").reshape(2, 3, 4))), check)
