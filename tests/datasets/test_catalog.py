"""The catalog against what is published about the sets."""

import hashlib
import re
from collections import Counter

import pytest

from mlpcli.datasets.catalog import CATALOG, UNKNOWN_SIZE_LIMIT, find
from mlpcli.datasets.fetch import check_mirror
from mlpcli.errors import UsageError
from tests.conftest import MNIST

DOWNLOADED = [entry for entry in CATALOG.values() if entry.origin == "download"]


def test_the_sets_of_the_readme_are_there():
    assert (
        list(CATALOG)
        == (
            "mnist fashion-mnist kmnist qmnist emnist-balanced emnist-byclass emnist-bymerge emnist-digits "
            "emnist-letters emnist-mnist digits parity"
        ).split()
    )


@pytest.mark.parametrize("entry", CATALOG.values(), ids=lambda entry: entry.name)
def test_an_entry_is_whole(entry):
    assert entry.description
    assert entry.licence
    assert len(set(entry.classes)) == len(entry.classes) >= 2
    assert all(count > 0 for count in entry.examples)
    assert bool(entry.files) == bool(entry.mirrors) == (entry.origin == "download")
    assert all(check_mirror(url) == url for url in entry.mirrors)
    assert len(entry.parts) == (4 if entry.files else 0)
    assert not any(set(part) & set('/\\:*?"<>|') or part.startswith(".") for part in entry.parts)
    for file in entry.files:
        assert re.fullmatch("[0-9a-f]{64}", file.sha256) or re.fullmatch("[0-9a-f]{32}", file.md5)
        assert file.size or file.limit == UNKNOWN_SIZE_LIMIT


def test_no_file_has_the_hash_of_another():
    counts = Counter(file.hash for file in {file for entry in DOWNLOADED for file in entry.files})
    assert max(counts.values()) == 1


def test_equal_file_names_are_in_different_folders():
    places = Counter((entry.folder, part) for entry in DOWNLOADED for part in entry.parts)
    assert max(places.values()) == 1


def test_mnist_is_pinned_as_it_is(mnist_folder):
    for file in CATALOG["mnist"].files:
        content = (MNIST / file.name).read_bytes()
        assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize(
    ("split", "classes", "examples"),
    [  # as the paper of EMNIST has them
        ("byclass", 62, 814_255),
        ("bymerge", 47, 814_255),
        ("balanced", 47, 131_600),
        ("letters", 26, 145_600),
        ("digits", 10, 280_000),
        ("mnist", 10, 70_000),
    ],
)
def test_emnist_has_its_published_counts(split, classes, examples):
    entry = CATALOG[f"emnist-{split}"]
    assert (len(entry.classes), sum(entry.examples)) == (classes, examples)
    assert entry.transposed
    assert entry.folder == "emnist"
    assert all(re.fullmatch(f"gzip/emnist-{split}-[a-z]+-[a-z]+-idx[13]-ubyte.gz", name) for name in entry.members)


def test_emnists_labels_are_the_characters_of_its_mapping():
    merged = [*range(48, 58), *range(65, 91), 97, 98, *range(100, 105), 110, 113, 114, 116]
    assert [ord(name) for name in CATALOG["emnist-balanced"].classes] == merged
    assert CATALOG["emnist-bymerge"].classes == CATALOG["emnist-balanced"].classes
    assert [ord(name) for name in CATALOG["emnist-byclass"].classes] == [
        *range(48, 58), *range(65, 91), *range(97, 123)
    ]  # fmt: skip
    assert [ord(name) for name in CATALOG["emnist-letters"].classes] == [*range(65, 91)]
    assert {entry.name for entry in CATALOG.values() if entry.first_label} == {"emnist-letters"}


def test_kmnists_classes_are_hiragana():
    import unicodedata

    for name in CATALOG["kmnist"].classes:
        latin, character = name.split(" ")
        unicodes = {"tsu": "TU"}.get(latin, latin.upper())
        assert unicodedata.name(character) == f"HIRAGANA LETTER {unicodes}"


def test_a_file_of_unknown_size_makes_the_download_so():
    assert CATALOG["qmnist"].download_size is None
    assert CATALOG["digits"].download_size == 0


@pytest.mark.parametrize(("name", "near"), [("fashion", "fashion-mnist"), ("EMNIST-letter", "emnist-letters")])
def test_an_unknown_name_gets_the_nearest(name, near):
    with pytest.raises(UsageError, match=f"did you mean {near}"):
        find(name)
