"""Sets of the catalog from made-up files: archives, labels from 1, labels of eight columns."""

import dataclasses
import gzip
import os
import random
import shutil
import zipfile

import numpy as np
import pytest

from mlpcli.datasets import archive, fetch
from mlpcli.datasets.catalog import CATALOG
from mlpcli.datasets.load import load_data
from mlpcli.datasets.named import load_named
from mlpcli.errors import DamagedFileError, DownloadError, UsageError
from tests.datasets import made_up
from tests.datasets.made_up import idx, upright

MUTANTS = int(os.environ.get("MLP_TEST_MUTANTS", "300"))
OTHER_NAMES = b"".join(b"%064d 1 emnist-mnist-%d.gz\n" % (0, number) for number in range(4))


@pytest.fixture
def catalog(monkeypatch):
    def use(*entries):
        for entry in entries:
            monkeypatch.setitem(CATALOG, entry.name, entry)
        return entries[0]

    return use


def test_qmnist(tmp_path, catalog):
    entry = catalog(made_up.qmnist(tmp_path / "qmnist"))
    assert fetch.is_there(entry, tmp_path / "qmnist")
    data = load_named("qmnist", tmp_path)
    assert data.classes == tuple("0123456789")
    assert data.train.y.tolist() == [i % 10 for i in range(30)]
    assert np.array_equal(data.train.X.reshape(-1, 28, 28), upright(0, 30))
    assert np.array_equal(data.test.X.reshape(-1, 28, 28), upright(2, 30))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"columns": 7}, "7 columns, qmnist has 8"), ({"top": 10}, "label 10, qmnist has the classes 0 to 9")],
)
def test_qmnist_with_other_labels(tmp_path, catalog, wrong, words):
    catalog(made_up.qmnist(tmp_path / "qmnist", **wrong))
    with pytest.raises(DamagedFileError, match=words):
        load_named("qmnist", tmp_path)


def test_negative_labels(tmp_path, catalog):
    entry = catalog(made_up.qmnist(tmp_path / "qmnist"))
    labels = np.zeros((30, 8), int)
    labels[7, 0] = -1
    (tmp_path / "qmnist" / entry.parts[1]).write_bytes(gzip.compress(idx(labels, 12)))
    with pytest.raises(DamagedFileError, match="label -1, qmnist has the classes 0 to 9"):
        load_named("qmnist", tmp_path)


def test_images_of_another_type(tmp_path, catalog):
    entry = catalog(made_up.mnist_like(tmp_path / "kmnist", "kmnist"))
    (tmp_path / "kmnist" / entry.parts[0]).write_bytes(gzip.compress(idx(upright(0, 20), 12)))
    with pytest.raises(DamagedFileError, match="items of int32"):
        load_named("kmnist", tmp_path)


def test_emnist_is_taken_out_of_its_archive_and_turned_upright(tmp_path, catalog):
    letters, balanced = made_up.emnist(tmp_path / "source", "letters", "balanced")
    catalog(letters, balanced)
    folder = tmp_path / "emnist"
    placed = fetch.import_from(letters, tmp_path / "source", folder)
    assert [path.name for path in placed] == ["gzip.zip", *letters.parts]
    data = load_named("emnist-letters", tmp_path)
    assert np.array_equal(data.train.X.reshape(-1, 28, 28), upright(0, 60))
    assert np.array_equal(data.test.X.reshape(-1, 28, 28), upright(2, 60))
    assert data.train.y[:27].tolist() == [*range(26), 0]
    assert data.classes[data.train.y[0]] == "A"
    # The other split was left in the archive; it comes without a download.
    assert not fetch.is_there(balanced, folder)
    assert fetch.missing(balanced, folder) == []
    placed = fetch.download(balanced, folder)
    assert [path.name for path in placed] == list(balanced.parts)
    assert load_data("emnist-balanced", tmp_path).train.y.max() == 46


def test_more_images_than_are_turned_at_once(tmp_path, catalog, monkeypatch):
    monkeypatch.setattr("mlpcli.datasets.named._UPRIGHT_AT_ONCE", 7)
    (entry,) = made_up.emnist(tmp_path / "emnist", "mnist")
    catalog(entry)
    fetch.download(entry, tmp_path / "emnist")
    assert np.array_equal(load_named("emnist-mnist", tmp_path).test.X.reshape(-1, 28, 28), upright(2, 60))


