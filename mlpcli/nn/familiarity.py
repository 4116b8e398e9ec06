"""How far examples are from those that a network was trained on, told from its last hidden layer and its inputs.

A class is taken as what its training examples span: their mean and their main axes (SIMCA: Wold, "Pattern
recognition by means of disjoint principal components models", 1976). An example is as far from a class as it is from
that flat, which a confident wrong answer hides; doubt of the answer adds to it. Activations and inputs count by their
direction alone, at length 1: their length says how much ink there is (Mueller and Hein, "Mahalanobis++", 2025). The
inputs show what a hidden layer that was never asked about it is blind to. README, "Like nothing in training", says how
well it works.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mlpcli.nn.activations import Array

MOST_AXES = 32  # of a class; more tell little more
MOST_AXIS_NUMBERS = 2**18  # of all classes, a byte each: what a file grows by
MOST_MEAN_NUMBERS = 2**20  # beyond, all classes are taken as one
_EXAMPLES_PER_AXIS = 5
_HELD_BACK = 3  # every so manieth example is not learnt from, but shows how far such examples are
_FAMILIAR_SHARE = 0.985  # of the examples held back
_DOUBT_SHARE = 0.125  # of the distances' spread: an answer at p = 0.5 counts like half of the way to a far example
_DOUBT_FROM = 0.01  # nats: less surprise hardly counts
_LONGER = 2.0  # than nearly all inputs: strange, whichever way they point
MOST_INPUTS = 4096  # beyond, the last hidden layer alone has to do: what is learnt would outgrow the network
_ROUNDS = 4  # of subspace iteration: the main axes stand out clearly
_SPARE = 8  # axes carried along, for the last wanted one to converge
_ZERO = 128  # stands for 0 in a byte

Codes = npt.NDArray[np.uint8]
Reals = npt.NDArray[np.float64]


class Features(NamedTuple):
    """What is compared. directions: (N, F), F as `count_features` says. lengths: (N,) of the inputs."""

    directions: Array
    lengths: Reals


def count_features(structure: Sequence[int]) -> int:
    """F: the units of the last hidden layer and the inputs, if these are not too many; each once."""
    hidden, inputs = structure[-2], structure[0]
    return hidden if len(structure) == 2 or inputs > MOST_INPUTS else hidden + inputs


def features(inputs: Array, hidden: Array, structure: Sequence[int]) -> Features:
    """Of scaled inputs (N, I) and the activations (N, H) of the last hidden layer, the inputs where there is none."""
    lengths = np.linalg.norm(inputs.astype(np.float64), axis=1)
    directions = [_unit(hidden)]
    if count_features(structure) > hidden.shape[1]:
        directions.append(_unit(inputs))
    return Features(np.concatenate(directions, axis=1), lengths)


@dataclass(frozen=True)
class Familiarity:
    """What the features of training examples look like: K classes, or 1 for all together. Features: see there.

    means: (K, F). axes: (K * k, F), k main axes of each class, a byte a number: less 128, and made as long as 1; an
    axis of nothing but 128 is none. limit: how far an example may be, with doubt counted in. doubt: what a unit of it
    counts. norm: how long inputs may be. All three are positive.
    """

    means: Array
    axes: Codes
    limit: float
    doubt: float
    norm: float

    @cached_property
    def _axes(self) -> Reals:
        """(K, k, F), each of length 1, or 0 throughout."""
        return np.asarray(_unit(self.axes.astype(np.float64) - _ZERO).reshape(len(self.means), -1, self.means.shape[1]))

    def strangeness(self, seen: Features, classes: npt.NDArray[np.integer], surprise: Reals) -> Reals:
        """(N,) from 0 on; above 1: like none of the training examples.

        classes: (N,) what the network says of each example. surprise: (N,) nats, -log of the probability that it gives
        to that; 0 where there is none.
        """
        distances = self.distances(seen.directions, classes) + self.doubt * _doubt(surprise)
        return np.asarray(np.maximum(distances / self.limit, seen.lengths / self.norm))

    def distances(self, directions: Array, classes: npt.NDArray[np.integer]) -> Reals:
        """(N,) how far directions (N, F) are from the flat of their class."""
        away = directions.astype(np.float64)
        which = classes if len(self.means) > 1 else np.zeros_like(classes)
        for c in np.unique(which):
            own = which == c
            away[own] = _off_the_flat(away[own] - self.means[c], self._axes[c])
        return np.asarray(np.linalg.norm(away, axis=1))


def _doubt(surprise: Reals) -> Reals:
    """Surprise by its order of magnitude: 0 for none, 4.3 for p = 0.5, 5.4 for p = 0.1."""
    return np.asarray(np.log1p(surprise / _DOUBT_FROM))


def learn_familiarity(
    seen: Features, classes: npt.NDArray[np.integer], surprise: Reals, count: int
) -> Familiarity | None:
    """From training examples, given as to `Familiarity.strangeness`; the classes are `count`, 1 where there are none.

    None where there is too little to learn from: a single feature, fewer than six examples, values that are not finite.
    """
    n, width = seen.directions.shape
    if n < 2 * _HELD_BACK or width < 2:
        return None
    if not (np.isfinite(seen.directions).all() and np.isfinite(seen.lengths).all()):
        return None
    if count * width > MOST_MEAN_NUMBERS:
        count = 1
    if count == 1:
        classes = np.zeros_like(classes)
    held_back = np.arange(n) % _HELD_BACK == 0
    most = max(1, min(MOST_AXES, width // 2, MOST_AXIS_NUMBERS // (count * width)))
    means, axes = np.zeros((count, width), seen.directions.dtype), np.full((count, most, width), _ZERO, np.uint8)
    for c in range(count):
        own = seen.directions[~held_back & (classes == c)].astype(np.float64)
        if len(own):
            means[c] = own.mean(axis=0)
            found = _main_axes(own - means[c], min(most, len(own) // _EXAMPLES_PER_AXIS))
            axes[c, : len(found)] = _codes(found)
    tiny = float(np.finfo(np.float32).eps)  # where all examples are alike
    plain = Familiarity(means, axes.reshape(-1, width), 1.0, tiny, 1.0)
    distances = plain.distances(seen.directions[held_back], classes[held_back])
    doubt = max(tiny, _DOUBT_SHARE * float(np.quantile(distances, 0.99) - np.median(distances)))
    limit = float(np.quantile(distances + doubt * _doubt(surprise[held_back]), _FAMILIAR_SHARE))
    norm = _LONGER * float(np.quantile(seen.lengths, _FAMILIAR_SHARE))
    return Familiarity(means, plain.axes, max(limit, tiny), doubt, max(norm, tiny))


def _unit(rows: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """The rows (N, F) at length 1; 0 where they are 0 throughout."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1))


def _off_the_flat(away: Reals, axes: Reals) -> Reals:
    """What is left of rows (N, F) when their part along the axes (k, F) is taken off."""
    return away - (away @ axes.T) @ axes


def _main_axes(away: Reals, count: int) -> Reals:
    """The directions in which rows (n, F), whose mean is 0, vary most: (count, F), orthonormal.

    By subspace iteration, which starts from rows: no random numbers, and no (F, F) matrix to decompose.
    """
    if count == 0:
        return away[:0]
    basis = np.linalg.qr(away[: min(count + _SPARE, away.shape[1])].T)[0]
    for _ in range(_ROUNDS):
        basis = np.linalg.qr(away.T @ (away @ basis))[0]
    within = np.linalg.svd(away @ basis, full_matrices=False)[2]
    return np.asarray((basis @ within[:count].T).T)


def _codes(axes: Reals) -> Codes:
    largest = np.abs(axes).max(axis=1, keepdims=True)
    return np.asarray(np.rint(axes / largest * (_ZERO - 1)) + _ZERO, np.uint8)
