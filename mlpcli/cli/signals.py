"""Ctrl-C and SIGTERM: exceptions while nothing is at stake, a request to stop while a network trains."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

NAMES = {130: "interrupted", 143: "terminated"}


class Stopped(BaseException):
    """A signal asks the program to end with `code`. Like KeyboardInterrupt, no ordinary handler may swallow it."""

    def __init__(self, code: int) -> None:
        super().__init__(NAMES[code])
        self.code = code


_received = 0  # the code that the last signal asked for; an exception alone can get lost inside an import


@contextlib.contextmanager
def raised() -> Iterator[None]:
    """Inside, SIGINT and SIGTERM raise Stopped."""
    global _received
    _received = 0
    with _handled_by(_raise):
        yield


def _raise(number: int, frame: FrameType | None) -> None:
    global _received
    _received = 128 + number
    raise Stopped(_received)


@contextlib.contextmanager
def remembered() -> Iterator[Callable[[], int]]:
    """Inside, the first SIGINT or SIGTERM is remembered, not raised; a second one acts at once.

    Yields a function: the exit code that the signal asks for (130, 143), or 0 if there was none.
    """
    if _received:
        raise Stopped(_received)
    asked = 0

    def remember(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise Stopped(128 + number)
        asked = 128 + number

    with _handled_by(remember):
        yield lambda: asked


@contextlib.contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = {}
    with contextlib.suppress(ValueError):  # only a main thread may; elsewhere signals stay the host's
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
