"""Labels as data has them, and what training needs of them: the task they set, its classes, and numbers.

A class is known by its name, a text: whole numbers lose a decimal point that says nothing ("3", not "3.0"). The
names are all that a checkpoint keeps, and all that it takes to read the labels of other data later.
"""

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mlpcli.datasets.tasks import TASKS, Task
from mlpcli.errors import DamagedFileError, UsageError

MAX_CLASSES = 10_000
FEW_CLASSES = 20  # whole numbers of at most so many kinds are classes, unless --task says otherwise


class Coded(NamedTuple):
    """A column of texts: (N,) positions in `names`, -1 where there is none; `lines` says where each row stands."""

    codes: npt.NDArray[np.integer]
    names: tuple[str, ...]
    lines: npt.NDArray[np.int64]


RawLabels = npt.NDArray[Any] | Coded


@dataclass(frozen=True)
class Labels:
    """What labels mean. classes: the names of the outputs; for regression, of the quantities."""

    task: Task
    classes: tuple[str, ...]

    def encode(self, raw: RawLabels, source: str) -> npt.NDArray[Any]:
        """(N,) int64 positions in `classes`; (N, K) uint8 yes or no; or (N, K) float64 quantities.

        Raises UsageError, beginning with `source`, for labels that are none of the classes or no numbers.
        """
        if self.task == "regression":
            return self._quantities(raw, source)
        if self.task == "multi-label":
            return self._several(raw, source)
        if isinstance(raw, np.ndarray) and raw.ndim == 2 and raw.shape[1] > 1:
            if raw.shape[1] != len(self.classes) or not _is_one_hot(raw):
                raise UsageError(
                    f"{source}: labels of shape {raw.shape}, expected one for each example, or one 1 in "
                    f"{len(self.classes)} columns; name others"
                )
            return np.asarray(np.argmax(raw, axis=1))
        names, codes = _names_and_codes(raw)
        position = {name: at for at, name in enumerate(self.classes)}
        unknown = [name for name in names if name not in position]
        if unknown:
            raise UsageError(
                f"{source}: the label {_shown(unknown[0])} is none of the {len(self.classes)} classes "
                f"({_listed(self.classes)}); correct it, or train on data that has it"
            )
        return np.asarray(np.array([position[name] for name in names], np.int64)[codes])

    def _quantities(self, raw: RawLabels, source: str) -> npt.NDArray[np.float64]:
        if isinstance(raw, Coded):
            numbers = _numbers(raw.names)
            if numbers is None:
                bad = next(name for name in raw.names if _numbers((name,)) is None)
                raise UsageError(f"{source}: the label {_shown(bad)} is no number; give --task classification")
            values = numbers[raw.codes].reshape(-1, 1)
        elif np.issubdtype(raw.dtype, np.number) or raw.dtype == bool:
            values = raw.astype(np.float64).reshape(len(raw), -1)
        else:
            raise UsageError(f"{source}: the labels are texts, no numbers; give --task classification")
        if values.shape[1] != len(self.classes):
            raise UsageError(
                f"{source}: {values.shape[1]} quantities per example, expected {len(self.classes)}; name others"
            )
        return np.asarray(values)

    def _several(self, raw: RawLabels, source: str) -> npt.NDArray[np.uint8]:
        if isinstance(raw, Coded):
            position = {name: at for at, name in enumerate(self.classes)}
            table = np.zeros((len(raw.names), len(self.classes)), np.uint8)
            for row, text in enumerate(raw.names):
                for name in _parts(text):
                    if name not in position:
                        raise UsageError(
                            f"{source}: the label {_shown(name)} is none of the {len(self.classes)} labels "
                            f"({_listed(self.classes)}); correct it, or train on data that has it"
                        )
                    table[row, position[name]] = 1
            return np.asarray(table[raw.codes])
        if raw.ndim != 2 or raw.shape[1] != len(self.classes):
            raise UsageError(
                f"{source}: labels of shape {raw.shape}, expected (N, {len(self.classes)}) of 0 and 1; name others"
            )
        return np.asarray(raw, np.uint8)


