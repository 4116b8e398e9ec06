"""A data set by name or by path, as arrays; and other data, read as a trained network understands it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mlpcli.datasets.arrays import Part, find_arrays, holds_arrays
from mlpcli.datasets.catalog import CATALOG, find
from mlpcli.datasets.dataset import Dataset, Split, hold_out, take
from mlpcli.datasets.folder import PARTS, holds_classes, read_folder
from mlpcli.datasets.labels import Labels, check_labels, doubt, understand
from mlpcli.datasets.named import load_named
from mlpcli.datasets.naming import TABLE_ENDINGS, kind_of
from mlpcli.datasets.options import Like, Options
from mlpcli.datasets.split import part_off
from mlpcli.datasets.tabular import load_tables
from mlpcli.datasets.weights import array_weights, check_splits
from mlpcli.errors import DamagedFileError, UsageError
from mlpcli.memory import memory_mapping, release

__all__ = ["Dataset", "Split", "from_arrays", "is_named", "load_data"]

_BLOCK = 2**24  # bytes of values looked at together


@dataclass(frozen=True)
class _Source:
    """What a path holds, before its labels are understood. parts: "train" and others it has. files: (N,) the names of
    the pictures of a part."""

    kind: str
    parts: Mapping[str, Part]
    notes: tuple[str, ...] = ()
    files: Mapping[str, npt.NDArray[np.str_]] = field(default_factory=dict)


def is_named(name: str) -> bool:
    """Whether this is the name of a data set, rather than a path. A file or folder of such a name is ./NAME."""
    return name in CATALOG


def load_data(
    name: str | Path = "mnist",
    data_dir: str | Path = "data",
    *,
    like: Like | None = None,
    look: bool = False,
    **options: Any,
) -> Dataset:
    """The named data set ("mnist" from `data_dir`/mnist, see `mlp download`; "digits"; "parity"), or that at a path.

    A path is a folder with a sub-folder of images for each class, a table (.csv, .tsv, also gzip), arrays (.npy,
    .npz, IDX), or a folder of tables or arrays. `options`: those of `Options`. `like`: read it as a trained
    network does. `look`: to look at it only, see `load_tables`.

    Raises UsageError for an unknown name, a path that is not there or an option that does not fit, DamagedFileError
    for a bad file.
    """
    name = str(name)
    if is_named(name):
        fold = Options.of(options).fold
        takes = () if fold is None else ("split_seed",)
        Options.of(options).refuse_but(takes, f"{name}, a named data set")
        data = load_named(name, data_dir)
        return data if fold is None else hold_out(data, fold, options.get("split_seed"))
    path, chosen = Path(name), Options.of(options)
    if like is not None and chosen.sample_weight is not None:
        raise UsageError("--sample-weight: counts in training only; leave it out")
    if not name or not os.path.lexists(path):
        if not name or os.sep in name or "." in name:
            raise UsageError(f"{name}: no such file or folder; give the path of your data, or {' or '.join(CATALOG)}")
        find(name)  # raises, with the nearest names
    if not path.is_dir():
        if kind_of(path.name) is not None:
            return _finish(name, _read_arrays(path, chosen), chosen, like)
        return load_tables(name, {"train": path}, chosen, like, look)
    tables = _tables_in(path)
    if tables:
        return load_tables(name, tables, chosen, like, look)
    if holds_arrays(path):
        return _finish(name, _read_arrays(path, chosen), chosen, like)
    if holds_classes(path):
        return _finish(name, _read_images(path, chosen, like), chosen, like)
    raise UsageError(f"{name}: no arrays, no train.csv, no sub-folder of images for each class; name your data")


def from_arrays(
    X: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    name: str = "arrays",
    task: str | None = None,
    test: float | None = None,
    split_seed: int | None = None,
    sample_weight: npt.ArrayLike | None = None,
    validation: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    test_set: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
) -> Dataset:
    """A data set from arrays in memory: X (N, ...) numbers, y (N,) labels or (N, K). The rest as in Settings.

    sample_weight: (N,) numbers from 0 on, how much each example counts in training. validation, test_set: (X, y) of
    your own; without them, examples are kept apart to test on (`test`), and to validate on when it trains.

    UsageError where they make no sense together, DamagedFileError for a label or a weight that makes none.
    """
    parts = {"train": _part(name, X, y, sample_weight)}
    for part, given in (("validation", validation), ("test", test_set)):
        if given is not None:
            parts[part] = _part(f"{name} ({part})", *given)
    options = Options(task=task, test=test, split_seed=split_seed)
    return _finish(name, _Source("array", parts), options, None)


def _part(name: str, X: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> Part:
    try:
        examples, labels = np.asarray(X), np.asarray(y)
        given = None if sample_weight is None else np.asarray(sample_weight)
    except ValueError:  # rows of different lengths
        raise UsageError(f"{name}: X, y or sample_weight is no array; give rows of one length") from None
    if (
        examples.ndim < 2
        or not examples.size
        or labels.ndim not in (1, 2)
        or len(examples) != len(labels)
        or not len(labels)
    ):
        raise UsageError(f"{name}: X of shape {examples.shape}, y of shape {labels.shape}; give N examples, N labels")
    for array, kinds in ((examples, "biuf"), (labels, "biufUS")):  # numbers; or texts
        if array.dtype.kind not in kinds:
            raise UsageError(f"{name}: an array of {array.dtype}; give X of real numbers, y of numbers or texts")
    weights = None if given is None else array_weights(given, len(examples), f"{name}: sample_weight")
    return Part(examples, labels, weights)


# Sources


def _tables_in(folder: Path) -> dict[str, Path]:
    """The tables of a folder by part, where there is one called train; {} where there is none."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        ending = next((end for end in TABLE_ENDINGS if path.name.lower().endswith(end)), None)
        part = None if ending is None else PARTS.get(path.name.lower().removesuffix(ending))
        if part is None:
            continue
        if part in found:
            raise UsageError(f"{folder}: both {found[part].name} and {path.name} are its {part} part; keep one")
        found[part] = path
    return found if "train" in found else {}


