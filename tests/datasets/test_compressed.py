import contextlib
import gzip
import os
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpcli.datasets import compressed
from mlpcli.datasets.compressed import FLOOR, RATIO, Gunzip, open_bytes
from mlpcli.errors import DamagedFileError, UsageError
from mlpcli.files import open_regular
from tests.datasets.mutants import survive


def content_of(path):
    with open_bytes(path) as stream:
        return stream.read()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "data.gz"


@given(content=st.binary(min_size=1, max_size=200_000), level=st.integers(0, 9), sizes=st.lists(st.integers(1, 70_000)))
def test_what_gzip_packs_is_unpacked(scratch, content, level, sizes):
    file = scratch / "data.gz"
    file.write_bytes(gzip.compress(content, level))
    with open_bytes(file) as stream:
        assert isinstance(stream.raw, Gunzip)
        parts = [stream.read(size) for size in sizes]
        assert b"".join(parts) + stream.read() == content
        assert stream.read(1) == b""


def test_long_runs_are_given_in_any_portion(file):
    # One input byte can stand for hundreds of output bytes, which must come out when no input is left.
    file.write_bytes(gzip.compress(b"a" * 300_000 + b"b", 9))
    with open_regular(file, "") as packed:
        stream = Gunzip(packed, file)
        assert b"".join(iter(lambda: stream.read(7), b"")) == b"a" * 300_000 + b"b"


def test_a_plain_file_is_given_as_it_is(file):
    file.write_bytes(b"a,b\n1,2\n")
    with open_bytes(file) as stream:
        assert not isinstance(stream.raw, Gunzip)
        assert stream.read() == b"a,b\n1,2\n"


def test_members_follow_one_another(file):
    file.write_bytes(gzip.compress(b"one,") + gzip.compress(b"") + gzip.compress(b"two"))
    assert content_of(file) == b"one,two"


@pytest.mark.parametrize("content", [b"", gzip.compress(b"")])
def test_an_empty_file(file, content):
    file.write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"data\.gz: the file is empty; "):
        content_of(file)


def test_every_truncation_is_refused(file):
    whole = gzip.compress(bytes(range(100)))
    for length in range(2, len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(DamagedFileError, match=r"data\.gz: damaged gzip data \(it is cut short\); "):
            content_of(file)


@pytest.mark.parametrize("tail", [b"\0", b"\0" * 512, b"junk", b"\x1f", gzip.compress(b"more")[:-1]])
def test_what_follows_the_last_member_must_be_a_member(file, tail):
    file.write_bytes(gzip.compress(b"data") + tail)
    with pytest.raises(DamagedFileError, match="damaged gzip data"):
        content_of(file)


@pytest.mark.parametrize("position", [-8, -5, -4, -1])  # CRC-32, then length
def test_a_wrong_check_sum_or_length(file, position):
    whole = bytearray(gzip.compress(b"data" * 10))
    whole[position] ^= 1
    file.write_bytes(whole)
    with pytest.raises(DamagedFileError, match="damaged gzip data"):
        content_of(file)


def test_the_bound_is_floor_and_ratio(file, monkeypatch):
    monkeypatch.setattr(compressed, "FLOOR", 10_000)
    monkeypatch.setattr(compressed, "RATIO", 20)
    inside = gzip.compress(bytes(10_000))
    file.write_bytes(inside)
    with open_bytes(file) as stream:
        assert stream.raw.at_most == 10_000 + 20 * len(inside)
        assert stream.read() == bytes(10_000)
    file.write_bytes(gzip.compress(bytes(100_000)))  # about 120 bytes
    with pytest.raises(DamagedFileError, match=r"unpacks to more than 20 times its size; .* gunzip"):
        content_of(file)
    noise = os.urandom(5_000)  # honest data of any size are under the ratio
    file.write_bytes(gzip.compress(noise + bytes(50_000)))
    assert content_of(file) == noise + bytes(50_000)


def test_the_bounds_let_honest_data_through():
    assert FLOOR >= 60_000 * 28 * 28  # even blank images
    assert 100 < RATIO < 1032


def test_a_bomb_is_given_up_early(file):
    packer = zlib.compressobj(9, wbits=31)
    block_size = 1 << 20
    file.write_bytes(b"".join([packer.compress(bytes(block_size)) for _ in range(300)] + [packer.flush()]))
    with open_bytes(file) as stream:
        for _ in range(FLOOR // block_size):
            assert len(stream.read(block_size)) == block_size
        with pytest.raises(DamagedFileError, match="unpacks to more than"):
            stream.read(FLOOR // 3)


@pytest.mark.parametrize("name", ["missing", ".", "nul\0"])
def test_what_is_no_file_is_usage(tmp_path, name):
    with pytest.raises(UsageError), open_bytes(tmp_path / name):
        pass


def test_a_fifo_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(UsageError, match="not a regular file; give data"), open_bytes(tmp_path / "fifo", "give data"):
        pass


def test_nothing_stays_open(file):
    file.write_bytes(gzip.compress(b"data"))
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(open_bytes(file))
        inner = stream.raw._file
    assert inner.closed


def test_mutants(scratch):
    def check(found, mutant):
        assert found == (gzip.decompress(mutant) if mutant[:2] == b"\x1f\x8b" else mutant)

    survive(content_of, scratch / "mutant", gzip.compress(bytes(range(256)) * 3 + bytes(300)), check)