def understand(raw: RawLabels, task: str | None, source: str, names: tuple[str, ...] = ()) -> Labels:
    """What these labels of training examples are, `task` being the user's word where they are not clear.

    Texts are classes; real numbers are quantities; whole numbers are classes where there are few of them (at most
    FEW_CLASSES, or 0 .. k - 1 with five examples of each on average in an array of integers). Two or more columns
    are one class (one-hot), yes-or-no labels, or quantities. `names`: of the label's columns.

    Raises UsageError where there is a label missing, only one class, or more than MAX_CLASSES.
    """
    if task is not None and task not in TASKS:
        raise UsageError(f"--task: unknown choice {task!r}; there are: {', '.join(TASKS)}")
    check_labels(raw, source)
    if isinstance(raw, np.ndarray) and raw.ndim == 2 and raw.shape[1] > 1:
        return _understand_columns(raw, task, source, names)
    if isinstance(raw, np.ndarray):
        raw = raw.reshape(-1)
    if task == "multi-label":
        if not isinstance(raw, Coded):
            raise UsageError(
                f"{source}: one number per example is no set of labels; give several label columns of 0 and 1, "
                "or a column of names with | between them"
            )
        labels = sorted({name for text in _names_and_codes(raw)[0] for name in _parts(text)})
        return _limited(Labels("multi-label", tuple(labels)), source, len(raw.codes))
    task = task or _guess(raw)
    if task == "regression":
        return _varied(Labels("regression", names or ("value",)), raw, source)
    found, _ = _names_and_codes(raw)
    return _limited(Labels("classification", _ordered(found)), source, count(raw))


def doubt(raw: RawLabels, labels: Labels) -> tuple[str, ...]:
    """A remark where whole numbers were taken for the one thing and could as well be the other."""
    numbers = _numbers(raw.names) if isinstance(raw, Coded) else raw
    if numbers is None or numbers.dtype.kind not in "iuf" or numbers.ndim != 1 or (numbers != np.floor(numbers)).any():
        return ()
    k = len(np.unique(numbers))
    if labels.task == "regression":
        return (f"the label has {k:,} different whole numbers and is taken for a quantity; --task classification?",)
    if k > 2 and numbers.dtype.kind != "u":
        return (f"the label has {k:,} different whole numbers, taken for classes; --task regression?",)
    return ()


def count(raw: RawLabels) -> int:
    """N."""
    return len(raw.codes) if isinstance(raw, Coded) else len(raw)


def check_labels(raw: RawLabels, source: str) -> None:
    """UsageError or DamagedFileError for a label that is missing or not finite."""
    if isinstance(raw, Coded):
        absent = np.flatnonzero(raw.codes < 0)
        if absent.size:
            raise DamagedFileError(
                f"{source}: no label in line {raw.lines[absent[0]]:,} ({absent.size:,} in all); fill it in, or "
                "give --missing drop"
            )
        numbers = _numbers(raw.names)
        if numbers is not None and not np.isfinite(numbers).all():
            bad = int(np.flatnonzero(~np.isfinite(numbers))[0])
            line = raw.lines[np.flatnonzero(raw.codes == bad)[0]]
            raise DamagedFileError(f"{source}: the label in line {line:,} is {raw.names[bad]}; correct it")
    elif np.issubdtype(raw.dtype, np.floating) and not np.isfinite(raw).all():
        at = int(np.flatnonzero(~np.isfinite(raw.reshape(len(raw), -1)).all(axis=1))[0])
        raise DamagedFileError(f"{source}: the label of example {at:,} (from 0) is not finite; correct or remove it")