def test_the_archive_may_be_deleted(tmp_path, catalog):
    letters, balanced = made_up.emnist(tmp_path, "letters", "balanced")
    fetch.download(letters, tmp_path)
    (tmp_path / "gzip.zip").unlink()
    assert fetch.is_there(letters, tmp_path)
    assert fetch.download(letters, tmp_path) == []
    assert [problem for _, problem in fetch.verify(letters, tmp_path)] == [""] * 4
    with pytest.raises(DownloadError):
        fetch.download(balanced, tmp_path)


def test_a_damaged_member_is_taken_out_again(tmp_path):
    (letters,) = made_up.emnist(tmp_path, "letters")
    fetch.download(letters, tmp_path)
    labels = tmp_path / letters.parts[1]
    good = labels.read_bytes()
    labels.write_bytes(bytes(len(good)))
    assert not fetch.is_there(letters, tmp_path)
    problems = {path.name: problem for path, problem in fetch.verify(letters, tmp_path)}
    assert problems.pop(labels.name) == "the SHA-256 is wrong"
    assert set(problems.values()) == {""}
    fetch.download(letters, tmp_path)
    assert labels.read_bytes() == good


@pytest.mark.parametrize("record", [None, b"", b"\xff\xfe", b"0 0 x\n" * 4, OTHER_NAMES, b"x" * 100_000])
def test_a_lost_or_damaged_record_means_extracting_again(tmp_path, record):
    (letters,) = made_up.emnist(tmp_path, "letters")
    fetch.download(letters, tmp_path)
    path = tmp_path / "emnist-letters.sha256"
    path.unlink() if record is None else path.write_bytes(record)
    assert not fetch.is_there(letters, tmp_path)
    assert [problem for _, problem in fetch.verify(letters, tmp_path)][:4] == ["not extracted yet"] * 4
    assert len(fetch.download(letters, tmp_path)) == 4
    assert fetch.is_there(letters, tmp_path)


def test_force_takes_out_again_what_is_too_large_to_be_hashed_every_time(tmp_path, monkeypatch):
    (letters,) = made_up.emnist(tmp_path / "source", "letters")
    fetch.import_from(letters, tmp_path / "source", tmp_path / "emnist")
    images = tmp_path / "emnist" / letters.parts[0]
    good = images.read_bytes()
    images.write_bytes(bytes(len(good)))
    monkeypatch.setattr(fetch, "QUICK", 0)
    assert fetch.import_from(letters, tmp_path / "source", tmp_path / "emnist") == []
    assert len(fetch.import_from(letters, tmp_path / "source", tmp_path / "emnist", force=True)) == 5
    assert images.read_bytes() == good


def test_a_large_archive_that_is_damaged_is_got_again(tmp_path, monkeypatch):
    (letters,) = made_up.emnist(tmp_path / "source", "letters")
    (tmp_path / "emnist").mkdir()
    (tmp_path / "emnist" / "gzip.zip").write_bytes(bytes(letters.files[0].size))
    monkeypatch.setattr(fetch, "QUICK", 0)
    assert fetch.missing(letters, tmp_path / "emnist") == list(letters.files)
    assert len(fetch.import_from(letters, tmp_path / "source", tmp_path / "emnist")) == 5


def test_a_member_is_synced_before_it_gets_its_name(tmp_path, monkeypatch):
    calls = []
    for module, name in ((os, "fsync"), (archive.Path, "replace"), (archive, "write_bytes")):
        original = getattr(module, name)

        def recorded(*args, name=name, original=original):
            calls.append(name)
            return original(*args)

        monkeypatch.setattr(module, name, recorded)
    (letters,) = made_up.emnist(tmp_path, "letters")
    fetch.download(letters, tmp_path)
    each = ["fsync", "replace", "fsync"]  # the file, its name, the folder
    assert calls[:13] == each * 4 + ["write_bytes"]


