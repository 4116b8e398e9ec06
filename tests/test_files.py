"""A write leaves the old file or the new one, whatever happens."""

import errno
import multiprocessing
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from mlpcli import files
from mlpcli.errors import CannotWriteError, DamagedFileError, UsageError

OLD, NEW = b"old " * 1000, b"new " * 2000


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "weights.npy"
    path.write_bytes(OLD)
    return path


def test_the_order_is_write_fsync_rename_fsync_of_the_folder(target, monkeypatch):
    calls = []

    def record(module, name):
        original = getattr(module, name)

        def recorded(*args, **kwargs):
            if name == "fsync":
                is_folder = pathlib.Path(f"/proc/self/fd/{args[0]}").resolve().is_dir()
                calls.append("fsync folder" if is_folder else "fsync file")
            else:
                calls.append(name)
            return original(*args, **kwargs)

        monkeypatch.setattr(module, name, recorded)

    if not pathlib.Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc")
    record(os, "write")
    record(os, "fsync")
    record(pathlib.Path, "replace")
    files.write_bytes(target, NEW)
    assert calls == ["write", "fsync file", "replace", "fsync folder"]
    assert target.read_bytes() == NEW


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
@pytest.mark.parametrize("where", ["open", "write", "ftruncate", "fsync", "replace"])
def test_an_error_anywhere_leaves_the_old_file_and_no_other(target, monkeypatch, where, number):
    def fail(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(pathlib.Path if where == "replace" else os, where, fail)
        with pytest.raises(CannotWriteError, match=os.strerror(number)) as caught:
            files.write_bytes(target, NEW)
    assert str(target) in str(caught.value)
    assert target.read_bytes() == OLD
    left = {path.name for path in target.parent.iterdir()} - {target.name}
    assert not left or (where == "ftruncate" and len(left) == 1)


def test_short_writes_are_continued(target, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:999]))
    files.write_bytes(target, NEW)
    assert target.read_bytes() == NEW


def test_a_symbolic_link_stays_one(target):
    link = target.with_name("link.npy")
    link.symlink_to(target)
    files.write_bytes(link, NEW)
    assert link.is_symlink()
    assert target.read_bytes() == NEW


def test_permissions_are_kept(target):
    target.chmod(0o640)
    files.write_bytes(target, NEW)
    assert target.stat().st_mode & 0o777 == 0o640


def test_a_name_of_255_bytes(tmp_path):
    path = tmp_path / ("n" * 251 + ".npy")
    files.write_bytes(path, NEW)
    assert path.read_bytes() == NEW


def test_a_stray_temporary_is_taken_over(target):
    with files._locked_temporary(target) as (_, temporary):
        temporary.write_bytes(b"half a fi")
    files.write_bytes(target, NEW)
    assert target.read_bytes() == NEW
    assert [path.name for path in target.parent.iterdir()] == [target.name]


KILLED = """
import sys
from mlpcli.files import write_bytes
path, n = sys.argv[1], 0
print("ready", flush=True)
while True:
    n = (n + 1) % 250
    write_bytes(path, bytes([n]) * 300_000)
"""


def test_kills_leave_a_whole_file(tmp_path):
    path = tmp_path / "weights.npy"
    for kill in range(12):
        child = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE)
        with child:
            child.stdout.readline()
            time.sleep(0.003 * kill + 0.01)
            child.send_signal(signal.SIGKILL)
        if path.exists():
            content = path.read_bytes()
            assert len(content) == 300_000
            assert len(set(content)) == 1
    assert path.exists()
    assert len(list(tmp_path.iterdir())) <= 2


def _write_many(path, letter):
    for _ in range(40):
        files.write_bytes(path, letter * 200_000)


def test_two_writers_never_mix(tmp_path):
    path = tmp_path / "weights.npy"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(path, letter)) for letter in (b"a", b"b", b"c")]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        if path.exists():
            content = path.read_bytes()
            assert len(content) == 200_000
            assert len(set(content)) == 1
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_target_is_checked_before_the_work(target, tmp_path):
    with pytest.raises(CannotWriteError, match="--force"):
        files.check_target(target, force=False)
    assert files.check_target(target, force=True) == target
    assert target.read_bytes() == OLD
    assert files.check_target(tmp_path / "fresh.npy", force=False) == tmp_path / "fresh.npy"
    assert sorted(path.name for path in tmp_path.iterdir()) == [target.name]


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("folder", "a folder"),
        ("fifo", "not a regular file"),
        ("no/such/folder/w.npy", "no folder"),
        ("weights.npy/w", "Not a directory"),
    ],
)
def test_a_target_that_can_never_be_written(target, tmp_path, name, what):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(CannotWriteError, match=what):
        files.check_target(tmp_path / name, force=True)


def test_a_loop_of_links(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(CannotWriteError):
        files.check_target(tmp_path / "loop", force=True)


def test_a_disk_too_small_is_told_with_the_bytes(target):
    with pytest.raises(CannotWriteError, match=r"needs 1,000,000,000,000,000,000 bytes"):
        files.check_target(target, force=True, size=10**18)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_folder(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(CannotWriteError, match="Permission denied"):
        files.check_target(tmp_path / "weights.npy", force=False)


def test_reading_has_a_limit_and_waits_for_nobody(target, tmp_path):
    assert files.read_regular(target, len(OLD), "") == OLD
    with pytest.raises(DamagedFileError, match="at most 10"):
        files.read_regular(target, 10, "advice")
    os.mkfifo(tmp_path / "fifo")
    for name in ("fifo", "missing", "/dev/zero", ""):
        with pytest.raises(UsageError):
            files.read_regular(tmp_path / name, 10, "advice")


LIMITED = """
import resource, sys
from mlpcli.errors import CannotWriteError
from mlpcli.files import check_target
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    check_target(sys.argv[1], force=False, size=100_000)
except CannotWriteError as error:
    print(error)
"""


def test_a_limit_on_file_sizes_is_found_before_the_work(tmp_path):
    if not hasattr(os, "posix_fallocate"):
        pytest.skip("needs posix_fallocate")
    command = [sys.executable, "-c", LIMITED, "weights.npy"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "weights.npy: cannot write (File too large); make room for 100,000 bytes\n"
    assert list(tmp_path.iterdir()) == []
