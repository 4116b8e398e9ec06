"""From .npy, .npz and IDX files, or a folder of them, to the parts of a data set."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mlpcli.datasets.idx import read_idx
from mlpcli.datasets.items import Array
from mlpcli.datasets.naming import TEST, TRAIN, VALIDATION, Pairs, counterparts, kind_of, pair_up, place_of
from mlpcli.datasets.npy import read_npy
from mlpcli.datasets.npz import list_npz, read_npz
from mlpcli.datasets.weights import Weights, array_weights
from mlpcli.errors import DamagedFileError, UsageError
from mlpcli.files import open_regular

_CONVENTION = "name them X and y, or x_train, y_train, x_test and y_test"


class Part(NamedTuple):
    """X: (N, ...) numbers, possibly mapped, in any byte order; values are not looked at.

    y: (N,) or (N, K), numbers, booleans or text (dtype kind "U"), in memory and native byte order.
    weights: (N,) how much each example counts, or None.
    """

    X: Array
    y: Array
    weights: Weights | None = None


@dataclass(frozen=True)
class ArrayParts:
    """A data set in arrays. Shapes and kinds agree between the parts.

    source: the format in words. notes: what the user should know, a line each.
    """

    train: Part
    validation: Part | None
    test: Part | None
    source: str
    notes: tuple[str, ...]


def find_arrays(path: Path, labels: Path | None = None, weights: str | None = None) -> ArrayParts:
    """The parts of the data set that `path` names.

    path: an .npz; a .npy or IDX file of examples, with its `labels`, or with those that its name leads to, and
    then also the validation and test parts beside it; or a folder of such files. A named file is `train`,
    whatever its name. weights: the name of an array of sample weights in the .npz, else of a file; other parts have
    weights where there are arrays that are called like that (w_test for w_train, or for w).

    Raises UsageError where something is missing or not clear, DamagedFileError for a file that is damaged and for
    arrays that do not make a data set.
    """
    if labels is not None:
        return _from_two_files(path, labels, weights)
    if _is_folder(path):
        return _from_folder(path, weights)
    if kind_of(path.name) == ".npz":
        return _from_npz(path, weights)
    return _from_file(path, weights)


def read_array(path: Path) -> Array:
    """The one array of a .npy file or else of an IDX file, mapped where it is plain. Raises as their readers do."""
    kind = kind_of(path.name)
    if kind == ".npz":
        raise UsageError(f"{path}: an archive of arrays; name a .npy or IDX file")
    return read_npy(path) if kind == ".npy" else read_idx(path)


def holds_arrays(folder: Path) -> bool:
    """Whether a folder is one for `find_arrays`, from the names in it alone: no file is opened.

    A folder with sub-folders, which may be classes of images, needs examples and labels.
    """
    try:
        names = _names(folder)
        roles = {place.role for name in names if kind_of(name) != ".npz" and (place := place_of(name))}
        if roles == {"X", "y"}:
            return True
        is_candidate = "X" in roles or any(kind_of(name) == ".npz" for name in names)
        return is_candidate and not any(child.is_dir() for child in folder.iterdir())
    except (OSError, UsageError):
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # whoever opens it says what is wrong
        return False


def _names(folder: Path) -> list[str]:
    """The names of the array files in a folder, in alphabetical order."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if _is_array_file(entry))
    except OSError as error:
        raise UsageError(f"{folder}: cannot be read ({error.strerror}); check its permissions") from None


def _is_array_file(entry: "os.DirEntry[str]") -> bool:
    try:
        return kind_of(entry.name) is not None and entry.name.isprintable() and entry.is_file()
    except OSError:  # a loop of symbolic links
        return False


def _from_two_files(path: Path, labels: Path, weights: str | None) -> ArrayParts:
    if _is_folder(path) or kind_of(path.name) == ".npz":
        raise UsageError(f"{path}: has its labels inside; leave {labels} out, or name the file of examples")
    part = _part(read_array(path), read_array(labels), str(path), str(labels))
    if weights is not None:
        file = _weight_files(Path(weights), (path, labels))[TRAIN]
        part = part._replace(weights=array_weights(read_array(file), len(part.X), str(file)))
    return ArrayParts(part, None, None, _source(path.name), ())


