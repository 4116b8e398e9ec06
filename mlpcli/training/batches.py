"""The order of an epoch, and batches read in that order.

Everything random is a pure function of (seed, what it is for, epoch): there is no generator state to lose.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
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
_INIT, _ORDER, _DROPOUT = 0, 2, 4


class Examples(NamedTuple):
    """Examples as they are kept in memory, or on disk, of which `rows` take part.

    X: (N, I) raw values, of any numeric dtype, may be memory-mapped. rows: (n,) positions in X and y.
    y: (N,) integers, which pick a row of `targets` (classes, O), such as a one-hot one; or the targets themselves,
    (N, O), where `targets` is None. scaling: of the raw values. dtype: of the network. weights: (N,) of each example
    in the loss, or None. soft: (N, O) a teacher's answers, which follow the targets; teacher_outputs: how many there
    are, also where they are made afresh for each batch.
    """

    X: npt.NDArray[np.generic]
    y: npt.NDArray[np.generic]
    targets: Array | None
    rows: npt.NDArray[np.integer]
    scaling: Scaling
    dtype: np.dtype[np.floating]
    weights: Array | None = None
    soft: Array | None = None
    teacher_outputs: int = 0

    @property
    def outputs(self) -> int:
        """O: the numbers in a target, without a teacher's."""
        return int((self.y if self.targets is None else self.targets).shape[1])


def class_targets(classes: int, outputs: int, dtype: npt.DTypeLike, smoothing: float = 0.0) -> Array:
    """The target of each class, (classes, outputs): one-hot rows, or 0 and 1 where two classes share one output.

    smoothing: the share of it that is spread evenly over all classes (Szegedy et al. 2016, section 7).
    """
    one_hot = np.array([[0.0], [1.0]]) if (classes, outputs) == (2, 1) else np.eye(classes, outputs)
    targets: Array = (one_hot * (1.0 - smoothing) + smoothing / classes).astype(dtype)
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


def dropout_generator(seed: int, epoch: int, step: int) -> np.random.Generator:
    """The generator of a step's masks."""
    return np.random.default_rng([seed, _DROPOUT, epoch, step])


class Batch(NamedTuple):
    """X: (B, I) scaled. targets: (B, O), or (B, 2 O) with a teacher's answers. weights: (B,) or None."""

    X: Array
    targets: Array
    weights: Array | None


# (raw (n, I), numbers of the examples (n,), epoch, out (n, I)): raw values as they are to be learnt in this epoch
Distort = Callable[[npt.NDArray[np.generic], npt.NDArray[np.integer], int, Array], None]
# (raw (n, I), out (n, O)): what a teacher answers
Teach = Callable[[npt.NDArray[np.generic], Array], None]


class _Buffers:
    """What a chunk is read into, and the batches that are views of it."""

    def __init__(self, examples: Examples, capacity: int, distorts: bool) -> None:
        inputs, outputs = examples.X.shape[1], examples.outputs
        self.raw = np.empty((capacity, inputs), examples.X.dtype)
        self.distorted: Array | None = np.empty((capacity, inputs), examples.dtype) if distorts else None
        self.scratch = None if examples.scaling.offset is None else np.empty((capacity, inputs), np.float64)
        self.X: Array = np.empty((capacity, inputs), examples.dtype)
        self.Y: Array = np.empty((capacity, outputs + examples.teacher_outputs), examples.dtype)
        self.weights: Array | None = None if examples.weights is None else np.empty(capacity, examples.dtype)
        self._batches: dict[tuple[int, int], Batch] = {}
        self._chunks: dict[int, list[Batch]] = {}

    def batches(self, chunk: int, group: list[tuple[int, int]]) -> list[Batch]:
        """Those of a chunk, whose bounds are `group`, in the order of the epoch."""
        if chunk not in self._chunks:
            first = group[0][0]
            self._chunks[chunk] = [self._batch(start - first, stop - first) for start, stop in group]
        return self._chunks[chunk]

    def _batch(self, start: int, stop: int) -> Batch:
        """Views are made once, and serve in every chunk and epoch."""
        cut = (start, stop)
        if cut not in self._batches:
            weights = None if self.weights is None else self.weights[start:stop]
            self._batches[cut] = Batch(self.X[start:stop], self.Y[start:stop], weights)
        return self._batches[cut]


