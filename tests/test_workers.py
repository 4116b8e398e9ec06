import copy
import operator
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from mlpcli import workers
from mlpcli.config import parse_structure
from mlpcli.datasets.encoding import UnfitColumnsError
from mlpcli.errors import DivergedError, MlpError, UsageError
from mlpcli.nn.network import Parameters
from mlpcli.workers import available_cores, in_parallel


@pytest.mark.parametrize("processes", [1, 2, 9])
def test_results_come_in_the_order_of_the_tasks(processes):
    assert list(in_parallel(operator.neg, range(4), processes)) == [0, -1, -2, -3]


def test_one_process_is_this_one():
    assert list(in_parallel(os.getpgid, [0, 0], 1)) == [os.getpgid(0)] * 2
    assert workers.multiprocessing.active_children() == []


def test_an_error_arrives_as_what_it_is():
    with pytest.raises(UsageError, match="'4,x' is no list"):
        list(in_parallel(parse_structure, ["4,x", "4,3"], 2))


def test_a_defect_arrives_with_its_trace():
    with pytest.raises(RuntimeError, match="ValueError: invalid literal") as caught:
        list(in_parallel(int, ["1", "one"], 2))
    assert "Traceback" in caught.value.__notes__[0]


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_a_process_that_is_killed_is_told_of():
    with pytest.raises(MlpError, match=r"^task 9: its process was killed by SIGKILL"):
        list(in_parallel(signal.raise_signal, [signal.SIGKILL] * 2, 2, lambda number: f"task {int(number)}"))


def test_a_process_that_goes_away_is_told_of():
    with pytest.raises(MlpError, match=r"^3: its process ended by itself \(exit code 3\)"):
        list(in_parallel(os._exit, [3, 3], 2))
    assert workers.multiprocessing.active_children() == []


def test_processes_end_with_the_iterator():
    results = in_parallel(time.sleep, [0, 600], 2)
    next(results)
    assert len(workers.multiprocessing.active_children()) == 2
    results.close()
    assert workers.multiprocessing.active_children() == []


ABANDONED = """
import os, time
from mlpcli.workers import in_parallel
for _ in in_parallel(time.sleep, [0, 600, 600], 2):
    os._exit(7)  # as abruptly as a kill
"""


@pytest.mark.skipif(os.name == "nt", reason="needs process groups")
def test_processes_end_with_their_parent():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.Popen([sys.executable, "-c", ABANDONED], env=environment, start_new_session=True)
    assert child.wait(timeout=20) == 7
    assert_group_ends(child.pid)


def assert_group_ends(group):
    for _ in range(200):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    os.killpg(group, signal.SIGKILL)
    raise AssertionError("a process is left")


PLAIN = """
from mlpcli.workers import in_parallel
import operator
print(list(in_parallel(operator.neg, [1, 2], 2)))
"""


@pytest.mark.parametrize("from_file", [True, False])
def test_a_script_without_a_guard_begins_once(tmp_path, from_file):
    (tmp_path / "script.py").write_text(PLAIN)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, *(["script.py"] if from_file else ["-"])]
    given = None if from_file else PLAIN
    done = subprocess.run(
        command, input=given, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("[-1, -2]\n", "")


def test_cores_are_those_of_this_process_and_its_quota(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(6)), raising=False)
    files, found = {}, []
    monkeypatch.setattr(workers.Path, "read_text", lambda path: _read(files, path))
    for limit in ("max 100000\n", "250000 100000\n", "50000 100000\n", "900000 100000\n"):
        files["/sys/fs/cgroup/cpu.max"] = limit
        found.append(available_cores())
    assert found == [6, 2, 1, 6]
    files.clear()
    files["/sys/fs/cgroup/cpu/cpu.cfs_quota_us"], files["/sys/fs/cgroup/cpu/cpu.cfs_period_us"] = "-1\n", "100000\n"
    assert available_cores() == 6
    files["/sys/fs/cgroup/cpu/cpu.cfs_quota_us"] = "300000\n"
    assert available_cores() == 3


def _read(files, path):
    if str(path) not in files:
        raise FileNotFoundError(path)
    return files[str(path)]


@pytest.mark.parametrize("error", [UnfitColumnsError([("date", "too many texts")]), DivergedError("gone", "try less")])
def test_an_error_whose_class_takes_no_message_arrives_whole(error):
    ours, theirs = workers.multiprocessing.Pipe()
    theirs.send((False, (*workers._sendable(error), "the trace")))
    with ours, theirs, pytest.raises(type(error)) as caught:
        workers._receive(workers._Worker(None, ours), "task")
    assert str(caught.value) == str(error)
    assert vars(caught.value) == {**vars(error), "__notes__": ["the trace"]}


def test_a_copy_of_parameters_is_of_views_of_one_vector():
    structure = (3, 2, 4)
    copied = copy.deepcopy(Parameters(np.arange(20.0), structure))
    copied.flat[...] = 7
    assert [W.tolist() for W in copied.W] == [[[7] * 3] * 2, [[7] * 2] * 4]
    assert all(np.shares_memory(array, copied.flat) for array in (*copied.W, *copied.b, *copied.W_transposed))
