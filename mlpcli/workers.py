"""The same work on several tasks at once, in processes of their own, one for each core that there is.

Processes are spawned, which is the same on every system: nothing of this one's state is in them but what they are
sent. They end with this process, however it ends: none is left behind, and none answers Ctrl-C by itself.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import traceback
import types
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from mlpcli.errors import MlpError

Task = TypeVar("Task")
Result = TypeVar("Result")


def available_cores() -> int:
    """The cores that this process may use, at least 1: those it is bound to, and no more than its group's quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    group = Path("/sys/fs/cgroup")
    for quota_file, period_file in (
        ("cpu.max", "cpu.max"),  # cgroup 2: both in one line
        ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"),  # cgroup 1
    ):
        with contextlib.suppress(OSError, ValueError):  # "max" and -1: there is no quota
            quota = int((group / quota_file).read_text().split()[0])
            period = int((group / period_file).read_text().split()[-1])
            if quota > 0 and period > 0:
                cores = min(cores, quota // period)
    return max(cores, 1)


def in_parallel(
    work: Callable[[Task], Result], tasks: Sequence[Task], workers: int, name: Callable[[Task], str] = str
) -> Iterator[Result]:
    """work(task) of each task, in the order of the tasks, as soon as it is there.

    workers: processes at a time; with one, or one task, the work is done in this process. `work`, tasks and results
    are sent between processes: they arrive as copies, and no class or function of theirs may be of the main module.
    name: of a task, for messages.

    Raises the MlpError that `work` raises, as soon as it does, and RuntimeError for what is no MlpError nor
    MemoryError; MlpError where a process is killed. When the iterator is closed, or an exception passes through it,
    all processes are ended.
    """
    if min(workers, len(tasks)) <= 1:
        return map(work, tasks)
    return _in_processes(work, tasks, min(workers, len(tasks)), name)


class _Worker(NamedTuple):
    process: BaseProcess
    pipe: "Connection[Any, Any]"


def _in_processes(
    work: Callable[[Task], Result], tasks: Sequence[Task], workers: int, name: Callable[[Task], str]
) -> Iterator[Result]:
    waiting = iter(range(len(tasks)))
    at_work: dict[Connection[Any, Any], tuple[_Worker, int]] = {}
    done: dict[int, Result] = {}
    started: list[_Worker] = []
    to_yield = 0
    try:
        for at in [next(waiting) for _ in range(workers)]:
            worker = _start()
            started.append(worker)
            at_work[worker.pipe] = worker, at
            _send(worker, work)
            _send(worker, tasks[at])
        while at_work:
            ready = wait(list(at_work))
            for pipe in [pipe for pipe in at_work if pipe in ready]:
                worker, at = at_work.pop(pipe)
                done[at] = _receive(worker, name(tasks[at]))
                following = next(waiting, None)
                if following is not None:
                    at_work[worker.pipe] = worker, following
                    _send(worker, tasks[following])
            while to_yield in done:
                yield done.pop(to_yield)
                to_yield += 1
    finally:
        for process, pipe in started:
            process.kill()  # they hold SIGTERM back
            pipe.close()
        for process, _ in started:
            process.join()


def _start() -> _Worker:
    ours, theirs = multiprocessing.Pipe()
    # Daemons, so that Python itself ends what a second Ctrl-C has kept us from ending.
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    with _signals_held_back(), _main_left_out():
        process.start()
    theirs.close()
    return _Worker(process, ours)


@contextlib.contextmanager
def _signals_held_back() -> Iterator[None]:
    """Inside, SIGINT and SIGTERM wait; a process started here holds them back for good.

    A terminal sends Ctrl-C to all processes of a command: the first one answers it, and ends the others.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _main_left_out() -> Iterator[None]:
    """Inside, a process that is started does not import the caller's main module.

    All that it runs is in modules of their own; a script would begin once more in each process, which it may not even
    be able to (typed in, or read from standard input), unless all of it stood below ``if __name__ == "__main__"``.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _send(worker: _Worker, content: Any) -> None:
    with contextlib.suppress(OSError):  # it is gone: `_receive` will tell
        worker.pipe.send(content)


def _receive(worker: _Worker, name: str) -> Any:
    try:
        is_result, answer = worker.pipe.recv()
    except (EOFError, OSError):
        worker.process.join()
        raise MlpError(f"{name}: {_why_ended(worker.process.exitcode or 0)}") from None
    if is_result:
        return answer
    kind, message, attributes, trace = answer
    error: Exception = kind.__new__(kind, message)  # its own __init__ may take something else
    vars(error).update(attributes)
    error.add_note(trace)
    raise error


def _why_ended(exit_code: int) -> str:
    if exit_code < 0:
        with contextlib.suppress(ValueError):
            number = signal.Signals(-exit_code)
            return f"its process was killed by {number.name}, as for want of memory; make room, or allow fewer cores"
    return f"its process ended by itself (exit code {exit_code}) before it had a result; try again"


# In the worker


def _serve(pipe: "Connection[Any, Any]") -> None:
    """Receive the work, then answer tasks until the other end is closed.

    Answers are (True, result), or (False, (exception class, message, attributes, trace)).
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # for Windows, where it could not be held back
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, OSError):
        work = pipe.recv()
        while True:
            task = pipe.recv()
            try:
                answer = True, work(task)
            except Exception as error:
                answer = False, (*_sendable(error), traceback.format_exc())
            pipe.send(answer)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _sendable(error: Exception) -> tuple[type[Exception], str, dict[str, Any]]:
    """An exception in parts: its class, message and attributes."""
    if isinstance(error, MlpError):
        return type(error), str(error), vars(error)
    if isinstance(error, MemoryError):
        return MemoryError, str(error), {}
    return RuntimeError, f"{type(error).__name__}: {error}", {}