def _read_arrays(path: Path, options: Options) -> _Source:
    options.refuse_but(("label", "task", "sample_weight", "test", "split_seed"), f"{path}, which holds arrays")
    found = find_arrays(path, None if options.label is None else Path(options.label), options.sample_weight)
    parts = {"train": found.train, "validation": found.validation, "test": found.test}
    there = {name: part for name, part in parts.items() if part is not None}
    return _Source("array", there, (f"read as {found.source}", *found.notes))


def _read_images(path: Path, options: Options, like: Like | None) -> _Source:
    options.refuse_but(
        ("task", "size", "channels", "on_error", "test", "split_seed"), f"{path}, which holds folders of images"
    )
    size = None if options.size is None else parse_size(options.size)
    channels = options.channels
    if like is not None and like.kind == "image":
        size, channels = (like.shape[0], like.shape[1]), 3 if len(like.shape) == 3 else 1
    found = read_folder(path, size, channels, options.on_error or "fail")
    files = {part: np.array(names) for part, names in found.files.items()}
    return _Source("image", {part: Part(*pair) for part, pair in found.parts.items()}, found.notes, files)


def parse_size(text: str) -> tuple[int, int]:
    """ "28x32" as (28, 32), height and width. UsageError for anything else."""
    numbers = text.lower().split("x")
    if len(numbers) != 2 or not all(n.isascii() and n.isdigit() and 0 < int(n[:9]) <= 4096 for n in numbers):
        raise UsageError(f"--size: {text!r} is no size; give height and width from 1 to 4096, such as 28x28")
    return int(numbers[0]), int(numbers[1])


# From a source to a data set


