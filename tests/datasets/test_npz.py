import io
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpcli.datasets import npz
from mlpcli.datasets.npz import list_npz, read_npz
from mlpcli.errors import DamagedFileError, UsageError
from tests.datasets.mutants import survive
from tests.datasets.test_npy import arrays, same, saved

ONE = np.arange(6, dtype="<f4").reshape(2, 3)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "data.npz"


def archived(members, method=zipfile.ZIP_DEFLATED, comment=b""):
    """A zip archive of (name, content) pairs."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
        archive.comment = comment
    return buffer.getvalue()


def refused(file, content, what):
    file.write_bytes(content)
    for read in (read_npz, list_npz):
        with pytest.raises(DamagedFileError) as caught:
            read(file)
        assert what in str(caught.value)
        assert str(caught.value).startswith(f"{file}: ")
        assert str(caught.value).isprintable()


@given(
    named=st.dictionaries(st.text("xyXYäz_19", min_size=1, max_size=5), arrays(), min_size=1, max_size=4),
    save=st.sampled_from([np.savez, np.savez_compressed]),
    fortran=st.booleans(),
)
def test_what_numpy_saves_is_read(scratch, named, save, fortran):
    if fortran:
        named = {name: np.asfortranarray(array) if array.ndim else array for name, array in named.items()}
    save(scratch / "data.npz", **named)
    assert list_npz(scratch / "data.npz") == list(named)
    found = read_npz(scratch / "data.npz")
    assert list(found) == list(named)
    for name, array in named.items():
        same(found[name], array)


def test_only_what_is_wanted_is_read(file):
    np.savez(file, X=ONE, meta=np.array([{}], object))
    assert list_npz(file) == ["X", "meta"]
    assert list(read_npz(file, {"X"})) == ["X"]
    with pytest.raises(DamagedFileError, match=r"data\.npz: meta: holds pickled Python objects"):
        read_npz(file)


def test_every_truncation_and_every_extension_is_refused(file):
    whole = archived([("X.npy", saved(ONE))])
    for content in [whole[:n] for n in range(len(whole))] + [whole + b"\0", b"\0" + whole, whole + whole]:
        file.write_bytes(content)
        with pytest.raises(DamagedFileError):
            read_npz(file)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_every_bit_flip_is_noticed_or_changes_nothing(scratch, save):
    file = scratch / "flipped.npz"
    save(file, X=ONE)
    whole = file.read_bytes()
    changed = 0
    for position in range(len(whole)):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << position % 8
        file.write_bytes(flipped)
        try:
            found = read_npz(file)
        except DamagedFileError:
            changed += 1
            continue
        (array,) = found.values()
        same(array, ONE)
    assert changed > len(whole) / 3


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_only_deflate_is_unpacked(file, method):
    refused(file, archived([("X.npy", saved(ONE))], method), f"compressed by method {method}, not deflate")


def test_an_encrypted_member(file):
    content = bytearray(archived([("X.npy", saved(ONE))]))
    content[content.index(b"PK\1\2") + 8] |= 1
    refused(file, bytes(content), "X.npy is encrypted")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name(file):
    refused(file, archived([("X.npy", saved(ONE)), ("X.npy", saved(ONE))]), "two members X.npy")


@pytest.mark.parametrize("name", ["X.txt", "folder/", "X", "a\nb.npy", "a\x1b[31m.npy", "n" * 201 + ".npy"])
def test_a_member_that_is_no_array(file, name):
    refused(file, archived([(name, b"")]), "that is no NAME.npy")


def test_a_comment_is_junk(file):
    refused(file, archived([("X.npy", saved(ONE))], comment=b"hello"), "bytes after its end")


def test_no_members(file):
    refused(file, archived([]), "it begins with")


def test_too_many_members(file):
    refused(file, archived([(f"{i}.npy", b"") for i in range(1001)]), "1,001 members")


def test_a_directory_of_any_length_is_not_read(file):
    names = [f"{'long' * 100}{i}.npy" for i in range(3000)]
    refused(file, archived([(name, b"") for name in names]), "a directory of")


@pytest.mark.parametrize(
    ("content", "what"), [(b"", "is empty"), (b"\x93NUMPY\1\0", "begins with"), (b"PK\3\4", "cut")]
)
def test_what_is_no_archive(file, content, what):
    refused(file, content, what)


def claiming(content, file_size, compress_size=None):
    """The archive, its directory changed to promise other sizes of its only member."""
    content = bytearray(content)
    at = content.index(b"PK\1\2")
    if compress_size is not None:
        content[at + 20 : at + 24] = struct.pack("<I", compress_size)
    content[at + 24 : at + 28] = struct.pack("<I", file_size)
    return bytes(content)


@pytest.mark.parametrize("size", [2**31, 2**32 - 2])
def test_a_promise_beyond_the_ratio(file, size):
    refused(file, claiming(archived([("X.npy", saved(ONE))]), size), f"unpacks to {size:,} bytes")


def test_a_stored_member_is_as_long_as_it_says(file):
    refused(file, claiming(archived([("X.npy", saved(ONE))], zipfile.ZIP_STORED), 100), "not its own")


def test_a_member_beyond_the_file(file):
    refused(
        file, claiming(archived([("X.npy", saved(ONE))], zipfile.ZIP_STORED), 10**6, 10**6), "more than it can hold"
    )


@pytest.mark.parametrize("change", [-1, 1, -100])
def test_a_member_of_another_length(file, change):
    content = archived([("X.npy", saved(ONE))])
    file.write_bytes(claiming(content, len(saved(ONE)) + change))
    with pytest.raises(DamagedFileError):
        read_npz(file)


def test_members_that_overlap_do_not_add_up_to_a_bomb(file, monkeypatch):
    monkeypatch.setattr(npz, "FLOOR", 10_000)
    monkeypatch.setattr(npz, "RATIO", 20)
    content = archived([(f"{i}.npy", bytes(9_000)) for i in range(9)])
    refused(file, content, "more than 20 times its size")


def test_a_header_that_promises_another_size_than_the_member(file):
    file.write_bytes(archived([("X.npy", saved(ONE) + b"\0")]))
    with pytest.raises(DamagedFileError, match="X: 25 bytes of items where the header promises 24"):
        read_npz(file)


def test_more_than_is_read_into_memory(file, monkeypatch):
    monkeypatch.setattr(npz, "MAX_BYTES", len(saved(ONE)))
    np.savez(file, X=ONE, y=ONE)
    with pytest.raises(DamagedFileError, match=r"bytes of arrays, at most .* np\.save"):
        read_npz(file)
    same(read_npz(file, ["y"])["y"], ONE)


@pytest.mark.parametrize("name", ["missing.npz", ".", "nul\0.npz"])
def test_what_is_no_file_is_usage(tmp_path, name):
    with pytest.raises(UsageError):
        read_npz(tmp_path / name)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_mutants(scratch, save):
    save(scratch / "data.npz", X=ONE, y=np.array(["a", "b"]))

    def check(found, mutant):  # NumPy reads what we read, in the same way
        with np.load(io.BytesIO(mutant), allow_pickle=False) as expected:
            assert list(found) == list(expected)
            for name, array in found.items():
                same(array, expected[name])

    survive(read_npz, scratch / "mutant.npz", (scratch / "data.npz").read_bytes(), check)
