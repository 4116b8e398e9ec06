"""What was cut short or left behind is gone on from, and several at once do not harm each other."""

import os
import shutil
import subprocess
import sys
import textwrap

import pytest

from mlpcli.datasets import fetch, part
from mlpcli.errors import CannotWriteError, DownloadError
from tests.conftest import ROOT
from tests.datasets.hostile import CONTENT, FILE, UNSIZED, entry, names, parts


@pytest.mark.parametrize("file", [FILE, UNSIZED], ids=["sized", "unsized"])
@pytest.mark.parametrize("after", ["good", "no-etag"])
def test_after_a_cut_little_is_fetched_again(server, tmp_path, file, after):
    fetch.download(entry(server.url("cut", "cut", after), file=file), tmp_path)
    assert server.sent <= 1.05 * len(CONTENT)
    assert [request.start is None for request in server.requests] == [True, False, False]
    assert server.requests[1].headers["if-range"] == '"one"'


def test_a_weak_etag_is_no_condition(server, tmp_path):
    server.etag = 'W/"one"'
    fetch.download(entry(server.url("cut", "good")), tmp_path)
    assert server.requests[1].start
    assert "if-range" not in server.requests[1].headers


def test_another_mirror_goes_on_without_the_first_ones_etag(server, tmp_path):
    fetch.download(entry(server.url("cut"), server.url("good")), tmp_path)
    assert server.sent <= 1.05 * len(CONTENT)
    last = server.requests[-1]
    assert last.start
    assert "if-range" not in last.headers


@pytest.mark.parametrize("after", ["good", "no-range"])
def test_a_file_that_changed_between_is_fetched_whole(server, tmp_path, after):
    server.content, server.etag = bytes(len(CONTENT)), '"zero"'

    def change(_, done):
        if done == len(CONTENT) // 3:
            server.content, server.etag = CONTENT, '"one"'

    fetch.download(entry(server.url("cut", after)), tmp_path, on_progress=change)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT
    assert server.sent == len(CONTENT) // 3 + len(CONTENT)


