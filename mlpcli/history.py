"""The figures of each epoch as a table."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, fields

from mlpcli.training.loop import EpochResult


def history_csv(history: Sequence[EpochResult]) -> bytes:
    """A line for each epoch, columns as `EpochResult` names them, epochs from 1; what there is not is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [f.name for f in fields(EpochResult)], lineterminator="\n")
    writer.writeheader()
    for result in history:
        writer.writerow({**asdict(result), "epoch": result.epoch + 1})
    return text.getvalue().encode()
