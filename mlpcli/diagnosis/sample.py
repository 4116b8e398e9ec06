"""Some of a run's examples, and a run like another one."""

from dataclasses import replace
from typing import Any

import numpy as np

from mlpcli.nn.activations import Array
from mlpcli.run import Run
from mlpcli.training.batches import BatchReader, Examples

MOST = 1000  # examples: a fraction among them is known to within 3 points, and a pass over them takes milliseconds
_NUMBERS = 2**24  # in all of them together, at most


def some_of(examples: Examples, most: int = MOST) -> Examples:
    """At most so many of the examples, evenly spaced; fewer where they are very wide."""
    most = max(1, min(most, _NUMBERS // examples.X.shape[1]))
    return plain(examples)._replace(rows=examples.rows[:: max(1, -(-len(examples.rows) // most))])


def plain(examples: Examples) -> Examples:
    """Without weights and a teacher's answers, which are for learning alone."""
    return examples._replace(weights=None, soft=None, teacher_outputs=0)


def read(examples: Examples, dtype: type[np.floating] | None = None) -> tuple[Array, Array]:
    """The examples as the network gets them: X (n, I) scaled, targets (n, O); of the network's dtype by default."""
    kind: np.dtype[np.floating] = np.dtype(examples.dtype if dtype is None else dtype)
    targets = examples.targets if examples.targets is None else examples.targets.astype(kind)
    reader = BatchReader(plain(examples)._replace(dtype=kind, targets=targets), [(0, len(examples.rows))])
    batches, _ = next(iter(reader.chunks()))
    return batches[0].X, batches[0].targets


def another(run: Run, **changes: Any) -> Run:
    """A run over the same data that has not begun, with the settings of `run` but for `changes`; never stops early."""
    return Run(run.data, replace(run.settings, **{"patience": None, "time_budget": None, **changes}))
