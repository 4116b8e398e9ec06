"""The figures of each epoch as a table."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from mlpcli.errors import DamagedFileError
from mlpcli.files import read_regular
from mlpcli.training.loop import EpochResult

_MOST = 2**28  # bytes


def history_csv(history: Sequence[EpochResult]) -> bytes:
    """A line for each epoch, columns as `EpochResult` names them, epochs from 1; what there is not is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [f.name for f in fields(EpochResult)], lineterminator="\n")
    writer.writeheader()
    for result in history:
        writer.writerow({**asdict(result), "epoch": result.epoch + 1})
    return text.getvalue().encode()


def check_history(path: str | Path, history: object, best: object) -> None:
    """DamagedFileError unless this is a history, as a checkpoint has it, and one of its epochs, or None."""
    names = [f.name for f in fields(EpochResult)]
    is_one = isinstance(history, list) and all(
        isinstance(epoch, dict) and all(epoch.get(name) is None or _is_number(epoch[name]) for name in names)
        for epoch in history
    )
    if not is_one or not (best is None or (type(best) is int and 0 <= best < len(history))):  # type: ignore[arg-type]
        raise DamagedFileError(f"{path}: its history makes no sense; use an intact copy")


def _is_number(value: object) -> bool:
    return type(value) in (int, float)


def read_history_csv(path: str | Path) -> list[dict[str, float | None]]:
    """A table that `history_csv` wrote, a dictionary for each epoch as in a checkpoint, epochs from 0.

    UsageError where there is no such file, DamagedFileError for any other file.
    """
    advice = "name a weights file, or a table that mlp train --history has written"
    content = read_regular(path, _MOST, advice)
    names = [f.name for f in fields(EpochResult)]
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8"), newline="")))
    except (UnicodeDecodeError, csv.Error):
        raise DamagedFileError(f"{path}: neither weights nor a table; {advice}") from None
    if not rows or rows[0] != names:
        raise DamagedFileError(f"{path}: neither weights nor a table of {', '.join(names[:2])}, ...; {advice}")
    epochs: list[dict[str, float | None]] = []
    for number, row in enumerate(rows[1:], start=1):
        try:
            values = [float(text) if text else None for text in row]
        except ValueError:
            values = []
        if len(values) != len(names) or values[0] != number or any(v is not None and math.isnan(v) for v in values):
            raise DamagedFileError(f"{path}: line {number + 1} is not that of epoch {number}; get the file again")
        epochs.append({**dict(zip(names, values, strict=True)), "epoch": number - 1})
    return epochs
