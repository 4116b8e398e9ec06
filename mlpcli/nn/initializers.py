"""Initial weights and biases of one layer.

Each takes the layer's sizes and a generator and returns ``W`` (n_out, n_in) and ``b`` (n_out,) in float64;
the caller casts. W is drawn before b, layer by layer from the input on: that is the article's order.
A generator is numpy.random.Generator, or numpy.random.RandomState where the article's own draws are wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Draw = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
RandomSource: TypeAlias = "np.random.Generator | np.random.RandomState"  # a text: a prediction imports no generators


def normal(n_out: int, n_in: int, rng: RandomSource) -> Draw:
    """The article's: weights and biases from N(0, 1)."""
    return rng.standard_normal((n_out, n_in)), rng.standard_normal(n_out)


def xavier(n_out: int, n_in: int, rng: RandomSource) -> Draw:
    """Uniform in +-sqrt(6 / (n_in + n_out)), biases 0 (Glorot and Bengio 2010, eq. 16)."""
    bound = np.sqrt(6.0 / (n_in + n_out))
    return rng.uniform(-bound, bound, (n_out, n_in)), np.zeros(n_out)


def he(n_out: int, n_in: int, rng: RandomSource) -> Draw:
    """N(0, 2 / n_in), biases 0 (He et al. 2015, eq. 10)."""
    return rng.standard_normal((n_out, n_in)) * np.sqrt(2.0 / n_in), np.zeros(n_out)


def lecun(n_out: int, n_in: int, rng: RandomSource) -> Draw:
    """N(0, 1 / n_in), biases 0 (LeCun et al. 1998, eq. 16; what SELU is made for)."""
    return rng.standard_normal((n_out, n_in)) * np.sqrt(1.0 / n_in), np.zeros(n_out)


INITIALIZERS: dict[str, Callable[[int, int, RandomSource], Draw]] = {
    "normal": normal,
    "xavier": xavier,
    "he": he,
    "lecun": lecun,
}
