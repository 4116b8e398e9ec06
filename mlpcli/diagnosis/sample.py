"""Some of a run's examples, and a run like another one."""

from dataclasses import fields, replace
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
    return examples._replace(rows=examples.rows[:: max(1, -(-len(examples.rows) // most))])


def read(examples: Examples, dtype: type[np.floating] | None = None) -> tuple[Array, Array]:
    """The examples as the network gets them: X (n, I) scaled, targets (n, O); of the network's dtype by default."""
    kind: np.dtype[np.floating] = np.dtype(examples.dtype if dtype is None else dtype)
    targets = examples.targets if examples.targets is None else examples.targets.astype(kind)
    reader = BatchReader(examples._replace(dtype=kind, targets=targets), [(0, len(examples.rows))])
    batch = next(iter(reader.chunks()))[0]
    return batch[0], batch[1]


def another(run: Run, **changes: Any) -> Run:
    """A run over the same data that has not begun, its settings those of `run` but for `changes`.

    A change to a setting that there is no such field for is left out.
    """
    settings = run.settings
    known = {f.name for f in fields(settings)}
    # An own validation part and a fraction exclude each other, also when the fraction was resolved to 0.
    own = {"validation": None} if run.data.validation is not None else {}
    return Run(run.data, replace(settings, **{name: changes[name] for name in changes if name in known} | own))