def test_nothing_but_the_members_is_ever_written(tmp_path):
    inside = tmp_path / "a" / "b" / "emnist"
    strangers = [("../../evil", b"x"), ("/evil", b"x"), ("gzip/../../evil", b"x"), ("gzip/other.gz", b"x")]
    (letters,) = made_up.emnist(inside, "letters", extra=strangers)
    fetch.download(letters, inside)
    found = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {"gzip.zip", "emnist-letters.sha256", *letters.parts}


def test_a_member_in_the_place_of_a_link_replaces_the_link(tmp_path):
    inside = tmp_path / "emnist"
    (letters,) = made_up.emnist(inside, "letters")
    (tmp_path / "precious").write_text("precious")
    (inside / letters.parts[0]).symlink_to(tmp_path / "precious")
    fetch.download(letters, inside)
    assert (tmp_path / "precious").read_text() == "precious"


def repinned(entry, path):
    return dataclasses.replace(entry, files=(made_up.pinned(path.name, path.read_bytes()),))


def test_an_archive_without_the_members(tmp_path):
    made_up.emnist(tmp_path, "digits")
    letters = repinned(CATALOG["emnist-letters"], tmp_path / "gzip.zip")
    with pytest.raises(DamagedFileError, match="no item named 'gzip/emnist-letters-train-images"):
        fetch.download(letters, tmp_path)


def test_a_member_that_is_too_large_is_not_unpacked(tmp_path, monkeypatch):
    (letters,) = made_up.emnist(tmp_path, "letters")
    monkeypatch.setattr(archive, "MAX_MEMBER", 100)
    with pytest.raises(DamagedFileError, match="at most 100 are read"):
        fetch.download(letters, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["gzip.zip"]


def test_a_member_compressed_in_another_way(tmp_path):
    (letters,) = made_up.emnist(tmp_path, "letters")
    with zipfile.ZipFile(tmp_path / "gzip.zip", "w", zipfile.ZIP_LZMA) as other:
        other.writestr(letters.members[0], b"x" * 1000)
    with pytest.raises(DamagedFileError, match="unknown way"):
        fetch.download(repinned(letters, tmp_path / "gzip.zip"), tmp_path)


def test_an_encrypted_archive(tmp_path):
    (letters,) = made_up.emnist(tmp_path, "letters")
    content = bytearray((tmp_path / "gzip.zip").read_bytes())
    for signature, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = -1
        while (at := content.find(signature, at + 1)) >= 0:
            content[at + flags] |= 1
    (tmp_path / "gzip.zip").write_bytes(content)
    with pytest.raises(DamagedFileError, match="encrypted"):
        fetch.download(repinned(letters, tmp_path / "gzip.zip"), tmp_path)


def test_mutants_of_an_archive(tmp_path):
    """Only DamagedFileError comes out, or what was put in."""
    (letters,) = made_up.emnist(tmp_path, "letters", count=1)
    original = (tmp_path / "gzip.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "gzip.zip") as whole:
        wanted = [whole.read(member) for member in letters.members]
    rng = random.Random(int(os.environ.get("MLP_TEST_SEED", "0")))
    structure = len(original) - 700  # the directory at the end, where the most can go wrong
    refused = 0
    for number in range(MUTANTS):
        content = bytearray(original)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(structure, len(content)) if rng.random() < 0.7 else rng.randrange(len(content))
            content[at] = rng.choice((0, 1, 0x7F, 0xFF, rng.randrange(256)))
        if rng.random() < 0.1:
            del content[rng.randrange(len(content)) :]
        path = tmp_path / "mutant.zip"
        path.write_bytes(content)
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            placed = archive.extract(letters, path, folder)
        except DamagedFileError:
            refused += 1
            assert not [p for p in folder.iterdir() if p.suffix in (".tmp", ".sha256")]
        else:
            assert [file.read_bytes() for file in placed] == wanted
        shutil.rmtree(folder)
    assert refused > MUTANTS / 4


def test_a_set_that_is_not_there_names_the_command(tmp_path):
    with pytest.raises(UsageError, match=r"emnist-letters-train-images.*run mlp download emnist-letters"):
        load_named("emnist-letters", tmp_path)
