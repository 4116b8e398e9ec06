"""What is there, what is fetched and imported, and random schedules of faults: a file is right or absent."""

import os
import random
import shutil
from dataclasses import replace

import pytest

from mlpcli.datasets import fetch, part, transfer
from mlpcli.datasets.transfer import Limits
from mlpcli.errors import CannotWriteError, DamagedFileError, DownloadError, UsageError
from tests.datasets.hostile import CONTENT, FAULTS, FILE, GOOD, UNSIZED, entry, names

SCHEDULES = int(os.environ.get("MLP_TEST_SCHEDULES", "150"))


def test_random_schedules_of_faults(server, tmp_path, monkeypatch):
    """The file is right or absent, and nothing but DownloadError comes out."""
    monkeypatch.setattr(transfer, "LIMITS", Limits(patience=10.0, pause=0.0))
    rng = random.Random(int(os.environ.get("MLP_TEST_SEED", "0")))
    kinds = sorted(FAULTS - {"gzip-bomb", "endless"}) + sorted(GOOD) * 3
    right = absent = 0
    for number in range(SCHEDULES):
        folder = tmp_path / str(number)
        file = rng.choice([FILE, FILE, UNSIZED])
        for _ in range(rng.randint(1, 3)):  # what one run leaves, the next finds
            server.forget()
            mirrors = [
                server.url(*rng.choices(kinds, k=rng.randint(1, 5))) + f"{number}/" for _ in range(rng.randint(1, 3))
            ]
            try:
                fetch.download(entry(*mirrors, file=file), folder)
            except DownloadError:
                absent += 1
                assert not (folder / "data.gz").exists()
            else:
                right += 1
                assert (folder / "data.gz").read_bytes() == CONTENT
                assert names(folder) == ["data.gz"]
        shutil.rmtree(folder, ignore_errors=True)
    assert right > SCHEDULES / 4
    assert absent > SCHEDULES / 10


def test_mirrors_of_the_user_come_first_as_a_folder_of_files_or_of_sets(server, tmp_path):
    fetch.download(entry(server.url("404")), tmp_path / "one", mirrors=[server.url("good").rstrip("/")])
    assert [request.path for request in server.requests] == ["/good/data.gz"]
    server.forget()
    with pytest.raises(DownloadError):
        fetch.download(entry(server.url("404") + "last/"), tmp_path / "two", mirrors=[server.url("404")])
    asked = [request.path for request in server.requests]
    assert asked == ["/404/data.gz", "/404/set/data.gz", "/404/last/data.gz"]


def test_what_is_there_and_intact_is_not_fetched(server, tmp_path):
    (tmp_path / "data.gz").write_bytes(CONTENT)
    assert fetch.download(entry(server.url("good")), tmp_path) == []
    assert server.requests == []


def test_force_fetches_it_again(server, tmp_path):
    (tmp_path / "data.gz").write_bytes(CONTENT)
    assert fetch.download(entry(server.url("good")), tmp_path, force=True) == [tmp_path / "data.gz"]
    assert len(server.requests) == 1


def test_what_is_there_and_damaged_is_replaced_only_by_what_is_right(server, tmp_path):
    damaged = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    (tmp_path / "data.gz").write_bytes(damaged)
    assert not fetch.is_there(entry(), tmp_path)
    with pytest.raises(DownloadError):
        fetch.download(entry(server.url("wrong-hash")), tmp_path)
    assert (tmp_path / "data.gz").read_bytes() == damaged
    fetch.download(entry(server.url("good")), tmp_path)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT


def test_large_files_are_hashed_on_request_only(tmp_path, monkeypatch):
    (tmp_path / "data.gz").write_bytes(bytes(len(CONTENT)))
    assert not fetch.is_there(entry(), tmp_path)
    monkeypatch.setattr(fetch, "QUICK", len(CONTENT))
    assert fetch.is_there(entry(), tmp_path)
    assert [problem for _, problem in fetch.verify(entry(), tmp_path)] == ["the SHA-256 is wrong"]
    assert fetch.missing(entry(), tmp_path) == []
    (tmp_path / "data.gz").write_bytes(CONTENT[:-1])
    assert not fetch.is_there(entry(), tmp_path)