def _understand_columns(raw: npt.NDArray[Any], task: str | None, source: str, names: tuple[str, ...]) -> Labels:
    columns = names or tuple(str(i) for i in range(raw.shape[1]))
    if not (np.issubdtype(raw.dtype, np.number) or raw.dtype == bool):
        raise UsageError(f"{source}: {raw.shape[1]} columns of texts as labels; name one, or columns of numbers")
    is_yes_no = bool(((raw == 0) | (raw == 1)).all())
    if task == "regression" or (task is None and not is_yes_no):
        return _varied(Labels("regression", columns), raw, source)
    if not is_yes_no:
        raise UsageError(f"{source}: labels in {raw.shape[1]} columns that are not all 0 or 1; give --task regression")
    if task == "multi-label" or (task is None and not _is_one_hot(raw)):
        return _limited(Labels("multi-label", columns), source, len(raw))
    if not _is_one_hot(raw):
        raise UsageError(f"{source}: rows without exactly one 1 among the labels; give --task multi-label")
    return _limited(Labels("classification", columns), source, len(raw))


def _is_one_hot(raw: npt.NDArray[Any]) -> bool:
    return bool((np.count_nonzero(raw, axis=1) == 1).all())


def _varied(labels: Labels, raw: RawLabels, source: str) -> Labels:
    values = labels.encode(raw, source)
    for name, low, high in zip(labels.classes, values.min(axis=0), values.max(axis=0), strict=True):
        if low == high:
            raise UsageError(
                f"{source}: {name!r} is {low:g} in every example, so there is nothing to learn; name another"
            )
    return labels


def _limited(labels: Labels, source: str, examples: int) -> Labels:
    k = len(labels.classes)
    if k < 2 and labels.task == "classification":
        raise UsageError(f"{source}: only one class, {_listed(labels.classes)}; give examples of two or more")
    if k > MAX_CLASSES or (labels.task == "classification" and k > examples // 2 and k > FEW_CLASSES):
        raise UsageError(
            f"{source}: {k:,} different labels in {examples:,} examples (such as {_listed(labels.classes)}), too "
            f"many for classes (at most {MAX_CLASSES:,}, with two examples each); name another --label, or give "
            "--task regression if it is a quantity"
        )
    return labels


def _guess(raw: RawLabels) -> Task:
    if isinstance(raw, Coded):
        numbers = _numbers(raw.names)
        if numbers is None:
            return "classification"
        values, is_integer_array = np.unique(numbers), False
    elif np.issubdtype(raw.dtype, np.number):
        values, is_integer_array = np.unique(raw), np.issubdtype(raw.dtype, np.integer)
    else:
        return "classification"
    if (values != np.floor(values)).any():
        return "regression"
    k = len(values)
    is_numbered = values[0] == 0 and values[-1] == k - 1 and count(raw) >= 5 * k and k <= MAX_CLASSES
    return "classification" if k <= FEW_CLASSES or (is_integer_array and is_numbered) else "regression"


def _names_and_codes(raw: RawLabels) -> tuple[list[str], npt.NDArray[np.integer]]:
    """The names of the labels that occur, and which of them each example has."""
    if isinstance(raw, Coded):
        present, codes = np.unique(raw.codes, return_inverse=True)
        names = [re.sub(r"^([+-]?[0-9]+)\.0+$", r"\1", raw.names[code]) for code in present]
        merged = list(dict.fromkeys(names))  # "1" and "1.0" are one
        return merged, np.array([merged.index(name) for name in names])[codes]
    values, codes = np.unique(raw, return_inverse=True)
    return [_name(value) for value in values.tolist()], codes.reshape(-1)


def _name(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _ordered(names: list[str]) -> tuple[str, ...]:
    """By number where all are numbers, else by the alphabet."""
    numbers = _numbers(tuple(names))
    return tuple(sorted(names) if numbers is None else (names[i] for i in np.argsort(numbers, kind="stable")))


def _numbers(names: tuple[str, ...]) -> npt.NDArray[np.float64] | None:
    """The texts as numbers, or None if one is not."""
    if any("_" in name for name in names):  # which Python takes for a digit group
        return None
    try:
        return np.array([float(name) for name in names])
    except ValueError:
        return None


def _parts(text: str) -> list[str]:
    """The names in a text such as "red|round"."""
    return [part.strip() for part in re.split(r"[|;,]", text) if part.strip()]


def _shown(name: str) -> str:
    return repr(name if len(name) <= 40 else name[:37] + "...")


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(map(_shown, names[:5])) + (", ..." if len(names) > 5 else "")