def _finish(name: str, source: _Source, options: Options, like: Like | None) -> Dataset:
    """Understand the labels, part off a test set where there is none, and describe the values."""
    if options.fold is not None:
        source = replace(source, parts={part: given for part, given in source.parts.items() if part != "test"})
    train_X, train_labels, _ = source.parts["train"]
    shape = train_X.shape[1:]
    for part, (X, _, _) in source.parts.items():
        if X.shape[1:] != shape:
            raise UsageError(f"{name}: examples of shape {X.shape[1:]} in {part}, {shape} in train; make them alike")
    labels = understand(train_labels, options.task, name) if like is None else Labels(like.task, like.classes)
    splits = {}
    for part, (X, raw, weights) in source.parts.items():
        where = _where(name, part, source)
        check_labels(raw, where)
        files = source.files.get(part)
        splits[part] = Split(_as_rows(name, X), labels.encode(raw, where), weights=weights, origins=files)
    ranges = [_range(_where(name, part, source), split.X) for part, split in splits.items()]
    notes = list(source.notes)
    if like is None and options.task is None:
        notes += doubt(train_labels, labels)
    if "test" not in splits:
        whole = splits["train"]
        by_class = whole.y if labels.task == "classification" else len(whole)
        if options.fold is not None:
            kept, held_out, said = options.fold.cut(by_class, options.split_seed)
        else:
            kept, held_out, said = part_off(name, by_class, options.test, options.split_seed, like is not None)
        splits |= {"train": take(whole, kept), "test": take(whole, held_out)}
        notes.append(said)
    elif options.test is not None and like is None:
        raise UsageError(f"--test: {name} has a test part of its own; leave it out")
    notes += check_splits(splits, name)
    # Nothing of the test part may decide how inputs are scaled. (A large mapped file is looked at once, whole.)
    train_split = splits["train"]
    low, high = ranges[0] if train_split.rows is not None or "test" in source.parts else _range(name, train_split.X)
    if len(shape) == 3 and shape[2] == 1:  # as Keras has grey images
        shape = shape[:2]
    is_unit = low >= 0 and high <= 1
    has_pixels = train_X.dtype == np.uint8 or (is_unit and np.issubdtype(train_X.dtype, np.floating))
    is_image = has_pixels and (len(shape) == 2 or (len(shape) == 3 and shape[2] == 3))
    return Dataset(
        name,
        "image" if source.kind == "image" or is_image else "array",
        shape,
        # Bytes that come near 255 are pixels; anything else is as large as it is.
        255.0 if train_X.dtype == np.uint8 and high > 127 else float(high) if high > 0 else 1.0,
        labels.classes,
        splits["train"],
        splits["test"],
        splits.get("validation"),
        labels.task,
        "unit" if train_X.dtype == np.uint8 or is_unit else "standard",
        "resize",
        notes=tuple(notes),
        has_test="test" in source.parts,
    )


def _where(name: str, part: str, source: _Source) -> str:
    return name if len(source.parts) == 1 else f"{name} ({part})"


def _as_rows(name: str, X: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(N, I), without a copy of what is in a large file."""
    if X.ndim == 2:
        return X
    if not X.flags.c_contiguous and memory_mapping(X) is not None and X.nbytes > 2**30:
        raise UsageError(f"{name}: saved in Fortran order; save it anew with numpy.ascontiguousarray")
    return X.reshape(len(X), -1)


def _range(where: str, X: npt.NDArray[Any]) -> tuple[float, float]:
    """The least and the largest value. DamagedFileError where one is not finite."""
    if X.dtype == bool:
        return 0.0, 1.0
    mapping, low, high = memory_mapping(X), np.inf, -np.inf
    step = max(1, _BLOCK // max(1, X.shape[1] * X.itemsize))
    for at in range(0, len(X), step):
        block = X[at : at + step]
        least, most = float(block.min()), float(block.max())
        if not (np.isfinite(least) and np.isfinite(most)):  # NaN is contagious in both
            row, column = (int(i[0]) for i in np.nonzero(~np.isfinite(block)))
            raise DamagedFileError(
                f"{where}: {block[row, column]} in example {at + row:,}, value {column:,} (both from 0); correct or "
                "remove it"
            )
        low, high = min(low, least), max(high, most)
        if mapping is not None:
            release(mapping)
        if X.dtype == np.uint8 and high > 127:
            return 0.0, high
    return low, high
