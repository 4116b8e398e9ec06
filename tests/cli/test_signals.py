import os
import signal
import subprocess
import sys

import pytest

from mlpcli.cli import signals

BOTH = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


@pytest.mark.parametrize(("number", "code"), BOTH)
def test_a_signal_is_an_exception(number, code):
    before = signal.getsignal(number)
    with pytest.raises(signals.Stopped) as caught, signals.raised():
        os.kill(os.getpid(), number)
    assert caught.value.code == code
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(("number", "code"), BOTH)
def test_the_first_is_remembered_and_the_second_acts(number, code):
    with signals.raised():
        with signals.remembered() as asked:
            assert asked() == 0
            os.kill(os.getpid(), number)
            assert asked() == code
        with signals.remembered():
            os.kill(os.getpid(), number)
            with pytest.raises(signals.Stopped):
                os.kill(os.getpid(), number)


def test_one_that_somebody_swallowed_is_not_lost():
    with signals.raised():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except BaseException as swallowed:
            assert type(swallowed) is signals.Stopped  # noqa: PT017
        with pytest.raises(signals.Stopped), signals.remembered():
            raise AssertionError("the work must not begin")


EARLY = """
import os, sys, types
fake = types.ModuleType("mlpcli.cli")
sys.modules["mlpcli.cli"] = fake
fake.run = lambda: os.kill(os.getpid(), {number})
from mlpcli.__main__ import main
main()
"""


@pytest.mark.parametrize(("number", "code"), BOTH)
def test_one_during_the_imports_is_one_line_too(number, code):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", EARLY.format(number=int(number))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert done.stderr.startswith("mlp: error: ")
    assert done.stderr.count("\n") == 1
