"""The order of an epoch, and batches read in that order.

Everything random is a pure function of (seed, what it is for, epoch): there is no generator state to lose.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mlpcli.nn.activations import Array
from mlpcli.nn.initializers import RandomSource
from mlpcli.nn.network import count_parameters

_CHUNK = 1024  # examples gathered and scaled at a time: large enough to be fast, small enough for the cache

# What a stream of random numbers is for; a number here is part of the format of a run.
_INIT, _SPLIT, _ORDER = 0, 1, 2


class Examples(NamedTuple):
    """Examples as they are kept in memory, of which `rows` take part.

    X: (N, I) uint8, raw. targets: (N, O), one-hot, of the network's dtype. rows: (n,) positions in X.
    scale: factor on raw values.
    """

    X: npt.NDArray[np.uint8]
    targets: Array
    rows: npt.NDArray[np.int64]
    scale: float


def init_generator(seed: int) -> np.random.Generator:
    """The generator that draws the initial weights."""
    return np.random.default_rng([seed, _INIT])


def one_hot(labels: npt.NDArray[np.integer], classes: int, dtype: npt.DTypeLike) -> Array:
    """(N, classes), 1 at each label."""
    rows: Array = np.eye(classes, dtype=dtype)
    return np.take(rows, labels, axis=0)


def stratified_split(
    labels: npt.NDArray[np.integer], fraction: float, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Positions (kept, held out), each ascending: round(fraction * N) are held out.

    Each class gives its share, rounded so that the sum is right, and at least one example.
    """
    rng = np.random.default_rng([seed, _SPLIT])
    present, counts = np.unique(labels, return_counts=True)
    shares, total = fraction * counts, round(fraction * len(labels))
    quotas = np.maximum(1, np.floor(shares).astype(np.int64))
    while quotas.sum() < total:
        quotas[np.argmax(shares - quotas)] += 1
    while quotas.sum() > total and quotas.max() > 1:
        quotas[np.argmax(quotas - shares - (quotas == 1) * len(labels))] -= 1
    held_out = np.zeros(len(labels), bool)
    for label, quota in zip(present, quotas, strict=True):
        held_out[rng.permutation(np.flatnonzero(labels == label))[:quota]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


class SeededOrder:
    """The order of each epoch: a permutation drawn from (seed, epoch) alone."""

    def __init__(self, examples: int, seed: int) -> None:
        self.examples, self.seed = examples, seed

    def __call__(self, epoch: int) -> npt.NDArray[np.int64]:
        """Positions 0 .. examples - 1 in the order of this epoch (from 0)."""
        return np.random.default_rng([self.seed, _ORDER, epoch]).permutation(self.examples)


class ArticleOrder:
    """The article's orders: one legacy generator draws the weights, then shuffles anew for each epoch."""

    def __init__(self, examples: int, seed: int, structure: tuple[int, ...]) -> None:
        self.examples, self.seed, self.draws = examples, seed, count_parameters(structure)
        self._rng, self._next = self._after_weights(), 0

    def _after_weights(self) -> np.random.RandomState:
        rng = article_generator(self.seed)
        rng.standard_normal(self.draws)
        return rng

    def __call__(self, epoch: int) -> npt.NDArray[np.int64]:
        """As SeededOrder; going back replays the generator from the start."""
        if epoch < self._next:
            self._rng, self._next = self._after_weights(), 0
        while self._next <= epoch:
            order = np.arange(self.examples)
            self._rng.shuffle(order)
            self._next += 1
        return order


def article_generator(seed: int) -> np.random.RandomState:
    """NumPy's legacy generator, as np.random.seed(seed) leaves it."""
    return np.random.RandomState(seed)


def weights_generator(seed: int, article: bool) -> RandomSource:
    """The generator for the initial weights of a run."""
    return article_generator(seed) if article else init_generator(seed)


def batch_bounds(examples: int, batch_size: int, article: bool = False) -> list[tuple[int, int]]:
    """Where each batch begins and ends in the order of an epoch; every example is in exactly one.

    The last batch has what remains. The article's has int(examples / batch_size) batches, the last of which
    takes the remainder too.
    """
    bounds = [(at, min(at + batch_size, examples)) for at in range(0, examples, batch_size)]
    if article and len(bounds) > 1 and bounds[-1][1] - bounds[-1][0] < batch_size:
        bounds[-2:] = [(bounds[-2][0], examples)]
    return bounds


class BatchReader:
    """Reads examples in a given order, a chunk of batches at a time, through buffers allocated once."""

    def __init__(self, examples: Examples, bounds: list[tuple[int, int]]) -> None:
        self.examples = examples
        self.largest = max(stop - start for start, stop in bounds)
        per_chunk = max(1, _CHUNK // self.largest)
        groups = [bounds[i : i + per_chunk] for i in range(0, len(bounds), per_chunk)]
        capacity = max(group[-1][1] - group[0][0] for group in groups)
        dtype = examples.targets.dtype
        self._raw = np.empty((capacity, examples.X.shape[1]), examples.X.dtype)
        self._X = np.empty((capacity, examples.X.shape[1]), dtype)
        self._Y = np.empty((capacity, examples.targets.shape[1]), dtype)
        self._scale = dtype.type(examples.scale)
        # Views of batches are made once and serve in every chunk and epoch.
        views: dict[tuple[int, int], tuple[Array, Array]] = {}
        self._chunks: list[tuple[int, int, list[tuple[Array, Array]]]] = []
        for group in groups:
            first, last = group[0][0], group[-1][1]
            batches = []
            for start, stop in group:
                cut = (start - first, stop - first)
                if cut not in views:
                    views[cut] = self._X[slice(*cut)], self._Y[slice(*cut)]
                batches.append(views[cut])
            self._chunks.append((first, last, batches))

    def chunks(self, order: npt.NDArray[np.int64]) -> Iterator[list[tuple[Array, Array]]]:
        """Lists of batches (X (B, I) scaled, targets (B, O)); a list is valid until the next is asked for."""
        for first, last, batches in self._chunks:
            rows = self.examples.rows[order[first:last]]
            raw, X = self._raw[: last - first], self._X[: last - first]
            # mode="clip" writes straight to `out`; the default would fill a temporary first.
            np.take(self.examples.X, rows, axis=0, out=raw, mode="clip")
            np.take(self.examples.targets, rows, axis=0, out=self._Y[: last - first], mode="clip")
            np.multiply(raw, self._scale, out=X)
            yield batches
