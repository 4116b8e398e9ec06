"""Parting examples in two, by a seed, so that each class is in both."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from mlpcli.errors import UsageError

DEFAULT_TEST = 0.2  # of the examples, where data has no test part of its own

# What a split is for decides its stream of random numbers, so that one seed never makes the same cut twice.
_STREAMS = {"validation": 1, "test": 3}


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
