"""What a data set is, in figures: for a user to see that it was understood."""

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

from mlpcli.datasets.dataset import Dataset, Split
from mlpcli.datasets.encoding import NumberInput
from mlpcli.datasets.labels import FEW_CLASSES
from mlpcli.memory import rows_of

LOOKED_AT = 200_000  # examples of each part compared with each other, at most
_BLOCK = 4096  # examples looked at together


def describe(data: Dataset) -> dict[str, Any]:
    """Task, shapes, types, ranges, classes and their balance, columns, what is constant, missing, or there twice.

    All as JSON takes it. Ranges and constants are those of the training examples. Duplicates are counted among the
    first LOOKED_AT examples of each part.
    """
    low, high, mean = _ranges(data.train)
    constant = np.flatnonzero(low == high)
    digests = {part: _digests(split) for part, split in data.parts.items()}
    known = set(digests["train"])
    return {
        "data": data.name,
        "task": data.task,
        "kind": data.kind,
        "shape": list(data.shape),
        "inputs": data.inputs,
        "dtype": data.train.X.dtype.name,
        "range": [float(low.min()), float(high.max())],
        "mean": float(mean.mean()),
        "scaling": data.scaling,
        "examples": {part: len(split) for part, split in data.parts.items()},
        "own_test": data.has_test,
        "sample_weight": _weights(data.train),
        **_labels(data),
        **({} if data.encoding is None else {"columns": _columns(data, low, high, mean)}),
        "constant_inputs": [_input_name(data, int(i)) for i in constant],
        "missing": dict(data.missing),
        "identifiers": _identifiers(data),
        "duplicates": {part: len(found) - len(set(found)) for part, found in digests.items()},
        "in_training_too": {
            part: sum(one in known for one in found) for part, found in digests.items() if part != "train"
        },
        "contradictions": _contradictions(digests["train"], data.train),
        "notes": list(data.notes),
    }


def _ranges(split: Split) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The least and the largest value and the mean of each input, (I,)."""
    inputs = split.X.shape[1]
    low, high, total = np.full(inputs, np.inf), np.full(inputs, -np.inf), np.zeros(inputs)
    positions = split.positions[:: max(1, len(split) // (4 * LOOKED_AT))]
    for at in range(0, len(positions), _BLOCK):
        block = rows_of(split.X, positions[at : at + _BLOCK]).astype(np.float64)
        np.minimum(low, block.min(axis=0), out=low)
        np.maximum(high, block.max(axis=0), out=high)
        total += block.sum(axis=0)
    return low, high, total / len(positions)


def _weights(split: Split) -> dict[str, Any] | None:
    weights = split.sample_weights
    if weights is None:
        return None
    return {
        "range": [float(weights.min()), float(weights.max())],
        "mean": float(weights.mean()),
        "zeros": int((weights == 0).sum()),
    }


def _labels(data: Dataset) -> dict[str, Any]:
    if data.task == "regression":
        y = np.concatenate([split.labels for split in data.parts.values()])
        quantiles = np.quantile(y, (0.0, 0.25, 0.5, 0.75, 1.0), axis=0)
        return {
            "quantities": {
                name: {
                    "mean": float(y[:, i].mean()),
                    "deviation": float(y[:, i].std()),
                    "quantiles": quantiles[:, i].tolist(),
                }
                for i, name in enumerate(data.classes)
            }
        }
    counts = {part: _counts(split.labels, len(data.classes)) for part, split in data.parts.items()}
    return {
        "classes": {
            name: {part: int(of_part[i]) for part, of_part in counts.items()} for i, name in enumerate(data.classes)
        }
    }


def _counts(labels: npt.NDArray[Any], classes: int) -> npt.NDArray[np.integer]:
    if labels.ndim == 2:
        return np.asarray(labels.astype(np.int64).sum(axis=0))
    return np.bincount(labels, minlength=classes)


def _columns(
    data: Dataset, low: npt.NDArray[np.float64], high: npt.NDArray[np.float64], mean: npt.NDArray[np.float64]
) -> list[dict[str, Any]]:
    assert data.encoding is not None
    columns: list[dict[str, Any]] = []
    at = 0
    for one in data.encoding.inputs:
        if isinstance(one, NumberInput):
            figures = {"low": float(low[at]), "high": float(high[at]), "mean": float(mean[at])}
            columns.append({"name": one.name, "kind": "number", **figures})
        else:
            columns.append({"name": one.name, "kind": "text", "categories": list(one.categories)})
        at += one.width
    return columns


def _identifiers(data: Dataset) -> list[str]:
    """The columns of whole numbers that differ in every training row: numbers of rows, of customers, ..."""
    if data.encoding is None or len(data.train) <= FEW_CLASSES:
        return []
    found, at = [], 0
    for one in data.encoding.inputs:
        if isinstance(one, NumberInput):
            values = data.train.X[data.train.positions[:LOOKED_AT], at]
            if (values == np.floor(values)).all() and len(np.unique(values)) == len(values):
                found.append(one.name)
        at += one.width
    return found


def _input_name(data: Dataset, position: int) -> str | int:
    return position if data.encoding is None else data.encoding.features[position]


def _digests(split: Split) -> list[bytes]:
    """A digest of each example, which tells them apart."""
    found: list[bytes] = []
    positions = split.positions[:LOOKED_AT]
    for at in range(0, len(positions), _BLOCK):
        block = rows_of(split.X, positions[at : at + _BLOCK])
        found += (hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in block)
    return found


def _contradictions(digests: list[bytes], split: Split) -> int:
    """Examples that stand in the training part with another label as well."""
    labels: dict[bytes, set[bytes]] = {}
    for digest, label in zip(digests, split.labels, strict=False):
        labels.setdefault(digest, set()).add(label.tobytes())
    return sum(len(labels[digest]) > 1 for digest in digests)


def drawn(data: Dataset, columns: int = 76) -> list[str]:
    """Lines of text that show the first image of each of the first classes, side by side, two pixels to a character."""
    height, width = data.shape[:2]
    step = max(1, -(-max(height, width) // 32))
    labels = data.train.labels
    pictures = []
    for label in range(min(len(data.classes), max(1, columns // (width // step + 2)))):
        there = np.flatnonzero(labels == label) if labels.ndim == 1 else np.array([label])
        if there.size:
            pixels = data.train.X[data.train.positions[there[0]]].reshape(data.shape)
            grey = pixels.mean(axis=2) if pixels.ndim == 3 else pixels
            seen = grey[::step, ::step] > 0.4 * data.maximum
            pictures.append(np.pad(seen, ((0, len(seen) % 2), (0, 0))))
    lines = []
    for row in range(0, len(pictures[0]), 2):
        codes = [2 * picture[row].astype(int) + picture[row + 1] for picture in pictures]
        lines.append("  ".join("".join(_HALVES[code] for code in one) for one in codes))
    return lines


_HALVES = " \N{LOWER HALF BLOCK}\N{UPPER HALF BLOCK}\N{FULL BLOCK}"
