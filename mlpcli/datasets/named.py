"""A data set of the catalog, as arrays."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from mlpcli.datasets import synthetic
from mlpcli.datasets.catalog import Entry, find
from mlpcli.datasets.dataset import Dataset, Split
from mlpcli.datasets.idx import read_pair
from mlpcli.errors import DamagedFileError, UsageError
from mlpcli.resources import resource_folder

# Like MNIST's names, without the counts and the gzip: the files are small enough to be looked at.
EMBEDDED_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "test-images-idx3-ubyte",
    "test-labels-idx1-ubyte",
)

_UPRIGHT_AT_ONCE = 4096  # images; turning all of them at once would double the memory


def load_named(name: str, data_dir: str | Path) -> Dataset:
    """The data set of this name, from its folder below `data_dir` where it is a downloaded one.

    Raises UsageError for an unknown name or a file that is not there, DamagedFileError for a bad file.
    """
    entry = find(name)
    if entry.origin == "function":
        X, y = synthetic.parity()
        cut = synthetic.PARITY_TRAINING
        return _dataset(entry, Split(X[:cut], y[:cut].astype(np.int64)), Split(X[cut:], y[cut:].astype(np.int64)))
    embedded = entry.origin == "embedded"
    folder = resource_folder(entry.name) if embedded else Path(data_dir) / entry.folder
    parts = EMBEDDED_FILES if embedded else entry.parts
    absent = [part for part in parts if not (folder / part).exists()]
    if absent:
        raise UsageError(f"{folder / absent[0]}: no such file; run mlp download {name}, or give --data-dir")
    return _dataset(entry, _split(entry, folder, parts[:2]), _split(entry, folder, parts[2:]))


def _split(entry: Entry, folder: Path, parts: tuple[str, ...]) -> Split:
    """The images and labels of two files, checked against the catalog's entry."""
    images, labels = folder / parts[0], folder / parts[1]
    stored, y = read_pair(images, labels, 2 if entry.label_columns else 1)
    if stored.dtype != np.uint8:
        raise DamagedFileError(f"{images}: items of {stored.dtype}, expected unsigned bytes; get the file again")
    X = stored.astype(np.uint8, copy=False)
    if X.shape[1:] != entry.shape:
        found, wanted = (" x ".join(map(str, shape)) for shape in (X.shape[1:], entry.shape))
        raise DamagedFileError(f"{images}: images of {found} pixels, {entry.name} has {wanted}; get the file again")
    if entry.label_columns:
        if y.shape[1] != entry.label_columns:
            raise DamagedFileError(
                f"{labels}: {y.shape[1]} columns, {entry.name} has {entry.label_columns}; get the file again"
            )
        y = y[:, 0]
    first, last = entry.first_label, entry.first_label + len(entry.classes) - 1
    for label in (y.min(), y.max()):
        if not first <= label <= last:
            raise DamagedFileError(
                f"{labels}: label {label}, {entry.name} has the classes {first} to {last}; get the file again"
            )
    if entry.transposed:
        _turn_upright(X)
    return Split(X.reshape(len(X), -1), y.astype(np.int64) - first)


def _turn_upright(X: npt.NDArray[np.uint8]) -> None:
    """Swap rows and columns of the square images X (N, H, H), in place."""
    for at in range(0, len(X), _UPRIGHT_AT_ONCE):
        X[at : at + _UPRIGHT_AT_ONCE] = X[at : at + _UPRIGHT_AT_ONCE].transpose(0, 2, 1).copy()


def _dataset(entry: Entry, train: Split, test: Split) -> Dataset:
    return Dataset(
        entry.name,
        entry.kind,
        entry.shape,
        entry.maximum,
        entry.classes,
        train,
        test,
        preprocess=entry.preprocess,
    )
