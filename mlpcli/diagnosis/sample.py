"""Some of a run's examples, and a run like another one."""

from dataclasses import fields, replace
from typing import Any

import numpy as np

from mlpcli.config.checks import AUGMENTATION
from mlpcli.nn.activations import Array
from mlpcli.run import Run
from mlpcli.training.batches import BatchReader, Examples

MOST = 1000  # examples: a fraction among them is known to within 3 points, and a pass over them takes milliseconds


def some_of(examples: Examples, most: int = MOST) -> Examples:
    """At most so many of the examples, evenly spaced."""
    return examples._replace(rows=examples.rows[:: max(1, -(-len(examples.rows) // most))])


def read(examples: Examples, dtype: type[np.floating] | None = None) -> tuple[Array, Array]:
    """The examples as the network gets them: X (n, I) scaled, targets (n, O); of the network's dtype by default."""
    kind: np.dtype[np.floating] = np.dtype(examples.dtype if dtype is None else dtype)
    targets = examples.targets if examples.targets is None else examples.targets.astype(kind)
    plain = examples._replace(dtype=kind, targets=targets, weights=None, soft=None, teacher_outputs=0)
    batches, _ = next(iter(BatchReader(plain, [(0, len(examples.rows))]).chunks()))
    return batches[0].X, batches[0].targets


def another(run: Run, **changes: Any) -> Run:
    """A run over the same data that has not begun, its settings those of `run` but for `changes`."""
    return Run(run.data, replace(run.settings, **changes))


# What changes examples, or holds a network back from learning them by heart, is off by default.
_HOLDS_BACK = (
    "label_smoothing",
    "class_weights",
    "l1",
    "l2",
    "max_norm",
    "dropout",
    "input_dropout",
    "average",
    *AUGMENTATION,
    "elastic_sigma",
    "teacher",
    "temperature",
    "teacher_share",
    "warmup",
    "schedule",
    "decay",
    "decay_every",
    "power",
    "monitor",
    "patience",
    "time_budget",
    "shuffle",
    "article",
)


def unhindered(run: Run, **changes: Any) -> Run:
    """A run like `another`, with nothing in it that keeps a network from learning its examples by heart."""
    off = {f.name: f.default for f in fields(run.settings) if f.name in _HOLDS_BACK}
    settings = run.settings
    if settings.optimizer == "adamw":
        off["weight_decay"] = 0.0
    if settings.optimizer != "lbfgs":
        off["schedule"] = "constant"
    # An own validation part and a fraction exclude each other.
    off["validation"] = None if run.data.validation is not None else 0.0
    return another(run, **{**off, **changes})
