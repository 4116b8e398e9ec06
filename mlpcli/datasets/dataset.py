"""A data set in memory, or on disk: examples, labels, and what they mean."""

import hashlib
import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mlpcli.datasets.encoding import Encoding
from mlpcli.datasets.split import Fold
from mlpcli.datasets.tasks import Task
from mlpcli.memory import memory_mapping, rows_of

_HASHED_WHOLE = 2**28  # bytes; of a larger array, the fingerprint sees evenly spaced rows
_HASHED_ROWS = 4096


@dataclass(frozen=True)
class Split:
    """Examples and their labels.

    X: (N, I) raw values, uint8 of images, else of any numeric dtype; may be memory-mapped. y: (N,) int64, positions
    in Dataset.classes; or (N, K) uint8, yes or no for each label; or (N, T) float64 quantities.
    rows: the positions that belong to this split, where a large mapped file is shared by several; else None, all.
    weights: (N,) float64, how much each example counts in training, finite and from 0 on; None where all count alike.
    origins: (N,) where each example stands, the line of its table, from 1, or the name of its picture's file; None
    where its position in X says it.
    """

    X: npt.NDArray[Any]
    y: npt.NDArray[Any]
    rows: npt.NDArray[np.integer] | None = None
    weights: npt.NDArray[np.float64] | None = None
    origins: npt.NDArray[np.int64] | npt.NDArray[np.str_] | None = None

    def __len__(self) -> int:
        return len(self.y) if self.rows is None else len(self.rows)

    @property
    def positions(self) -> npt.NDArray[np.integer]:
        """The positions of its examples in X and y."""
        return np.arange(len(self.y)) if self.rows is None else self.rows

    @property
    def labels(self) -> npt.NDArray[Any]:
        """y of its examples alone."""
        return self.y if self.rows is None else self.y[self.rows]

    @property
    def sample_weights(self) -> npt.NDArray[np.float64] | None:
        """weights of its examples alone, (len(self),)."""
        return self.weights if self.weights is None or self.rows is None else self.weights[self.rows]

    @property
    def places(self) -> npt.NDArray[Any] | None:
        """origins of its examples alone, (len(self),)."""
        return self.origins if self.origins is None or self.rows is None else self.origins[self.rows]

    def sample(self, most: int) -> npt.NDArray[Any]:
        """At most so many of its examples, evenly spaced, (n, I)."""
        return rows_of(self.X, self.positions[:: max(1, -(-len(self) // most))])


def take(split: Split, positions: npt.NDArray[np.integer]) -> Split:
    """Some of the examples of a split, by their number in it: copied, unless they are in a large mapped file."""
    if split.rows is not None:
        return replace(split, rows=split.rows[positions])
    if memory_mapping(split.X) is not None and split.X.nbytes > _COPIED:
        return replace(split, rows=positions)
    weights = None if split.weights is None else split.weights[positions]
    origins = None if split.origins is None else split.origins[positions]
    return Split(split.X[positions], split.y[positions], weights=weights, origins=origins)


_COPIED = 2**28  # bytes; more than that in a mapped file stays there


@dataclass(frozen=True)
class Dataset:
    """A data set: what it takes to train on it and to test.

    kind: "image", "bits", "table" or "array". shape: of one example, (height, width), (height, width, 3) or (inputs,).
    maximum: the largest raw value. classes: names of the classes, labels or quantities. validation: its own part, if it
    has one. scaling: what suits the raw values (see Settings). preprocess: how a picture from outside becomes an
    example. encoding: of the columns of a table. notes: what was decided while reading, a line each.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    maximum: float
    classes: tuple[str, ...]
    train: Split
    test: Split
    validation: Split | None = None
    task: Task = "classification"
    scaling: Literal["unit", "standard"] = "unit"
    preprocess: Literal["strokes", "resize"] = "strokes"
    encoding: Encoding | None = None
    label_columns: tuple[str | int, ...] = ()
    notes: tuple[str, ...] = ()
    has_test: bool = True  # of its own; else one was parted off
    missing: tuple[tuple[str, int], ...] = ()  # values that a table lacks, by input column

    @property
    def inputs(self) -> int:
        """|1|: numbers per example."""
        return math.prod(self.shape)

    @property
    def parts(self) -> dict[str, Split]:
        """The parts there are, by name."""
        own = {} if self.validation is None else {"validation": self.validation}
        return {"train": self.train, **own, "test": self.test}

    def whole(self) -> Split:
        """The examples of all parts together; where they share a mapped file, those in it."""
        parts = list(self.parts.values())
        if self.train.rows is not None:
            return Split(self.train.X, self.train.y, weights=self.train.weights)
        weights = None
        if any(part.weights is not None for part in parts):
            weights = np.concatenate([np.ones(len(part)) if part.weights is None else part.weights for part in parts])
        X, y = np.concatenate([part.X for part in parts]), np.concatenate([part.y for part in parts])
        return Split(X, y, weights=weights, origins=self._all_origins())

    def _all_origins(self) -> npt.NDArray[Any] | None:
        found = [part.origins for part in self.parts.values() if part.origins is not None]
        if len(found) < len(self.parts):
            return None
        # Lines of several tables would not say of which.
        is_one_table = self.validation is None and not self.has_test
        return np.concatenate(found) if is_one_table or found[0].dtype.kind == "U" else None

    def fingerprint(self) -> str:
        """SHA-256 over the bytes of all examples and labels, in hexadecimal: tells one data set from another.

        Of arrays beyond 256 MiB, over evenly spaced rows. Where there are sample weights, a second one over those
        follows after a plus sign; see `same_examples`.
        """
        digest = hashlib.sha256()
        for split in self.parts.values():
            digest.update(f"{(len(split), *split.X.shape[1:])}".encode())
            is_small = split.rows is None and split.X.nbytes <= _HASHED_WHOLE
            if is_small:
                X, y = split.X, split.y
            else:
                some = split.positions[:: max(1, len(split) // _HASHED_ROWS)]
                X, y = rows_of(split.X, some), split.y[some]
            digest.update(np.ascontiguousarray(X).data)
            digest.update(np.ascontiguousarray(y).data)
        return digest.hexdigest() + self._weights_fingerprint()

    def _weights_fingerprint(self) -> str:
        weights = {part: split.sample_weights for part, split in self.parts.items()}
        given = {part: of_part for part, of_part in weights.items() if of_part is not None}
        if not given:
            return ""
        digest = hashlib.sha256()
        for part, of_part in given.items():
            digest.update(part.encode())
            digest.update(np.ascontiguousarray(of_part).data)
        return f"+{digest.hexdigest()}"


def hold_out(data: Dataset, fold: Fold, seed: int | None = None) -> Dataset:
    """The data set with one fold in place of its test part, and the rest to train on.

    The folds are of all examples but those of a validation part; or of the training part alone, where the test part
    is the data's own: that is left alone. What the data set says of its values (maximum, encoding) stays as it was
    read; `load_data(..., fold=fold)` learns it anew. UsageError as `stratified_folds`.
    """
    whole = data.train if data.has_test else replace(data, validation=None).whole()
    labels = whole.labels if data.task == "classification" else len(whole)
    kept, held_out, remark = fold.cut(labels, seed)
    return replace(
        data, train=take(whole, kept), test=take(whole, held_out), notes=(*data.notes, remark), has_test=False
    )


def same_examples(fingerprint: str, other: str) -> bool:
    """Whether two fingerprints are those of the same examples and labels, whatever these weigh."""
    return fingerprint.partition("+")[0] == other.partition("+")[0]
