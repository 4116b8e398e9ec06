"""Examples of a data set: many in a grid, or a single image with its scale, the article's figure 6."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mlpcli.errors import UsageError
from mlpcli.memory import rows_of
from mlpcli.reports.figures.canvas import blank, figure_function, plain
from mlpcli.reports.figures.labels import label_text, name_of
from mlpcli.reports.figures.picture_grid import picture_grid
from mlpcli.reports.figures.vector_rows import vector_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mlpcli.datasets.dataset import Dataset, Split

PARTS = {"train": "training", "validation": "validation", "test": "test"}
_MOST = 400


def choose_samples(
    data: Dataset, part: str = "train", count: int = 40, of_class: str | None = None, seed: int = 0
) -> npt.NDArray[np.integer]:
    """Numbers of at most `count` examples of a part, from 0, ascending: drawn at random, perhaps of one class alone.

    UsageError for a part or class that there is not.
    """
    split = _part(data, part)
    if not 1 <= count <= _MOST:
        raise UsageError(f"--count: {count} is out of range; give a whole number from 1 to {_MOST}")
    candidates = np.arange(len(split))
    if of_class is not None:
        if data.task == "regression" or of_class not in data.classes:
            there = "no classes" if data.task == "regression" else f"classes {', '.join(data.classes[:20])}"
            raise UsageError(f"--class: no {of_class} in {data.name}, which has {there}; give one of these")
        which = data.classes.index(of_class)
        labels = split.labels
        candidates = np.flatnonzero(labels == which if labels.ndim == 1 else labels[:, which])
        if not len(candidates):
            raise UsageError(f"--class: the {part} part of {data.name} has no example of {of_class}; give another")
    return np.sort(np.random.default_rng(seed).permutation(candidates)[:count])


def _part(data: Dataset, part: str) -> Split:
    if part not in data.parts:
        raise UsageError(f"--split: {data.name} has no {part} part; give one of {', '.join(data.parts)}")
    return data.parts[part]


def examples_at(data: Dataset, part: str, numbers: npt.NDArray[np.integer]) -> tuple[npt.NDArray[Any], list[str]]:
    """Some examples of a part by number, raw (n, I), and their labels in words. UsageError where there is no such."""
    split = _part(data, part)
    outside = numbers[(numbers < 0) | (numbers >= len(split))]
    if len(outside):
        raise UsageError(
            f"--index: {outside[0]:,} is out of range; the {part} part of {data.name} has 0 to {len(split) - 1:,}"
        )
    words = [label_text(data.task, data.classes, split.labels[i]) for i in numbers]
    return rows_of(split.X, split.positions[numbers]), words


def as_pictures(raw: npt.NDArray[Any], shape: tuple[int, ...], maximum: float) -> npt.NDArray[np.float64]:
    """Raw images (n, I) as pictures (n, H, W) or (n, H, W, 3), from 0 to 1."""
    return np.clip(raw.reshape(len(raw), *shape) / maximum, 0.0, 1.0)


@figure_function
def samples(
    data: Dataset,
    part: str = "train",
    count: int = 40,
    of_class: str | None = None,
    seed: int = 0,
    index: int | None = None,
) -> Figure:
    """Examples of a part of the data, drawn at random by `seed`: images in a grid, vectors as the rows of a map.

    index: this one image alone, with the scale of its values. UsageError for what is not there.
    """
    numbers = choose_samples(data, part, count, of_class, seed) if index is None else np.array([index])
    raw, words = examples_at(data, part, numbers)
    where = f"{name_of(data)}, {PARTS[part]} part"
    counted = f"{len(numbers):,} of {len(data.parts[part]):,} examples"
    if data.kind != "image":
        names = [f"{plain(word, 24)}  #{number}" for word, number in zip(words, numbers, strict=True)]
        return vector_rows(
            data, raw, names, f"{where}: {counted}", f"{data_word(data)}, and number in the part, from 0"
        )
    if index is not None:
        return _one_image(data, raw[0], f"{where}: image {index:,} (from 0), {data_word(data)} {plain(words[0])}")
    captions = [f"{plain(word)}\n#{number}" for word, number in zip(words, numbers, strict=True)]
    size = " × ".join(map(str, data.shape[:2]))
    return picture_grid(
        list(as_pictures(raw, data.shape, data.maximum)),
        captions,
        f"{where}: {counted}",
        f"{size} pixels each; above it the {data_word(data)}, and the number in the {PARTS[part]} part, from 0",
        vmin=0,
        vmax=1,
    )


def data_word(data: Dataset) -> str:
    """What the labels of a data set are called."""
    return {"classification": "class", "multi-label": "labels", "regression": "value"}[data.task]


def _one_image(data: Dataset, raw: npt.NDArray[Any], title: str) -> Figure:
    figure = blank(7.5)
    axes = figure.add_subplot()
    in_colour = len(data.shape) == 3
    values = raw.reshape(data.shape)
    if in_colour:
        values = np.clip(values / data.maximum, 0.0, 1.0)
    image = axes.imshow(values, vmin=0, vmax=data.maximum)
    axes.set(title=title, xlabel="column (pixels, from 0)", ylabel="row (pixels, from 0)")
    if not in_colour:
        figure.colorbar(image, label=f"grey value (0 to {data.maximum:g})")
    return figure