def test_verify_names_each_problem(tmp_path):
    def problem(file=FILE):
        ((path, what),) = fetch.verify(entry(file=file), tmp_path)
        assert path == tmp_path / "data.gz"
        return what

    assert problem() == "missing"
    (tmp_path / "data.gz").write_bytes(CONTENT)
    assert problem() == problem(UNSIZED) == ""
    (tmp_path / "data.gz").write_bytes(b"<html>")
    assert problem() == "6 bytes, expected 300,000"
    assert problem(UNSIZED) == "the MD5 is wrong"
    (tmp_path / "data.gz").unlink()
    os.mkfifo(tmp_path / "data.gz")
    assert problem() == "not a file"


def test_a_folder_that_cannot_be_made(server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CannotWriteError, match="cannot write"):
        fetch.download(entry(server.url("good")), tmp_path / "file" / "set")


def test_a_folder_in_the_place_of_a_file(server, tmp_path):
    (tmp_path / "data.gz").mkdir()
    with pytest.raises(CannotWriteError, match="cannot write"):
        fetch.download(entry(server.url("good")), tmp_path)


def test_a_full_disk_is_found_before_anything_is_fetched(server, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 0, 10))
    with pytest.raises(CannotWriteError, match="needs 300,000 bytes, the disk has 10 free"):
        fetch.download(entry(server.url("good")), tmp_path / "set")
    assert server.requests == []
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize(
    "url", ["", "data", "ftp://example.org/", "http://", "http://host:port/", "file:///etc/", "http://a b/"]
)
def test_what_is_no_mirror(url):
    with pytest.raises(UsageError, match="is no mirror"):
        fetch.check_mirror(url)


@pytest.mark.parametrize("below", [".", "set"])
def test_files_fetched_by_hand_are_imported(tmp_path, below):
    source = tmp_path / "source" / below
    source.mkdir(parents=True)
    (source / "data.gz").write_bytes(CONTENT)
    placed = fetch.import_from(entry(), tmp_path / "source", tmp_path / "data")
    assert placed == [tmp_path / "data" / "data.gz"]
    assert placed[0].read_bytes() == CONTENT
    assert fetch.import_from(entry(), tmp_path / "nowhere", tmp_path / "data") == []
    assert names(tmp_path / "data") == ["data.gz"]


@pytest.mark.parametrize(
    ("name", "content", "error", "words"),
    [
        ("other", b"", UsageError, "data.gz: no such file"),
        ("data", CONTENT, UsageError, "unpacked"),
        ("data.gz", b"<html>", DamagedFileError, "6 bytes, expected 300,000"),
        ("data.gz", CONTENT + b"x", DamagedFileError, "more than the 300,000 bytes expected"),
        ("data.gz", bytes(len(CONTENT)), DamagedFileError, "the SHA-256 is wrong"),
    ],
)
def test_what_is_not_imported(tmp_path, name, content, error, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=words):
        fetch.import_from(entry(), tmp_path, tmp_path / "set")
    assert names(tmp_path / "set") == []


def test_what_may_not_be_read_is_not_imported(tmp_path, monkeypatch):
    opened = part.Path.open

    def refuse(path, mode):
        if path.parent == tmp_path:
            raise PermissionError(13, "Permission denied")
        return opened(path, mode)

    (tmp_path / "data.gz").write_bytes(CONTENT)
    monkeypatch.setattr(part.Path, "open", refuse)
    with pytest.raises(UsageError, match=r"data\.gz: cannot be read \(Permission denied\)"):
        fetch.import_from(entry(), tmp_path, tmp_path / "set")
    assert names(tmp_path / "set") == []


def test_a_mirror_that_keeps_us_waiting_does_so_once(server, tmp_path, monkeypatch):
    """Not for its folder named like the set, and for other files last."""
    monkeypatch.setattr(transfer, "LIMITS", Limits(patience=0.3, pause=0.0))
    one, two = (replace(FILE, name=name) for name in ("one.gz", "two.gz"))
    several = replace(entry(server.url("stall"), server.url("good")), files=(one, two))
    fetch.download(several, tmp_path, [server.url("stall-in-headers")])
    waited = [request.path for request in server.requests if "stall" in request.path]
    assert len(waited) == 2  # the one and the other, for the first file