def _from_npz(path: Path, weights: str | None) -> ArrayParts:
    names = list_npz(path)
    pairs = _pairs(names, path)
    if pairs is None:
        raise UsageError(f"{path}: no examples with labels (it holds {_listed(names)}); {_CONVENTION}")
    used = {name for pair in pairs.parts.values() for name in pair}
    weighed: dict[str, str] = {}
    if weights is not None:
        if weights not in names:
            raise UsageError(f"--sample-weight: {path} has no array {weights!r} (it holds {_listed(names)}); name one")
        if weights in used:
            raise UsageError(f"--sample-weight: {weights!r} holds examples or labels; name another array")
        weighed = {TRAIN: weights} | counterparts(weights, names)
        weighed = {use: name for use, name in weighed.items() if use in pairs.parts}
        pairs = _without(pairs, weighed.values())
    arrays = read_npz(path, {*used, *weighed.values()})

    def label(name: str) -> str:
        return f"{path}: {name}"

    found = _assembled(pairs, arrays.__getitem__, label, "NumPy .npz", ())
    return _weigh(found, {use: (arrays[name], label(name)) for use, name in weighed.items()})


def _weight_files(named: Path, others: Iterable[Path]) -> dict[str, Path]:
    """The file of sample weights that the user names and those of other parts beside it, by part.

    UsageError where it is a file of examples or labels, one of `others`.
    """
    with open_regular(named, "name an array file with one number for each example"):
        pass  # it is there: now what is beside it is the question
    if named.resolve() in {path.resolve() for path in others}:
        raise UsageError(f"--sample-weight: {named} holds examples or labels; name another file")
    beside = [name for name in _names(named.parent) if kind_of(name) == kind_of(named.name)]
    return {TRAIN: named} | {part: named.parent / name for part, name in counterparts(named.name, beside).items()}


def _from_file(path: Path, weights: str | None) -> ArrayParts:
    with open_regular(path, "name an array file, or a folder of them"):
        pass  # it is there: now its labels are the question
    kind = kind_of(path.name) or "IDX"
    names = [name for name in _names(path.parent) if kind_of(name) == kind]
    pairs = _pairs(names, path, path.name)
    if pairs is None:
        raise UsageError(f"{path}: no labels beside it; name their file too, or {_CONVENTION}")
    return _from_files(path.parent, pairs, names, (f"labels: {path.parent / pairs.parts[TRAIN][1]}",), weights)


def _from_folder(folder: Path, weights: str | None) -> ArrayParts:
    names = _names(folder)
    by_kind = {kind: [name for name in names if kind_of(name) == kind] for kind in (".npy", "IDX", ".npz")}
    found = [pairs for kind in (".npy", "IDX") if (pairs := _pairs(by_kind[kind], folder))]
    archives = by_kind[".npz"]
    there = f"(there are {_listed(names)})" if names else "(it holds no array files)"
    if len(found) + len(archives) > 1:
        raise UsageError(f"{folder}: more than one data set {there}; name the file of examples")
    if archives:
        parts = _from_npz(folder / archives[0], weights)
        return replace(parts, notes=(f"file: {folder / archives[0]}", *parts.notes))
    if not found:
        raise UsageError(f"{folder}: no examples with labels {there}; {_CONVENTION}")
    return _from_files(folder, found[0], names, (), weights)


def _pairs(names: list[str], path: Path, named: str | None = None) -> Pairs | None:
    try:
        return pair_up(names, named)
    except ValueError as error:
        raise UsageError(
            f"{path}: {error} (there are {_listed(names)}); name two files, or rename the others"
        ) from None


