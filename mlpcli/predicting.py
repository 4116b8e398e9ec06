"""What a network says of files: pictures in batches, tables and arrays row by row."""

import contextlib
import itertools
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from mlpcli.datasets.images import quiet
from mlpcli.datasets.naming import is_picture
from mlpcli.datasets.pictures import PictureInput
from mlpcli.errors import MlpError, UsageError
from mlpcli.model import Model

FIRST, MOST = 8, 256  # pictures in the first batch, for an early answer; and in the largest

Rejected = Literal["unsure", "strange"]
Array = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Limits:
    """What a classifier's answer must keep to; else it is rejected.

    reject: the least probability of the likeliest class, a fraction; below it the answer is "unsure". strange_above:
    the largest strangeness, of which 1 is the most that training examples have; above it the answer is "strange",
    whatever its probability. None accepts everything.
    """

    reject: float = 0.0
    strange_above: float | None = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.reject <= 1:
            raise UsageError(f"--reject: {self.reject:g} is out of range; give a probability from 0 to 1, such as 0.9")
        if self.strange_above is not None and not 0 < self.strange_above < math.inf:
            raise UsageError(
                f"--strange-above: {self.strange_above:g} is out of range; give a number above 0, such as 1.5, or "
                "--accept-strange"
            )

    def verdict(self, probability: float, strangeness: float | None) -> Rejected | None:
        """Why an answer is rejected, or None."""
        if self.strange_above is not None and strangeness is not None and strangeness > self.strange_above:
            return "strange"
        return "unsure" if probability < self.reject else None


@dataclass(frozen=True)
class Answer:
    """What a network says of an example.

    file: as it was named. row: None for a picture; a table's line, from 1; an array's index, from 0. names: of the
    classes, labels or quantities. seen: the raw example, (I,).
    """

    file: str
    row: int | None
    names: tuple[str, ...]
    seen: npt.NDArray[Any] = field(repr=False)


@dataclass(frozen=True)
class ClassAnswer(Answer):
    """One of several classes. probabilities: (classes,). strangeness: see Model.strangeness; None if not known.

    rejected: why there is no answer, "unsure" or "strange"; None where there is one.
    """

    probabilities: Array
    strangeness: float | None
    rejected: Rejected | None

    @property
    def nearest(self) -> str:
        """The likeliest class."""
        return self.names[int(self.probabilities.argmax())]

    @property
    def label(self) -> str | None:
        """The likeliest class, None where it is rejected."""
        return None if self.rejected else self.nearest

    @property
    def probability(self) -> float:
        """Of the likeliest class."""
        return float(self.probabilities.max())

    def top(self, k: int) -> list[tuple[str, float]]:
        """The k likeliest classes with their probabilities, likeliest first."""
        order = np.argsort(-self.probabilities, kind="stable")[:k]
        return [(self.names[i], float(self.probabilities[i])) for i in order]


@dataclass(frozen=True)
class LabelsAnswer(Answer):
    """Yes or no for each of several labels. probabilities: (labels,)."""

    probabilities: Array

    @property
    def labels(self) -> list[str]:
        """Those that are likelier than not."""
        return [name for name, p in zip(self.names, self.probabilities, strict=True) if p > 0.5]


@dataclass(frozen=True)
class QuantitiesAnswer(Answer):
    """Quantities in their own unit, (T,)."""

    values: Array


@dataclass(frozen=True)
class Failure:
    """A file that could not be predicted."""

    file: str
    error: MlpError


@dataclass(frozen=True)
class Remark:
    """Something to know about how a file was read."""

    file: str
    text: str


def predict_files(
    model: Model,
    files: Iterable[str | Path],
    reject: float = 0.0,
    strange_above: float | None = 1.0,
    preprocess: bool = True,
    on_error: Callable[[str, MlpError], None] | None = None,
) -> Iterator[Answer]:
    """What the network says of each picture, or of each row of a table or array: answers, in the order of the files.

    They are a ClassAnswer, LabelsAnswer or QuantitiesAnswer each, after the model's task, and come as they are ready;
    of a stream of any length little is in memory. reject, strange_above: see Limits. preprocess: whether characters
    are made to look like those in training. on_error(file, error) is called for each file that cannot be predicted;
    without it the error ends the work: UsageError where the file is missing or of a kind that the network does not
    take, DamagedFileError where it is bad.
    """
    for batch in predict_batches(model, map(str, files), Limits(reject, strange_above), preprocess):
        for one in batch:
            if isinstance(one, Failure):
                if on_error is None:
                    raise one.error
                on_error(one.file, one.error)
            elif not isinstance(one, Remark):
                yield one


def predict_batches(
    model: Model, files: Iterable[str], limits: Limits, preprocess: bool = True
) -> Iterator[list[Answer | Failure | Remark]]:
    """As `predict_files`, in lists of what is ready together, failures and remarks among the answers."""
    is_image = model.input["kind"] == "image"
    with contextlib.ExitStack() as stack:
        reader = _PictureReader(PictureInput.from_json(model.input), preprocess, stack) if is_image else None
        for pictures, names in itertools.groupby(files, lambda name: is_image and is_picture(Path(name).name)):
            if pictures and reader is not None:
                for some in _growing(names):
                    yield _of_pictures(model, some, reader(some), limits)
            else:
                for name in names:
                    yield from _of_rows(model, name, limits)


