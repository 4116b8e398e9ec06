"""The order of an epoch, and batches read in that order.

Everything random is a pure function of (seed, what it is for, epoch): there is no generator state to lose.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mlpcli.memory import row_reader
from mlpcli.nn.activations import Array
from mlpcli.nn.initializers import RandomSource
from mlpcli.nn.network import count_parameters
from mlpcli.training.scaling import Scaling

_CHUNK = 1024  # examples gathered and scaled at a time: large enough to be fast, small enough for the cache
_CHUNK_NUMBERS = 2**22  # ... and numbers at most, where examples are very wide

# What a stream of random numbers is for; a number here is part of the format of a run. 1 and 3 are for splits.
_INIT, _ORDER = 0, 2


class Examples(NamedTuple):
    """Examples as they are kept in memory, or on disk, of which `rows` take part.

    X: (N, I) raw values, of any numeric dtype, may be memory-mapped. rows: (n,) positions in X and y.
    y: (N,) integers, which pick a row of `targets` (classes, O), such as a one-hot one; or the targets themselves,
    (N, O), where `targets` is None. scaling: of the raw values. dtype: of the network.
    """

    X: npt.NDArray[np.generic]
    y: npt.NDArray[np.generic]
    targets: Array | None
    rows: npt.NDArray[np.integer]
    scaling: Scaling
    dtype: np.dtype[np.floating]

    @property
    def outputs(self) -> int:
        """O: the numbers in a target."""
        return int((self.y if self.targets is None else self.targets).shape[1])


def class_targets(classes: int, outputs: int, dtype: npt.DTypeLike) -> Array:
    """The target of each class, (classes, outputs): one-hot rows, or 0 and 1 where two classes share one output."""
    if (classes, outputs) == (2, 1):
        return np.array([[0], [1]], dtype)
    targets: Array = np.eye(classes, outputs, dtype=dtype)
    return targets


def make_examples(
    X: npt.NDArray[np.generic],
    y: npt.NDArray[np.generic],
    rows: npt.NDArray[np.integer],
    scaling: Scaling,
    targets: Array | Scaling | None,
    dtype: np.dtype[np.floating],
) -> Examples:
    """Examples for a network of this dtype. targets: those of each class (see `class_targets`) where y (N,) are
    classes; the scaling of quantities, y (N, T); None for yes-or-no labels, y (N, K), which are their own targets.
    """
    if targets is None:
        return Examples(X, y.astype(dtype), None, rows, scaling, dtype)
    if isinstance(targets, Scaling):
        scaled = np.empty(y.shape, dtype)
        targets.apply(y, scaled)
        return Examples(X, scaled, None, rows, scaling, dtype)
    return Examples(X, y, targets, rows, scaling, dtype)


class SeededOrder:
    """The order of each epoch: a permutation drawn from (seed, epoch) alone."""

    def __init__(self, examples: int, seed: int) -> None:
        self.examples, self.seed = examples, seed

    def __call__(self, epoch: int) -> npt.NDArray[np.integer]:
        """Positions 0 .. examples - 1 in the order of this epoch (from 0)."""
        return np.random.default_rng([self.seed, _ORDER, epoch]).permutation(_positions(self.examples))


class BlockOrder:
    """The order of each epoch for examples that do not fit into memory: examples are read from disk in their
    neighbourhood, so that an epoch reads every byte about once.

    Blocks of consecutive examples are put in a random order; the examples of `POOL` blocks at a time are then
    shuffled together. Like SeededOrder it is a permutation, drawn from (seed, epoch) alone.
    """

    POOL = 64

    def __init__(self, examples: int, seed: int, block: int) -> None:
        self.examples, self.seed, self.block = examples, seed, block

    def __call__(self, epoch: int) -> npt.NDArray[np.integer]:
        """As SeededOrder."""
        rng = np.random.default_rng([self.seed, _ORDER, epoch])
        order = _positions(self.examples)
        cuts = [order[at : at + self.block] for at in range(0, self.examples, self.block)]
        order = np.concatenate([cuts[i] for i in rng.permutation(len(cuts))])
        step = self.POOL * self.block
        for at in range(0, self.examples, step):
            rng.shuffle(order[at : at + step])
        return order


def _positions(examples: int) -> npt.NDArray[np.integer]:
    """0 .. examples - 1, in half the memory where that is possible."""
    return np.arange(examples, dtype=np.int32 if examples < 2**31 else np.int64)


class ArticleOrder:
    """The article's orders: one legacy generator draws the weights, then shuffles anew for each epoch."""

    def __init__(self, examples: int, seed: int, structure: tuple[int, ...]) -> None:
        self.examples, self.seed, self.draws = examples, seed, count_parameters(structure)
        self._rng, self._next = self._after_weights(), 0

    def _after_weights(self) -> np.random.RandomState:
        rng = np.random.RandomState(self.seed)
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


def weights_generator(seed: int, article: bool) -> RandomSource:
    """The generator for the initial weights of a run."""
    # The article's is NumPy's legacy generator, as np.random.seed(seed) leaves it.
    return np.random.RandomState(seed) if article else np.random.default_rng([seed, _INIT])


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
        inputs = examples.X.shape[1]
        per_chunk = max(1, min(_CHUNK, _CHUNK_NUMBERS // inputs) // self.largest)
        groups = [bounds[i : i + per_chunk] for i in range(0, len(bounds), per_chunk)]
        capacity = max(group[-1][1] - group[0][0] for group in groups)
        self._raw = np.empty((capacity, inputs), examples.X.dtype)
        self._scratch = None if examples.scaling.offset is None else np.empty((capacity, inputs), np.float64)
        self._X = np.empty((capacity, inputs), examples.dtype)
        self._Y = np.empty((capacity, examples.outputs), examples.dtype)
        self._read = row_reader(examples.X)
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

    def chunks(self, order: npt.NDArray[np.integer] | None = None) -> Iterator[list[tuple[Array, Array]]]:
        """Lists of batches (X (B, I) scaled, targets (B, O)), of all rows in this order, by default as they come.

        A list is valid until the next is asked for.
        """
        y, targets = self.examples.y, self.examples.targets
        for first, last, batches in self._chunks:
            n = last - first
            rows = self.examples.rows[first:last] if order is None else self.examples.rows[order[first:last]]
            self._read(rows, self._raw[:n])
            if targets is None:
                self._Y[:n] = y[rows]
            else:
                np.take(targets, y[rows], axis=0, out=self._Y[:n], mode="clip")
            self.examples.scaling.apply(
                self._raw[:n], self._X[:n], None if self._scratch is None else self._scratch[:n]
            )
            yield batches
