"""Images, and what random distortion makes of them in training."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mlpcli.errors import UsageError
from mlpcli.reports.figures.canvas import figure_function, plain
from mlpcli.reports.figures.labels import name_of
from mlpcli.reports.figures.picture_grid import picture_grid
from mlpcli.reports.figures.samples import as_pictures, choose_samples, examples_at
from mlpcli.training.augmentation import Augmentation
from mlpcli.training.augmentation import augmented as distorted
from mlpcli.training.deslanting import deslanted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mlpcli.datasets.dataset import Dataset

_MOST = 20
_UNITS = {
    "shift": "±{:g} pixels",
    "rotation": "±{:g}°",
    "scale": "±{:.3g}",
    "shear": "±{:.3g}",
    "elastic": "{:g} pixels",
    "noise": "{:.3g}",
}


@figure_function
def augmented(
    data: Dataset,
    augmentation: Augmentation,
    seed: int = 0,
    count: int = 4,
    versions: int = 8,
    index: int | None = None,
    deslant: bool = False,
) -> Figure:
    """Training images, each followed by what a run with this seed sees of it in its first epochs.

    count: images, of classes that differ as far as there are others; index: this one alone. deslant: as the setting
    of that name. UsageError for data without images.
    """
    if data.kind != "image":
        raise UsageError(f"{data.name}: has no images to distort; give a set of images")
    for option, number in (("--count", count), ("--versions", versions)):
        if not 1 <= number <= _MOST:
            raise UsageError(f"{option}: {number} is out of range; give a whole number from 1 to {_MOST}")
    if deslant and len(data.shape) != 2:
        raise UsageError(f"--deslant: the images of {data.name} are in colour; leave it out")
    if augmentation.is_none:
        raise UsageError("nothing is distorted; give --rotation 15, or another of --shift, --scale, --shear, --elastic")
    numbers = _of_different_classes(data, count, seed) if index is None else np.array([index])
    raw, words = examples_at(data, "train", numbers)
    if deslant:
        raw = deslanted(raw, (data.shape[0], data.shape[1]))
    positions = data.train.positions[numbers]
    epochs = [
        distorted(raw, data.shape, data.maximum, augmentation, seed, epoch, positions) for epoch in range(versions)
    ]
    pictures = [
        picture
        for one in zip(raw, *epochs, strict=True)
        for picture in as_pictures(np.array(one), data.shape, data.maximum)
    ]
    captions = [
        caption
        for word, number in zip(words, numbers, strict=True)
        for caption in (f"{plain(word, 12)} #{number}", *(f"epoch {epoch + 1}" for epoch in range(versions)))
    ]
    return picture_grid(
        pictures,
        captions,
        f"{name_of(data)}: training images as distorted in each epoch (seed {seed})",
        _in_words(augmentation),
        columns=versions + 1,
        vmin=0,
        vmax=1,
    )


def _of_different_classes(data: Dataset, count: int, seed: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Numbers of training images: one of each class in turn."""
    each = math.ceil(count / len(data.classes))
    if data.task != "classification":
        return np.asarray(choose_samples(data, "train", count, seed=seed))
    there = [name for i, name in enumerate(data.classes) if (data.train.labels == i).any()]
    chosen = [choose_samples(data, "train", each + 1, name, seed) for name in there[:count]]
    in_turn = [one[turn] for turn in range(each + 1) for one in chosen if turn < len(one)]
    return np.array(in_turn[:count])


def _in_words(augmentation: Augmentation) -> str:
    parts = []
    for name, unit in _UNITS.items():
        value = getattr(augmentation, name)
        if value:
            more = f" (sigma {augmentation.elastic_sigma:g})" if name == "elastic" else ""
            parts.append(f"{name} {unit.format(value)}{more}")
    return "first the image itself; then " + ", ".join(parts)