class BatchReader:
    """Reads examples in a given order, a chunk of batches at a time, through buffers allocated once.

    distort: changes the raw values of each epoch. teach: answers for what was distorted; without it, a teacher's
    answers are those of `examples.soft`. Where there is a `distort`, the next chunk is prepared in a thread of its
    own while a chunk is learnt: NumPy leaves the interpreter free while it works on arrays.
    """

    def __init__(
        self,
        examples: Examples,
        bounds: list[tuple[int, int]],
        distort: Distort | None = None,
        teach: Teach | None = None,
    ) -> None:
        self.examples, self.distort, self.teach = examples, distort, teach
        self.largest = max(stop - start for start, stop in bounds)
        per_chunk = chunk_size(examples.X.shape[1], self.largest) // self.largest
        groups = [bounds[i : i + per_chunk] for i in range(0, len(bounds), per_chunk)]
        capacity = max(group[-1][1] - group[0][0] for group in groups)
        self._read = row_reader(examples.X)
        self._buffers = [_Buffers(examples, capacity, distort is not None) for _ in range(2 if distort else 1)]
        self._chunks = [(group[0][0], group[-1][1], group) for group in groups]

    def chunks(
        self, order: npt.NDArray[np.integer] | None = None, epoch: int = 0, skip: int = 0
    ) -> Iterator[tuple[list[Batch], int]]:
        """Lists of batches of all rows in this order, by default as they come, each with the number of its batches
        to leave out: `skip` batches of the epoch have been learnt before.

        A list is valid until the next is asked for.
        """
        wanted: list[tuple[int, int]] = []  # (chunk, batches to leave out)
        for i, (_, _, group) in enumerate(self._chunks):
            if skip < len(group):
                wanted.append((i, skip))
            skip = max(0, skip - len(group))
        if len(self._buffers) == 1:
            for i, left_out in wanted:
                yield self._prepare(i, order, epoch, self._buffers[0]), left_out
            return
        with ThreadPoolExecutor(1, "mlpcli-prepare") as executor:
            ahead: Future[list[Batch]] | None = None
            for n, (i, left_out) in enumerate(wanted):
                now = ahead or executor.submit(self._prepare, i, order, epoch, self._buffers[n % 2])
                batches = now.result()
                if n + 1 < len(wanted):
                    ahead = executor.submit(self._prepare, wanted[n + 1][0], order, epoch, self._buffers[(n + 1) % 2])
                yield batches, left_out

    def _prepare(self, chunk: int, order: npt.NDArray[np.integer] | None, epoch: int, buffers: _Buffers) -> list[Batch]:
        with np.errstate(all="ignore"):  # also in the thread; what overflows shows in the loss
            return self._fill(chunk, order, epoch, buffers)

    def _fill(self, chunk: int, order: npt.NDArray[np.integer] | None, epoch: int, buffers: _Buffers) -> list[Batch]:
        e = self.examples
        first, last, group = self._chunks[chunk]
        n = last - first
        rows = e.rows[first:last] if order is None else e.rows[order[first:last]]
        raw: npt.NDArray[np.generic] = buffers.raw[:n]
        self._read(rows, raw)
        if self.distort is not None:
            assert buffers.distorted is not None
            self.distort(raw, rows, epoch, buffers.distorted[:n])
            raw = buffers.distorted[:n]
        own = buffers.Y[:n, : e.outputs]
        if e.targets is None:
            own[...] = e.y[rows]
        elif e.teacher_outputs:
            own[...] = e.targets[e.y[rows]]
        else:
            np.take(e.targets, e.y[rows], axis=0, out=own, mode="clip")
        if e.teacher_outputs:
            softened = buffers.Y[:n, e.outputs :]
            if self.teach is not None:
                self.teach(raw, softened)
            else:
                assert e.soft is not None
                softened[...] = e.soft[rows]
        if e.weights is not None:
            assert buffers.weights is not None
            np.take(e.weights, rows, out=buffers.weights[:n], mode="clip")
        e.scaling.apply(raw, buffers.X[:n], None if buffers.scratch is None else buffers.scratch[:n])
        return buffers.batches(chunk, group)


def chunk_size(inputs: int, largest_batch: int) -> int:
    """Examples that are read together: at least a batch."""
    return max(1, min(_CHUNK, _CHUNK_NUMBERS // inputs) // largest_batch) * largest_batch
