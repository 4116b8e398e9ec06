"""Parting examples in two, or into folds, by a seed, so that each class is in all of them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from mlpcli.errors import UsageError

DEFAULT_TEST = 0.2  # of the examples, where data has no test part of its own

# What a split is for decides its stream of random numbers, so that one seed never makes the same cut twice.
_STREAMS = {"validation": 1, "test": 3, "folds": 5}


def stratified_split(
    labels: npt.NDArray[np.integer] | int,
    fraction: float,
    seed: int,
    purpose: Literal["validation", "test"] = "validation",
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Positions (kept, held out), each ascending: round(fraction * N) are held out, a pure function of the arguments.

    labels: (N,) classes, each of which gives its share, rounded so that the sum is right; a class of two or more
    examples is on both sides, a single one stays. Or N alone, where there are no classes.
    """
    rng = np.random.default_rng([seed, _STREAMS[purpose]])
    if isinstance(labels, int):
        labels = np.zeros(labels, np.int8)
    present, counts = np.unique(labels, return_counts=True)
    shares, total = fraction * counts, round(fraction * len(labels))
    least, most = np.minimum(1, counts - 1), np.maximum(counts - 1, 0)
    quotas = np.clip(np.floor(shares).astype(np.int64), least, most)
    while quotas.sum() < min(total, most.sum()):
        quotas[np.argmax(np.where(quotas < most, shares - quotas, -np.inf))] += 1
    while quotas.sum() > max(total, least.sum()):
        quotas[np.argmax(np.where(quotas > least, quotas - shares, -np.inf))] -= 1
    held_out = np.zeros(len(labels), bool)
    for label, quota in zip(present, quotas, strict=True):
        held_out[rng.permutation(np.flatnonzero(labels == label))[:quota]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def stratified_folds(labels: npt.NDArray[np.integer] | int, folds: int, seed: int) -> npt.NDArray[np.int64]:
    """The fold of each example, (N,) from 0 to folds - 1, a pure function of the arguments.

    labels: (N,) classes, or N alone where there are none. The folds differ by one example at most, in all and in
    each class. UsageError for fewer than two folds, or more than examples.
    """
    if isinstance(labels, int):
        labels = np.zeros(labels, np.int8)
    if not 2 <= folds <= len(labels):
        raise UsageError(f"--folds: {folds:,} folds of {len(labels):,} examples; give 2 to {len(labels):,}")
    shuffled = np.random.default_rng([seed, _STREAMS["folds"]]).permutation(len(labels))
    # Dealt out like cards, class after class, so that a class begins where the one before it has ended.
    dealt = shuffled[np.argsort(labels[shuffled], kind="stable")]
    fold = np.empty(len(labels), np.int64)
    fold[dealt] = np.arange(len(labels)) % folds
    return fold


@dataclass(frozen=True)
class Fold:
    """One of the `count` parts of a cross-validation, held out to test on. number: from 0; None: nothing is yet."""

    number: int | None
    count: int

    def cut(
        self, labels: npt.NDArray[np.integer] | int, seed: int | None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], str]:
        """Positions to train on and held out, each ascending, and a remark. UsageError as `stratified_folds`."""
        fold = stratified_folds(labels, self.count, seed or 0)
        how = "at random" if isinstance(labels, int) else "class by class"
        remark = f"{len(fold):,} examples in {self.count:,} folds, {how}, by seed {seed or 0}; each is held out once"
        is_held_out = fold == self.number if self.number is not None else np.zeros(len(fold), bool)
        return np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out), remark


def part_off(
    name: str, labels: npt.NDArray[np.integer] | int, fraction: float | None, seed: int | None, any_number: bool = False
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], str]:
    """Positions to train on and to test on, as `stratified_split`, and a remark.

    UsageError where there are too few, or with `any_number` all of them to train on.
    """
    fraction, seed = DEFAULT_TEST if fraction is None else fraction, seed or 0
    kept, held_out = stratified_split(labels, fraction, seed, "test")
    total = len(kept) + len(held_out)
    if any_number and (not len(held_out) or not len(kept)):
        everything = np.arange(total)
        return everything, everything[:0], f"{total:,} examples, taken together"
    if not len(held_out) or not len(kept):
        raise UsageError(f"{name}: {total:,} examples cannot be parted; give more, or another --test")
    how = "at random" if isinstance(labels, int) else "class by class"
    return kept, held_out, f"{len(held_out):,} of {total:,} examples are kept apart to test on, {how}, by seed {seed}"
