"""A network measured on labelled examples, with all that the parts of the page show of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from mlpcli.datasets.dataset import Dataset, Split
from mlpcli.datasets.encoding import NumberInput
from mlpcli.evaluation import AnyEvaluation, Evaluation, MultiLabelEvaluation
from mlpcli.memory import rows_of
from mlpcli.model import Model
from mlpcli.reports.page.layout import number
from mlpcli.reports.page.pictures import Pixels, as_pixels

# Of classes or labels: what has a truth, an answer and probabilities for each example.
Judged = Evaluation | MultiLabelEvaluation

MOST_VALUES = 8  # of an example that is no picture


@dataclass(frozen=True)
class Measured:
    """part: of the data set, "test" or "all". Its examples, `split`, are those of the evaluation, in the same order.
    note: what is to be known of the choice."""

    model: Model
    data: Dataset
    part: str
    split: Split
    evaluation: AnyEvaluation
    note: str = ""

    @property
    def things(self) -> tuple[str, str]:
        """What the examples are called: one, several."""
        if self.has_pictures:
            return "image", "images"
        return ("row", "rows") if self.model.input["kind"] == "table" else ("example", "examples")

    @property
    def has_pictures(self) -> bool:
        """Whether an example can be looked at."""
        return bool(self.model.input["kind"] == "image")

    @cached_property
    def _places(self) -> npt.NDArray[Any] | None:
        return self.split.places

    @property
    def place_kind(self) -> str:
        """By what an example is found again: the "line" of its table, its "file", or its "number"."""
        if self._places is None:
            return "number"
        return "line" if self._places.dtype.kind == "i" else "file"

    @property
    def places_in_words(self) -> str:
        """What `place` gives, for a sentence about all examples."""
        if self.place_kind == "number":
            return f"Numbers are those of the {self.things[1]} that were measured, from 0."
        if self.place_kind == "line":
            return "Lines are those of the table, from 1."
        return "Each has the name of its file."

    def place(self, example: int) -> str:
        """By what an example is found again, without saying of which kind that is."""
        return str(example if self._places is None else self._places[example])

    def placed(self, example: int) -> str:
        """The same where nothing around says of which kind it is: "line 124", "number 31", or a file's name alone."""
        where = self.place(example)
        return where if self.place_kind == "file" else f"{self.place_kind} {where}"

    def pictures(self, examples: npt.NDArray[np.integer]) -> Pixels:
        """Examples by their number in the split, as pictures (n, H, W) or (n, H, W, 3)."""
        described = self.model.input
        X = rows_of(self.split.X, self.split.positions[examples])
        return as_pixels(X, described["shape"], described["maximum"])

    @property
    def value_names(self) -> list[str]:
        """What `values` gives of each example: nothing for pictures, at most MOST_VALUES otherwise."""
        kind = self.model.input["kind"]
        if kind == "image":
            return []
        if kind == "bits":
            return ["bits"]
        if self.model.encoding is not None:
            return [one.name for one in self.model.encoding.inputs[:MOST_VALUES]]
        return [f"input {i}" for i in range(min(MOST_VALUES, self.model.network.structure[0]))]

    @property
    def values_left_out(self) -> int:
        """How many inputs `values` says nothing of."""
        if self.model.input["kind"] in ("image", "bits"):
            return 0
        encoding = self.model.encoding
        there = self.model.network.structure[0] if encoding is None else len(encoding.inputs)
        return max(0, there - MOST_VALUES)

    def values(self, example: int) -> list[str]:
        """What an example is, in the texts that `value_names` names."""
        kind = self.model.input["kind"]
        if kind == "image":
            return []
        row = rows_of(self.split.X, self.split.positions[[example]])[0]
        if kind == "bits":
            return ["".join(f"{value:g}" for value in row[:256].astype(float))]
        if self.model.encoding is None:
            return [number(float(value), 6) for value in row[:MOST_VALUES]]
        texts, at = [], 0
        for one in self.model.encoding.inputs[:MOST_VALUES]:
            if isinstance(one, NumberInput):
                texts.append(number(float(row[at]), 6))
            else:
                marked = np.flatnonzero(row[at : at + one.width])
                texts.append(one.categories[int(marked[0])] if marked.size else "none of the known")
            at += one.width
        return texts


def true_classes(result: Judged, example: int) -> list[int]:
    """The class that an example has, or the labels."""
    if isinstance(result, Evaluation):
        return [int(result.labels[example])]
    return [int(k) for k in np.flatnonzero(result.labels[example])]


def said_classes(result: Judged, example: int) -> list[int]:
    """The class that the network says of an example, or the labels."""
    if isinstance(result, Evaluation):
        return [int(result.said[example])]
    return [int(k) for k in np.flatnonzero(result.said[example])]


def measure(model: Model, data: Dataset) -> Measured:
    """A network measured on data that it fits: on the test part, or all of it where the network has not seen it and
    it has no such part. UsageError, DamagedFileError as `Model.evaluate`.
    """
    split, part, note = model.to_measure(data)
    return Measured(model, data, part, split, model.evaluate(split), note)
