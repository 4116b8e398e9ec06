"""Activation functions: f, and the way back through f.

Each is a pair that works in place on a buffer:

- ``inplace_<name>(z, scratch)`` overwrites ``z`` (B, |l|) with ``a = f(z)``;
- ``inplace_<name>_derivative(a, delta, scratch)`` overwrites ``delta`` (B, |l|), which holds dLoss/da,
  with dLoss/dz. It needs only the activation ``a``, never ``z``: nothing is computed twice.

``scratch`` is a buffer of the same shape. What `apply` leaves in it reaches the derivative untouched: GELU and SiLU
are not monotonic, so that their slope cannot be told from ``a``, and is left there. No function allocates
anything of the batch's size (GELU 256 rows, SELU a mask), and none overflows or warns for any finite input.

NumPy's third argument is where the result goes. It is given by position, and constants are arrays without
dimensions, because a step of a small network is bound by the cost of some twenty calls: either spelling
saves a tenth of it.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]

HALF = {np.dtype(kind): np.array(0.5, kind) for kind in ("float32", "float64")}


def inplace_identity(z: Array, scratch: Array) -> None:
    """a = z."""


def inplace_identity_derivative(a: Array, delta: Array, scratch: Array) -> None:
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


LEAK = 0.01  # the slope below 0 of Maas et al. 2013


def inplace_leaky_relu(z: Array, scratch: Array) -> None:
    """a = z where z > 0, else LEAK z (Maas, Hannun and Ng 2013): no unit is ever dead."""
    np.multiply(z, LEAK, scratch)
    np.maximum(z, scratch, out=z)


def inplace_leaky_relu_derivative(a: Array, delta: Array, scratch: Array) -> None:
    """da/dz = 1 where a > 0, else LEAK."""
    np.greater(a, 0.0, scratch)
    np.maximum(scratch, LEAK, out=scratch)
    np.multiply(delta, scratch, delta)


def inplace_elu(z: Array, scratch: Array) -> None:
    """a = z where z > 0, else exp(z) - 1 (Clevert et al. 2016, with their alpha of 1)."""
    np.minimum(z, 0.0, out=scratch)
    np.expm1(scratch, scratch)
    np.maximum(z, scratch, out=z)  # z <= exp(z) - 1, with equality at 0 alone, so below 0 this is the exponential


def inplace_elu_derivative(a: Array, delta: Array, scratch: Array) -> None:
    """da/dz = 1 where a > 0, else exp(z) = a + 1."""
    np.minimum(a, 0.0, out=scratch)
    np.add(scratch, 1.0, scratch)
    np.multiply(delta, scratch, delta)


# Klambauer et al. 2017, eq. 14: with these, layers keep mean 0 and variance 1.
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def inplace_selu(z: Array, scratch: Array) -> None:
    """a = SCALE z where z > 0, else SCALE ALPHA (exp(z) - 1) (Klambauer et al. 2017, eq. 2)."""
    np.minimum(z, 0.0, out=scratch)
    np.expm1(scratch, scratch)
    np.multiply(scratch, SELU_SCALE * SELU_ALPHA, scratch)
    np.maximum(z, 0.0, out=z)
    np.multiply(z, SELU_SCALE, z)
    np.add(z, scratch, z)  # one of the two is 0


def inplace_selu_derivative(a: Array, delta: Array, scratch: Array) -> None:
    """da/dz = SCALE where a > 0, else SCALE ALPHA exp(z) = a + SCALE ALPHA."""
    np.multiply(delta, SELU_SCALE, delta)
    np.minimum(a, 0.0, out=scratch)
    np.divide(scratch, SELU_SCALE, scratch)
    np.add(scratch, SELU_ALPHA, scratch)
    np.copyto(scratch, 1.0, where=a > 0)
    np.multiply(delta, scratch, delta)


def inplace_softplus(z: Array, scratch: Array) -> None:
    """a = log(1 + exp(z)) = max(z, 0) + log(1 + exp(-|z|)), which cannot overflow."""
    np.abs(z, scratch)
    np.negative(scratch, scratch)
    np.exp(scratch, scratch)
    np.log1p(scratch, scratch)
    np.maximum(z, 0.0, out=z)
    np.add(z, scratch, z)


def inplace_softplus_derivative(a: Array, delta: Array, scratch: Array) -> None:
    """da/dz = sigmoid(z) = 1 - exp(-a)."""
    np.negative(a, scratch)
    np.expm1(scratch, scratch)
    np.multiply(delta, scratch, delta)
    np.negative(delta, delta)


def inplace_silu(z: Array, scratch: Array) -> None:
    """a = z s with s = sigmoid(z) (Elfwing et al. 2018; also called swish). Leaves 1 - s in `scratch`."""
    np.multiply(z, -0.5, scratch)
    np.tanh(scratch, scratch)
    np.multiply(scratch, 0.5, scratch)
    np.subtract(0.5, scratch, scratch)  # s
    np.multiply(z, scratch, z)
    np.subtract(1.0, scratch, scratch)


def inplace_silu_derivative(a: Array, delta: Array, scratch: Array) -> None:
    """da/dz = s + a (1 - s) = 1 - (1 - s) + a (1 - s), with 1 - s as `inplace_silu` left it."""
    np.multiply(scratch, delta, scratch)
    np.subtract(delta, scratch, delta)
    np.multiply(scratch, a, scratch)
    np.add(delta, scratch, delta)


def inplace_gelu(z: Array, scratch: Array) -> None:
    """a = z s with s = (1 + tanh(u)) / 2, u = sqrt(2 / pi) (z + 0.044715 z^3) (Hendrycks and Gimpel 2016, section 2).

    That is their closed form, within 0.0005 of z Phi(z); NumPy has no error function. Leaves the slope in `scratch`.
    """
    for start in range(0, len(z), _ROWS):  # the slope takes a third buffer: a small one
        _gelu_rows(z[start : start + _ROWS], scratch[start : start + _ROWS])


_ROWS = 256
_GELU_RATE, _GELU_CUBE = math.sqrt(2.0 / math.pi), 0.044715


def _gelu_rows(z: Array, slope: Array) -> None:
    # Beyond 30, tanh(u) is 1 to the last digit; without the limit a cube could overflow.
    inner = np.clip(z, -30.0, 30.0)
    np.multiply(inner, inner, slope)
    np.multiply(slope, _GELU_CUBE, slope)
    np.add(slope, 1.0, slope)  # 1 + k z^2
    np.multiply(inner, slope, inner)
    np.multiply(inner, _GELU_RATE, inner)  # u
    np.tanh(inner, inner)
    np.multiply(slope, 3.0, slope)
    np.subtract(slope, 2.0, slope)
    np.multiply(slope, _GELU_RATE, slope)  # du/dz = c (1 + 3 k z^2)
    np.multiply(inner, 0.5, inner)
    np.add(inner, 0.5, inner)  # s
    np.multiply(z, inner, z)  # a
    # slope = s + z ds/dz, with ds/dz = 2 s (1 - s) du/dz, so s + 2 a (1 - s) du/dz
    np.subtract(1.0, inner, inner)
    np.multiply(slope, inner, slope)  # before a: where a is huge, 1 - s is 0
    np.multiply(slope, z, slope)
    np.multiply(slope, 2.0, slope)
    np.subtract(slope, inner, slope)
    np.add(slope, 1.0, slope)


def inplace_gelu_derivative(a: Array, delta: Array, scratch: Array) -> None:
    """As `inplace_gelu` left it."""
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
    "identity": Activation(inplace_identity, inplace_identity_derivative),
    "sigmoid": Activation(inplace_sigmoid, inplace_sigmoid_derivative),
    "tanh": Activation(inplace_tanh, inplace_tanh_derivative),
    "relu": Activation(inplace_relu, inplace_relu_derivative),
    "leaky-relu": Activation(inplace_leaky_relu, inplace_leaky_relu_derivative),
    "elu": Activation(inplace_elu, inplace_elu_derivative),
    "selu": Activation(inplace_selu, inplace_selu_derivative),
    "gelu": Activation(inplace_gelu, inplace_gelu_derivative),
    "silu": Activation(inplace_silu, inplace_silu_derivative),
    "softplus": Activation(inplace_softplus, inplace_softplus_derivative),
    "softmax": Activation(inplace_softmax, inplace_softmax_derivative),
}
