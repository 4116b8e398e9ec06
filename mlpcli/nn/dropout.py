"""Dropout (Srivastava et al. 2014), inverted: what is kept is scaled up while training; prediction needs nothing.

A rate is the fraction that is dropped, 0 up to but not 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mlpcli.nn.activations import Array


class Dropout:
    """Masks for one batch at a time: each number of a layer is 0 with its rate p, else 1 / (1 - p).

    rates: of the input and of each hidden layer. structure: units per layer. Buffers for up to `capacity` examples.
    """

    def __init__(self, rates: Sequence[float], structure: Sequence[int], capacity: int, dtype: npt.DTypeLike) -> None:
        if len(rates) != len(structure) - 1 or not all(0.0 <= rate < 1.0 for rate in rates):
            raise ValueError(f"{len(structure) - 1} rates from 0 up to but not 1 wanted, got {list(rates)}")
        self.rates = tuple(rates)
        sizes = [(capacity, units) if rate else (0, units) for rate, units in zip(rates, structure[:-1], strict=True)]
        self._masks: list[Array] = [np.empty(size, dtype) for size in sizes]
        self._dropped: list[Array] = [np.empty(size, dtype) for size in sizes]
        self._batch = capacity

    def draw(self, batch_size: int, rng: np.random.Generator) -> None:
        """Draw the masks of a batch."""
        self._batch = batch_size
        for rate, mask in zip(self.rates, self._masks, strict=True):
            if rate:
                part = mask[:batch_size]
                rng.random(out=part, dtype=part.dtype)
                np.greater_equal(part, rate, part)
                np.multiply(part, 1.0 / (1.0 - rate), part)

    def forward(self, layer: int, A: Array) -> Array:
        """What is left of the activations (B, |l|) of a layer, 0 the input: a buffer of ours, or A itself."""
        if not self.rates[layer]:
            return A
        dropped = self._dropped[layer][: self._batch]
        np.multiply(A, self._masks[layer][: self._batch], dropped)
        return dropped

    def backward(self, layer: int, delta: Array) -> None:
        """Take dLoss/d(what was left) (B, |l|) to dLoss/dA, in place."""
        if self.rates[layer]:
            np.multiply(delta, self._masks[layer][: self._batch], delta)