@pytest.mark.parametrize(
    "wrong",
    [
        "206-changed",  # another ETag, from a server that takes no notice of If-Range
        "206-wrong-start",
        "206-wrong-total",
        "206-wrong-end",
        "206-from-the-start",
        "206-no-range",
        "206-garbage-range",
        "416",
    ],
)
def test_a_206_of_anything_else_means_from_the_start(server, tmp_path, wrong):
    seen = []
    fetch.download(entry(server.url("cut", wrong, "good")), tmp_path, on_progress=lambda _, done: seen.append(done))
    assert (tmp_path / "data.gz").read_bytes() == CONTENT
    assert [request.start for request in server.requests] == [None, len(CONTENT) // 3, None]
    third = seen.index(len(CONTENT) // 3)
    assert seen[third + 1] <= seen[third]  # nothing of the wrong answer was taken


def test_bytes_of_another_file_cost_one_more_fetch(server, tmp_path):
    (tmp_path / ".data.gz.1-0.part").write_bytes(bytes(100_000))
    fetch.download(entry(server.url("good")), tmp_path)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT
    assert [request.start for request in server.requests] == [100_000, None]


@pytest.mark.parametrize("left", [b"", CONTENT[:100_000], CONTENT, CONTENT + b"x", CONTENT[:-1] + b"?"])
def test_what_an_earlier_run_left_is_used_or_dropped(server, tmp_path, left):
    (tmp_path / ".data.gz.1-0.part").write_bytes(left)
    fetch.download(entry(server.url("good")), tmp_path)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT
    assert names(tmp_path) == ["data.gz"]
    if CONTENT.startswith(left):
        assert server.sent == len(CONTENT) - len(left)


def test_of_several_the_longest_is_used_and_all_are_tidied_away(server, tmp_path):
    for number, size in enumerate((1000, 200_000, 5000)):
        (tmp_path / f".data.gz.1-{number}.part").write_bytes(CONTENT[:size])
    fetch.download(entry(server.url("good")), tmp_path)
    assert server.requests[0].start == 200_000
    assert names(tmp_path) == ["data.gz"]


def test_runs_that_fail_leave_one_part_not_many(server, tmp_path):
    sizes = []
    for _ in range(3):
        with pytest.raises(DownloadError, match="are kept, to go on from"):
            fetch.download(entry(server.url("cut")), tmp_path)
        (left,) = parts(tmp_path)
        sizes.append((tmp_path / left).stat().st_size)
    assert sizes == sorted(set(sizes))  # and it grows


def test_a_whole_part_of_unknown_size_is_not_asked_for(server, tmp_path):
    (tmp_path / ".data.gz.1-0.part").write_bytes(CONTENT)
    fetch.download(entry(server.url("good"), file=UNSIZED), tmp_path)
    assert server.requests == []


def test_odd_things_named_like_parts_do_no_harm(server, tmp_path):
    (tmp_path / ".data.gz.1-0.part").mkdir()
    os.mkfifo(tmp_path / ".data.gz.1-1.part")
    (tmp_path / ".data.gz.1-2.part").symlink_to(tmp_path / "nowhere")
    (tmp_path / ".data.gz.1-3.part").symlink_to("/dev/zero")
    fetch.download(entry(server.url("good")), tmp_path)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT


CHILD = """
    import sys
    from mlpcli.datasets import fetch
    from mlpcli.datasets.catalog import Entry, RemoteFile
    name, size, digest, folder, *mirrors = sys.argv[1:]
    entry = Entry("set", "", "download", "image", (1, 1), 255, ("0",), (1, 1), "",
                  (RemoteFile(name, int(size), digest),), tuple(mirrors))
"""


def child(code, tmp_path, *mirrors):
    arguments = [FILE.name, str(FILE.size), FILE.sha256, str(tmp_path), *mirrors]
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CHILD) + textwrap.dedent(code), *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_killed_download_is_gone_on_from(server, tmp_path):
    code = """
        from pathlib import Path
        fetch.download(entry, Path(folder), on_progress=lambda _, done: print(done, flush=True))
    """
    with child(code, tmp_path, server.url("stall-in-body")) as process:
        while int(process.stdout.readline()) < len(CONTENT) // 2:
            pass
        # Its owner lives: nothing of it is taken.
        shutil.copytree(tmp_path, tmp_path / "other")
        process.kill()
    assert len(parts(tmp_path)) == 1
    shutil.rmtree(tmp_path / "other")
    before = server.sent
    fetch.download(entry(server.url("good")), tmp_path)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT
    assert names(tmp_path) == ["data.gz"]
    assert server.sent - before <= 0.55 * len(CONTENT)


def test_a_part_whose_owner_lives_is_left_alone(server, tmp_path):
    pytest.importorskip("fcntl")
    with part.new_part(FILE, tmp_path) as other:
        other.append(CONTENT[:1000])
        fetch.download(entry(server.url("good")), tmp_path)
        assert server.requests[0].start is None
        assert other.path.exists()
        other.append(CONTENT[1000:])
        assert other.problem() == ""
        other.publish(tmp_path / "data.gz")
    assert names(tmp_path) == ["data.gz"]


def test_without_locks_all_goes_well_but_nothing_is_gone_on_from(server, tmp_path, monkeypatch):
    monkeypatch.setattr(part, "fcntl", None)
    (tmp_path / ".data.gz.1-0.part").write_bytes(CONTENT[:1000])
    fetch.download(entry(server.url("good")), tmp_path)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT
    assert server.requests[0].start is None


def test_a_part_that_another_process_tidied_away(server, tmp_path):
    """The other one has put the whole file there before."""

    def tidy(_, done):
        if done == len(CONTENT):
            (tmp_path / parts(tmp_path)[0]).unlink()
            (tmp_path / "data.gz").write_bytes(CONTENT)

    fetch.download(entry(server.url("good")), tmp_path, on_progress=tidy)
    assert names(tmp_path) == ["data.gz"]


def test_a_part_that_someone_removed(server, tmp_path):
    with pytest.raises(CannotWriteError, match="cannot write"):
        fetch.download(
            entry(server.url("good")),
            tmp_path,
            on_progress=lambda *_: [path.unlink() for path in tmp_path.glob(".*.part")],
        )
    assert names(tmp_path) == []


def test_eight_at_once(server, tmp_path):
    code = """
        import multiprocessing, shutil
        from pathlib import Path
        import requests  # once, not in each of them

        folder = Path(folder)
        wrong = 0
        for _ in range(4):
            processes = [multiprocessing.get_context("fork").Process(target=fetch.download, args=(entry, folder))
                         for _ in range(8)]
            for process in processes:
                process.start()
            for process in processes:
                process.join()
            wrong += sum(process.exitcode != 0 for process in processes)
            wrong += [path.name for path in folder.iterdir()] != [name]
            wrong += not fetch.is_there(entry, folder)
            shutil.rmtree(folder)
        print(wrong)
    """
    with child(code, tmp_path / "set", server.url("cut", "reset", "good"), server.url("good")) as process:
        assert process.communicate(timeout=120)[0] == "0\n"


@pytest.mark.parametrize("what", ["fsync", "write"])
def test_a_fault_of_the_disk_leaves_nothing(server, tmp_path, monkeypatch, what):
    def fail(*_):
        raise OSError(28, "No space left on device")

    if what == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    else:
        monkeypatch.setattr(part.Part, "append", fail)
    with pytest.raises(CannotWriteError, match="No space left"):
        fetch.download(entry(server.url("good")), tmp_path)
    assert names(tmp_path) == []


def test_the_order_is_fsync_rename_fsync_of_the_folder(server, tmp_path, monkeypatch):
    calls = []
    for module, name in ((os, "fsync"), (part.Path, "replace"), (part, "sync_folder")):
        original = getattr(module, name)

        def recorded(*args, name=name, original=original):
            calls.append(name)
            return original(*args)

        monkeypatch.setattr(module, name, recorded)
    fetch.download(entry(server.url("good")), tmp_path)
    assert calls == ["fsync", "replace", "sync_folder", "fsync"]


def test_a_part_that_vanishes_while_it_is_looked_at(server, tmp_path, monkeypatch):
    monkeypatch.setattr(part, "_others", lambda _: [(1000, tmp_path / "gone")])
    fetch.download(entry(server.url("good")), tmp_path)
    assert names(tmp_path) == ["data.gz"]
