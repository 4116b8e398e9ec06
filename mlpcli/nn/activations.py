"""Activation functions: f, and the way back through f.

Each is a pair that works in place on a buffer:

- ``inplace_<name>(z, scratch)`` overwrites ``z`` (B, |l|) with ``a = f(z)``;
- ``inplace_<name>_derivative(a, delta, scratch)`` overwrites ``delta`` (B, |l|), which holds dLoss/da,
  with dLoss/dz. It needs only the activation ``a``, never ``z``: nothing is computed twice.

``scratch`` is a buffer of the same shape whose content is lost. No function allocates anything of the
batch's size, and none overflows or warns for any finite input.

NumPy's third argument is where the result goes. It is given by position, and constants are arrays without
dimensions, because a step of a small network is bound by the cost of some twenty calls: either spelling
saves a tenth of it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]

HALF = {np.dtype(kind): np.array(0.5, kind) for kind in ("float32", "float64")}


def inplace_linear(z: Array, scratch: Array) -> None:
    """a = z."""


def inplace_linear_derivative(a: Array, delta: Array, scratch: Array) -> None:
    """da/dz = 1."""


def inplace_sigmoid(z: Array, scratch: Array) -> None:
    """a = 1 / (1 + exp(-z)), computed as (1 + tanh(z / 2)) / 2, which cannot overflow."""
    half = HALF[z.dtype]
    np.multiply(z, half, z)
    np.tanh(z, z)
    np.multiply(z, half, z)
    np.add(z, half, z)


def inplace_sigmoid_derivative(a: Array, delta: Array, scratch: Array) -> None:
    """da/dz = a (1 - a) = a - a^2."""
    np.multiply(a, a, scratch)
    np.subtract(a, scratch, scratch)
    np.multiply(delta, scratch, delta)


def inplace_tanh(z: Array, scratch: Array) -> None:
    """a = tanh(z)."""
    np.tanh(z, z)


def inplace_tanh_derivative(a: Array, delta: Array, scratch: Array) -> None:
    """da/dz = 1 - a^2."""
    np.multiply(a, a, scratch)
    np.subtract(1.0, scratch, scratch)
    np.multiply(delta, scratch, delta)


def inplace_relu(z: Array, scratch: Array) -> None:
    """a = max(z, 0)."""
    np.maximum(z, 0.0, out=z)  # NumPy 2.4 deprecates the position here


def inplace_relu_derivative(a: Array, delta: Array, scratch: Array) -> None:
    """da/dz = 1 where a > 0, else 0 (at z = 0 the subgradient 0)."""
    np.greater(a, 0.0, scratch)
    np.multiply(delta, scratch, delta)


def inplace_softmax(z: Array, scratch: Array) -> None:
    """a_i = exp(z_i) / sum_j exp(z_j) along each row; the row's maximum is taken off first, so exp <= 1."""
    row = scratch[:, :1]
    np.maximum.reduce(z, axis=1, out=row, keepdims=True)
    np.subtract(z, row, z)
    np.exp(z, z)
    np.add.reduce(z, axis=1, out=row, keepdims=True)
    np.divide(z, row, z)


def inplace_softmax_derivative(a: Array, delta: Array, scratch: Array) -> None:
    """The Jacobian da_i/dz_j = a_i (1[i = j] - a_j), times delta: a * (delta - sum_j a_j delta_j)."""
    np.einsum("ij,ij->i", a, delta, out=scratch[:, 0])
    np.subtract(delta, scratch[:, :1], delta)
    np.multiply(a, delta, delta)


class Activation(NamedTuple):
    """An activation and its derivative, as described in the module's docstring."""

    apply: Callable[[Array, Array], None]
    derivative: Callable[[Array, Array, Array], None]


ACTIVATIONS: dict[str, Activation] = {
    "linear": Activation(inplace_linear, inplace_linear_derivative),
    "sigmoid": Activation(inplace_sigmoid, inplace_sigmoid_derivative),
    "tanh": Activation(inplace_tanh, inplace_tanh_derivative),
    "relu": Activation(inplace_relu, inplace_relu_derivative),
    "softmax": Activation(inplace_softmax, inplace_softmax_derivative),
}
