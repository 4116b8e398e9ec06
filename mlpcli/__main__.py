"""The program: `mlp`, or ``python -m mlpcli``."""

import os
import signal
import sys
from types import FrameType


def _leave(number: int, frame: FrameType | None) -> None:
    os.write(2, b"mlp: error: interrupted\n" if number == signal.SIGINT else b"mlp: error: terminated\n")
    os._exit(128 + number)


def main() -> None:
    """Run the command line and exit. A signal is answered from here on, also while the rest is imported."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    from mlpcli.cli import run

    sys.exit(run())


if __name__ == "__main__":
    main()