def _from_files(
    folder: Path, pairs: Pairs, names: list[str], notes: tuple[str, ...], weights: str | None
) -> ArrayParts:
    used = [name for pair in pairs.parts.values() for name in pair]
    notes += tuple(
        f"{name} and {name}.gz are both there: the plain file is read" for name in used if f"{name}.gz" in names
    )
    weighed: dict[str, Path] = {}
    if weights is not None:
        files = _weight_files(Path(weights), [folder / name for name in used])
        weighed = {use: file for use, file in files.items() if use in pairs.parts}
        beside = [file.name for file in weighed.values() if file.parent.resolve() == folder.resolve()]
        pairs = _without(pairs, beside)
    found = _assembled(
        pairs, lambda name: read_array(folder / name), lambda name: str(folder / name), _source(used[0]), notes
    )
    return _weigh(found, {use: (read_array(file), str(file)) for use, file in weighed.items()})


def _without(pairs: Pairs, used: Iterable[str]) -> Pairs:
    """The same, these names being used for something else."""
    return replace(pairs, unused=tuple(name for name in pairs.unused if name not in set(used)))


def _weigh(found: ArrayParts, weights: Mapping[str, tuple[Array, str]]) -> ArrayParts:
    """The parts with their weights, by part, each with its name in messages."""

    def weighed(part: Part, use: str) -> Part:
        if use not in weights:
            return part
        array, name = weights[use]
        return part._replace(weights=array_weights(array, len(part.X), name))

    return replace(
        found,
        train=weighed(found.train, TRAIN),
        validation=None if found.validation is None else weighed(found.validation, VALIDATION),
        test=None if found.test is None else weighed(found.test, TEST),
    )


def _source(name: str) -> str:
    if kind_of(name) == ".npy":
        return "NumPy .npy"
    return "IDX, gzip" if name.lower().endswith(".gz") else "IDX"


def _assembled(
    pairs: Pairs, read: Callable[[str], Array], label: Callable[[str], str], source: str, notes: tuple[str, ...]
) -> ArrayParts:
    parts = {use: _part(read(X), read(y), label(X), label(y)) for use, (X, y) in pairs.parts.items()}
    for use in parts.keys() - {TRAIN}:
        _check_alike(parts[TRAIN], parts[use], *(label(name) for name in pairs.parts[use]))
    if pairs.unused:
        notes += (f"not used: {_listed(pairs.unused)}",)
    return ArrayParts(parts[TRAIN], parts.get(VALIDATION), parts.get(TEST), source, notes)


def _part(X: Array, y: Array, X_name: str, y_name: str) -> Part:
    """X and y, found to be examples and their labels. DamagedFileError where they are not."""
    if X.dtype.kind in "US":
        raise DamagedFileError(f"{X_name}: text as examples; give numbers, or a table with text columns as CSV")
    if X.ndim < 2:
        what = "one number" if X.ndim == 0 else f"a row of {len(X):,} numbers"
        raise DamagedFileError(
            f"{X_name}: {what}, not examples (N, ...); if each number is an example, save X.reshape(-1, 1)"
        )
    if y.ndim not in (1, 2):
        raise DamagedFileError(f"{y_name}: labels of shape {y.shape}; give (N,), or (N, K) for K outputs")
    if len(X) != len(y):
        raise DamagedFileError(f"{y_name}: {len(y):,} labels for the {len(X):,} examples of {X_name}; give as many")
    return Part(X, _labels(y, y_name))


def _labels(y: Array, name: str) -> Array:
    """`y` in memory, in native byte order; bytes as the text that they are in UTF-8."""
    if y.dtype.kind != "S":
        return np.array(y, y.dtype.newbyteorder("="))
    try:
        return np.char.decode(np.array(y), "utf-8")
    except UnicodeDecodeError:
        raise DamagedFileError(f"{name}: labels of bytes that are not UTF-8; save them as text (dtype=str)") from None


def _check_alike(train: Part, other: Part, X_name: str, y_name: str) -> None:
    """The same shape per example and per label, and text in both or in none."""
    for ours, theirs, name in zip(train[:2], other[:2], (X_name, y_name), strict=True):
        if ours.shape[1:] != theirs.shape[1:]:
            raise DamagedFileError(
                f"{name}: shape {theirs.shape}, that of training is {ours.shape}; only the first number may differ"
            )
        if (ours.dtype.kind == "U") != (theirs.dtype.kind == "U"):
            raise DamagedFileError(f"{name}: {theirs.dtype}, that of training is {ours.dtype}; save both as text")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 10:,} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more
