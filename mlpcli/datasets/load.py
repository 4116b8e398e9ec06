"""A data set by name, as arrays."""

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mlpcli.datasets import synthetic
from mlpcli.datasets.catalog import Entry, find
from mlpcli.datasets.idx import read_pair
from mlpcli.errors import DamagedFileError, UsageError
from mlpcli.resources import resource_folder


@dataclass(frozen=True)
class Split:
    """Examples and their labels. X: (N, I) uint8, raw values; y: (N,) int64, positions in Dataset.classes."""

    X: npt.NDArray[np.uint8]
    y: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True)
class Dataset:
    """A data set in memory.

    kind: "image" or "bits". shape: (height, width) of an image, or (inputs,). maximum: the largest raw value.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    maximum: int
    classes: tuple[str, ...]
    train: Split
    test: Split

    @property
    def inputs(self) -> int:
        """|1|: numbers per example."""
        return math.prod(self.shape)

    def fingerprint(self) -> str:
        """SHA-256 over the bytes of all examples and labels, in hexadecimal: tells one data set from another."""
        digest = hashlib.sha256()
        for split in (self.train, self.test):
            digest.update(f"{split.X.shape}".encode())
            digest.update(np.ascontiguousarray(split.X).data)
            digest.update(np.ascontiguousarray(split.y).data)
        return digest.hexdigest()


def load_data(name: str = "mnist", data_dir: str | Path = "data") -> Dataset:
    """The named data set: "mnist" from `data_dir`/mnist (see `mlp download`), "digits", "parity".

    Raises UsageError for an unknown name or a file that is not there, DamagedFileError for a bad file.
    """
    entry = find(name)
    if entry.origin == "function":
        X, y = synthetic.parity()
        cut = synthetic.PARITY_TRAINING
        return _dataset(entry, (X[:cut], y[:cut]), (X[cut:], y[cut:]))
    if entry.origin == "embedded":
        folder = resource_folder(entry.name)
        names: tuple[str, ...] = EMBEDDED_FILES
    else:
        folder = Path(data_dir) / entry.name
        names = tuple(file.name for file in entry.files)
        absent = [name for name in names if not (folder / name).exists()]
        if absent:
            raise UsageError(f"{folder / absent[0]}: no such file; run mlp download {name}, or give --data-dir")
    train = read_pair(folder / names[0], folder / names[1])
    test = read_pair(folder / names[2], folder / names[3])
    for (images, labels), (image_name, label_name) in ((train, names[:2]), (test, names[2:])):
        if images.shape[1:] != entry.shape:
            found, wanted = (" x ".join(map(str, shape)) for shape in (images.shape[1:], entry.shape))
            raise DamagedFileError(
                f"{folder / image_name}: images of {found} pixels, {entry.name} has {wanted}; get the file again"
            )
        if labels.max() >= len(entry.classes):
            raise DamagedFileError(
                f"{folder / label_name}: label {labels.max()}, {entry.name} has the classes 0 to "
                f"{len(entry.classes) - 1}; get the file again"
            )
    return _dataset(entry, train, test)


# Like MNIST's names, without the counts and the gzip: the files are small enough to be looked at.
EMBEDDED_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "test-images-idx3-ubyte",
    "test-labels-idx1-ubyte",
)

_Pair = tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]


def _dataset(entry: Entry, train: _Pair, test: _Pair) -> Dataset:
    splits = [Split(X.reshape(len(X), -1), y.astype(np.int64)) for X, y in (train, test)]
    return Dataset(entry.name, entry.kind, entry.shape, entry.maximum, entry.classes, splits[0], splits[1])
