"""A run's file: written while it goes on, so that a kill loses little, and at the end."""

import time
from pathlib import Path

from mlpcli.errors import CannotWriteError
from mlpcli.files import FileIsThereError, write_bytes
from mlpcli.history import history_csv
from mlpcli.model import Model
from mlpcli.run import Run

_AT_LEAST = 1.0  # seconds between saves, unless --save-every says otherwise
_LONG = 60.0  # the same within an epoch
_SHARE = 0.05  # of the time may go into saving


class Keeper:
    """Saves a run to `run.settings.output`, its epochs to `run.settings.history`.

    replaces: whether a file that is there already may be replaced. Where it may not, and somebody else has made one
    meanwhile, the network goes beside it, under another name: `path` tells where it is.
    """

    def __init__(self, run: Run, replaces: bool) -> None:
        self.run, self.replaces = run, replaces
        self.path = run.settings.output
        self.problem: CannotWriteError | None = None  # of the last save while training; it is tried again
        self._saved_at, self._took = time.monotonic(), 0.0

    @property
    def remark(self) -> str:
        """Where the network went, if not to where it was to go; else ""."""
        wanted = self.run.settings.output
        if self.path == wanted:
            return ""
        return f"{wanted}: was made by another process meanwhile and is as it was; saved as {self.path}"

    def after_epoch(self) -> None:
        """Save the unfinished run, if it is time to. A failure is kept in `problem`."""
        every = self.run.settings.save_every
        is_due = self._is_time(_AT_LEAST) if every is None else every > 0 and len(self.run.history) % every == 0
        if is_due and not self.run.finished:
            self._try()

    def within_epoch(self) -> None:
        """The same within an epoch that takes long, unless --save-every says when."""
        if self.run.settings.save_every is None and self.run.best is not None and self._is_time(_LONG):
            self._try()

    def _is_time(self, at_least: float) -> bool:
        return time.monotonic() - self._saved_at >= max(at_least, self._took / _SHARE)

    def _try(self) -> None:
        began = time.monotonic()
        try:
            self.unfinished()
            self.problem = None
        except CannotWriteError as error:
            self.problem = error
        self._saved_at = time.monotonic()
        self._took = self._saved_at - began

    def unfinished(self) -> None:
        """Save the run so that it can go on. CannotWriteError."""
        self._write(None)

    def finish(self, model: Model) -> None:
        """Save what the run came to. CannotWriteError."""
        self._write(model)

    def _write(self, model: Model | None) -> None:
        for number in range(1, 1000):
            wanted = Path(self.run.settings.output)
            place = Path(self.path) if number == 1 else wanted.with_stem(f"{wanted.stem}-{number}")
            try:
                self.run.save(place, self.replaces, model)
            except FileIsThereError:
                continue
            if number > 1:
                self.path = str(place)
            self.replaces = True  # from now on it is ours
            if self.run.settings.history is not None:
                write_bytes(self.run.settings.history, history_csv(self.run.history))
            return
        raise CannotWriteError(f"{self.path}: exists, and so do 998 names like it; give another --output")
