"""Every fault of a server, one at a time: the next mirror serves, or there is no file."""

import hashlib
import random
import socket
import threading
import time

import pytest

from mlpcli.datasets import fetch, transfer
from mlpcli.datasets.catalog import RemoteFile
from mlpcli.datasets.transfer import Limits
from mlpcli.errors import DownloadError
from tests.datasets.hostile import CONTENT, FAULTS, FILE, GOOD, SLOW, UNSIZED, Hostile, entry, names, parts


def test_there_are_kinds_enough():
    assert len(FAULTS | SLOW) >= 19
    assert not FAULTS & GOOD


@pytest.mark.parametrize("file", [FILE, UNSIZED], ids=["sized", "unsized"])
@pytest.mark.parametrize("behaviour", sorted(GOOD))
def test_a_good_file_gets_its_name(server, tmp_path, behaviour, file):
    seen = []
    target = tmp_path / "a" / "set"
    paths = fetch.download(
        entry(server.url(behaviour), file=file), target, on_progress=lambda _, done: seen.append(done)
    )
    assert paths == [target / "data.gz"]
    assert paths[0].read_bytes() == CONTENT
    assert seen == sorted(seen)
    assert seen[-1] == len(CONTENT)
    assert names(target) == ["data.gz"]
    assert server.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("file", [FILE, UNSIZED], ids=["sized", "unsized"])
@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_any_fault_means_the_next_mirror(server, tmp_path, fault, file):
    told = []
    mirrors = (server.url(fault), server.url("good"))
    fetch.download(entry(*mirrors, file=file), tmp_path, on_failure=told.append)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT
    assert names(tmp_path) == ["data.gz"]
    (line,) = told
    assert line.startswith(f"data.gz: {mirrors[0]}: ")
    assert line.isprintable()
    assert len(line) < 300


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_when_no_mirror_delivers_there_is_no_file(server, tmp_path, fault):
    target = tmp_path / "a" / "set"
    with pytest.raises(DownloadError) as caught:
        fetch.download(entry(server.url(fault)), target)
    message = str(caught.value)
    assert server.url(fault) in message
    assert "--mirror" in message
    assert "--from" in message
    assert message.isprintable()
    # Only bytes that can be gone on from are kept.
    assert names(target) == parts(target)
    assert ("are kept" in message) == bool(parts(target)) == target.exists()


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_second_run_recovers_whatever_the_first_left(server, tmp_path, fault):
    with pytest.raises(DownloadError):
        fetch.download(entry(server.url(fault)), tmp_path)
    fetch.download(entry(server.url("good")), tmp_path)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT
    assert names(tmp_path) == ["data.gz"]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("html-200", "a web page instead of the file"),
        ("403", "HTTP 403"),
        ("redirect-to-html", "a web page instead of the file"),
        ("redirect-loop", "more than 5 redirects"),
        ("redirect-to-file", "redirects to file:///etc/hostname"),
        ("206-not-asked", "HTTP 206"),
        ("gzip-encoding", "Content-Encoding gzip"),
        ("short", "299,999 bytes announced, expected 300,000"),
        ("long-announced", "300,001 bytes announced, expected 300,000"),
        ("length-negative", "a length that is no number (-5)"),
        ("length-words", "a length that is no number (many)"),
    ],
)
def test_what_can_be_known_from_the_headers_costs_no_body(server, tmp_path, fault, words):
    taken = []
    with pytest.raises(DownloadError) as caught:
        fetch.download(entry(server.url(fault)), tmp_path, on_progress=lambda *_: taken.append(1))
    assert f": {words})" in str(caught.value)
    assert taken == []


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("wrong-hash", "the SHA-256 is wrong"),
        ("html-as-data", "the SHA-256 is wrong"),
        ("long", "more than the 300,000 bytes expected"),
        ("endless", "more than the 300,000 bytes expected"),
        ("cut-again", "cut short after 5,000 of 300,000 bytes"),
    ],
)
def test_the_reason_is_given(server, tmp_path, fault, words):
    with pytest.raises(DownloadError) as caught:
        fetch.download(entry(server.url(fault)), tmp_path)
    assert f": {words})" in str(caught.value)


@pytest.mark.parametrize("fault", sorted(SLOW))
def test_who_takes_too_long_is_given_up(server, tmp_path, fault, monkeypatch):
    monkeypatch.setattr(transfer, "LIMITS", Limits(patience=0.7, pause=0.0))

    def failed(line):
        told.append(line)
        monkeypatch.setattr(transfer, "LIMITS", Limits())  # what is good may take its time

    told = []
    began = time.monotonic()
    fetch.download(entry(server.url(fault), server.url("good")), tmp_path, on_failure=failed)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT
    assert len(told) == 1
    assert "0.7 s" in told[0]
    assert time.monotonic() - began < 30  # a drip would take hours


@pytest.mark.parametrize("mirror", ["http://127.0.0.1:9/", "http://no-such-host.invalid/", f"http://{'a' * 70}.b/"])
def test_a_mirror_that_cannot_be_reached(server, tmp_path, mirror):
    fetch.download(entry(mirror, server.url("good")), tmp_path)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT


@pytest.mark.parametrize("first", ["503", "500", "429", "cut", "reset", "cut-no-length", "cut-chunked"])
def test_a_passing_fault_is_tried_again_at_the_same_mirror(server, tmp_path, first):
    told = []
    fetch.download(entry(server.url(first, "good")), tmp_path, on_failure=told.append)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT
    assert told == []
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("fault", "asked"), [("503", 3), ("403", 1), ("wrong-hash", 1), ("cut-again", 3), ("nothing", 1), ("garbage", 1)]
)
def test_tries_are_bounded(server, tmp_path, fault, asked):
    with pytest.raises(DownloadError):
        fetch.download(entry(server.url(fault)), tmp_path)
    assert len(server.requests) == asked


def test_a_large_file_may_be_cut_more_often(tmp_path):
    content = bytes(random.Random(2).randbytes(1 << 20)) * 12
    file = RemoteFile("data.gz", len(content), hashlib.sha256(content).hexdigest())
    with Hostile(content) as server:
        fetch.download(entry(server.url(*["cut"] * 5, "good"), file=file), tmp_path)
        assert (tmp_path / "data.gz").read_bytes() == content
        assert server.sent <= 1.05 * len(content)


def test_no_thread_stays(server, tmp_path):
    before = set(threading.enumerate())
    for fault in ("wrong-hash", "endless", "long", "403", "cut"):
        with pytest.raises(DownloadError):
            fetch.download(entry(server.url(fault)), tmp_path / fault)
    deadline = time.monotonic() + 20
    while any(thread.name == transfer.THREAD for thread in set(threading.enumerate()) - before):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_listening_port_that_never_accepts(server, tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, "LIMITS", Limits(connect=0.5, patience=0.7, pause=0.0))
    told = []

    def failed(line):
        told.append(line)
        monkeypatch.setattr(transfer, "LIMITS", Limits())

    with socket.create_server(("127.0.0.1", 0), backlog=1) as deaf:
        mirror = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        fetch.download(entry(mirror, server.url("good")), tmp_path, on_failure=failed)
    assert len(told) == 1