def _growing(names: Iterator[str]) -> Iterator[list[str]]:
    """The names in lists that grow from FIRST to MOST."""
    size = FIRST
    while some := list(itertools.islice(names, size)):
        yield some
        size = min(2 * size, MOST)


class _PictureReader:
    """Pictures as raw examples (I,), several at a time where there are several; MlpError in place of one that fails."""

    def __init__(self, takes: PictureInput, preprocess: bool, stack: contextlib.ExitStack) -> None:
        self._takes, self._preprocess, self._stack = takes, preprocess, stack
        self._map: Callable[..., Iterable[Any]] = map

    def __call__(self, names: Sequence[str]) -> list["_Read"]:
        if len(names) > 1 and self._map is map:
            from concurrent.futures import ThreadPoolExecutor  # which a single picture need not wait for

            pool = ThreadPoolExecutor(min(8, os.cpu_count() or 1))
            self._stack.callback(pool.shutdown, cancel_futures=True)
            self._map = pool.map
        with quiet():
            return list(self._map(self._read, names))

    def _read(self, name: str) -> "_Read":
        try:
            example: Array | MlpError = self._takes.read(name, self._preprocess)
        except UsageError as error:
            return _Read(error, None)
        except MlpError as error:
            example = error
        return _Read(example, self._takes.remark(name))


class _Read(NamedTuple):
    """A picture that was read. example: raw, (I,), or what is wrong with the file. remark: on how it was read."""

    example: "Array | MlpError"
    remark: str | None


def _of_pictures(
    model: Model, names: Sequence[str], read: Sequence[_Read], limits: Limits
) -> list[Answer | Failure | Remark]:
    examples = [one.example for one in read if not isinstance(one.example, MlpError)]
    good = [name for name, one in zip(names, read, strict=True) if not isinstance(one.example, MlpError)]
    found = iter(_together(model, good, np.stack(examples), limits) if examples else ())
    told: list[Answer | Failure | Remark] = []
    for name, one in zip(names, read, strict=True):
        if one.remark is not None:
            told.append(Remark(name, one.remark))
        told.append(Failure(name, one.example) if isinstance(one.example, MlpError) else next(found))
    return told


def _together(model: Model, names: Sequence[str], X: Array, limits: Limits) -> Sequence[Answer | Failure]:
    """The answers to pictures X (N, I); one that the network cannot answer does not keep the others back."""
    try:
        return answers(model, X, names, [None] * len(names), limits)
    except MlpError as error:
        if len(names) == 1:
            return [Failure(names[0], type(error)(f"{names[0]}: {error}"))]
    return [_together(model, [name], X[i : i + 1], limits)[0] for i, name in enumerate(names)]


def _of_rows(model: Model, name: str, limits: Limits) -> Iterator[list[Answer | Failure | Remark]]:
    """The answers to the rows of a table or array, in lists of a bounded length."""
    from mlpcli.datasets.inputs import read_inputs  # as long as a quarter of a prediction, which pictures do without

    try:
        inputs = read_inputs(Path(name), model.like)
    except MlpError as error:
        yield [Failure(name, error)]
        return
    yield [Remark(name, text) for text in (*inputs.notes, *_on_scale(model, inputs.X[:_ROWS]))]
    for at in range(0, len(inputs.X), _ROWS):
        rows = inputs.rows[at : at + _ROWS]
        try:
            yield [*answers(model, inputs.X[at : at + _ROWS], [name] * len(rows), rows, limits)]
        except MlpError as error:
            where = f"{name}, from row {rows[0]} on" if at else name
            yield [Failure(name, type(error)(f"{where}: {error}"))]
            return


def _on_scale(model: Model, X: npt.NDArray[Any]) -> list[str]:
    """A remark where pixels X (N, I) cannot be on the scale of those in training, which were from 0 to a maximum."""
    if model.input["kind"] != "image" or not X.size:
        return []
    low, high, maximum = float(X.min()), float(X.max()), float(model.input["maximum"])
    if not math.isfinite(high - low):  # an error of its own
        return []
    if low >= 0 and not 0 < high < _DARKEST * maximum and not _BRIGHTEST * maximum < high:
        return []
    return [f"values from {low:g} to {high:g}, those in training were from 0 to {maximum:g}; bring them to that scale"]


_DARKEST, _BRIGHTEST = 1 / 8, 2  # of the maximum in training: what the largest value of examples may be
_ROWS = 2**14  # of a table or array, answered together


def answers(
    model: Model, X: npt.NDArray[Any], files: Sequence[str], rows: Sequence[int | None], limits: Limits
) -> list[Answer]:
    """The answers to raw examples X (N, I), which come from these files and rows. Raises as Model.outputs does."""
    names = model.classes
    if model.task == "regression":
        values = model.outputs(X)
        return [QuantitiesAnswer(f, r, names, x, v) for f, r, x, v in zip(files, rows, X, values, strict=True)]
    probabilities = model.predict_proba(X)
    if model.task == "multi-label":
        return [LabelsAnswer(f, r, names, x, p) for f, r, x, p in zip(files, rows, X, probabilities, strict=True)]
    strangeness = model.strangeness(X)
    found: list[Answer] = []
    for i, likely in enumerate(probabilities):
        strange = None if strangeness is None else float(strangeness[i])
        rejected = limits.verdict(float(likely.max()), strange)
        found.append(ClassAnswer(files[i], rows[i], names, X[i], likely, strange, rejected))
    return found
