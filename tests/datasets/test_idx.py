import gzip
import struct

import numpy as np
import pytest

from mlpcli.datasets.idx import read_idx, read_pair, write_idx
from mlpcli.errors import DamagedFileError, UsageError

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
        (b"", "not an IDX file"),
        (b"<!DOCTYPE html>", "not an IDX file"),
        (PLAIN + b"\0", "bytes after the last"),
        (gzip.compress(PLAIN + b"\0"), "bytes after the last"),
        (gzip.compress(PLAIN) + gzip.compress(b"more"), "bytes after the last"),
        (gzip.compress(PLAIN) + b"junk", "damaged gzip"),
        (PLAIN[:2] + bytes([13]) + PLAIN[3:], "type 0x0d"),
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


def test_a_folder_is_one_line(tmp_path):
    with pytest.raises(DamagedFileError, match="cannot be read"):
        read_idx(tmp_path, 3)


def test_counts_that_differ(tmp_path):
    write_idx(tmp_path / "images", np.zeros((3, 2, 2), np.uint8))
    write_idx(tmp_path / "labels", np.zeros(2, np.uint8))
    with pytest.raises(DamagedFileError, match="2 labels for the 3 images"):
        read_pair(tmp_path / "images", tmp_path / "labels")
