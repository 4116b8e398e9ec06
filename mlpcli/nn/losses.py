"""Losses: the sum over the examples of a batch, and its derivative.

`outputs` and `targets` are (B, O), of one dtype, C-contiguous; a classifier's targets are one-hot rows. A
loss of a batch is summed over its examples; the caller divides by their number. Cross-entropy is in nats.
`delta` and `scratch` are buffers of the same shape; nothing of the batch's size is allocated.

A loss is fused with the output activation where the pair has a simpler, safer form than the product of its
parts; everything else goes through dLoss/da and the activation's own derivative (article eq. 2).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mlpcli.nn.activations import Array, inplace_sigmoid


def squared_error(outputs: Array, targets: Array, delta: Array, scratch: Array) -> float:
    """Article section 1: sum over outputs of (y - a)^2. Leaves dLoss/da = 2 (a - y) in `delta` (B, O)."""
    np.subtract(outputs, targets, delta)
    flat = delta.reshape(-1)
    total = float(np.dot(flat, flat))
    np.add(delta, delta, delta)
    return total


def softmax_cross_entropy(z: Array, targets: Array, delta: Array, scratch: Array) -> float:
    """- sum_i y_i log a_i with a = softmax(z). Overwrites `z` with a; leaves dLoss/dz = a - y in `delta`.

    log a_i = z_i - logsumexp(z), so no logarithm of zero is ever taken. The derivative is that of rows of
    `targets` that sum to 1.
    """
    row = scratch[:, :1]
    np.maximum.reduce(z, axis=1, out=row, keepdims=True)
    np.subtract(z, row, z)
    of_target = float(np.dot(z.reshape(-1), targets.reshape(-1)))
    np.exp(z, z)
    np.add.reduce(z, axis=1, out=row, keepdims=True)  # in [1, O]
    np.divide(z, row, z)
    np.subtract(z, targets, delta)
    np.log(row, row)
    return float(row.sum()) - of_target


def sigmoid_cross_entropy(z: Array, targets: Array, delta: Array, scratch: Array) -> float:
    """- sum_i (y_i log a_i + (1 - y_i) log(1 - a_i)) with a = sigmoid(z): each output is a yes or no of its own.

    Overwrites `z` with a; leaves dLoss/dz = a - y in `delta`. Written in z the loss is
    max(z, 0) - y z + log(1 + exp(-|z|)), which neither overflows nor takes log(0).
    """
    np.abs(z, delta)
    np.negative(delta, delta)
    np.exp(delta, delta)
    np.log1p(delta, delta)
    np.maximum(z, 0.0, out=scratch)
    np.add(delta, scratch, delta)
    total = float(delta.sum()) - float(np.dot(z.reshape(-1), targets.reshape(-1)))
    inplace_sigmoid(z, scratch)
    np.subtract(z, targets, delta)
    return total


class Loss(NamedTuple):
    """A loss by its parts: `of_output` for any activation, `fused` by the output activation's name.

    `of_output(a, y, delta, scratch)` reads the activation and leaves dLoss/da; a fused one reads z, overwrites it with
    the activation and leaves dLoss/dz. A loss without `of_output` is defined only for the fused activations.
    """

    of_output: Callable[[Array, Array, Array, Array], float] | None
    fused: dict[str, Callable[[Array, Array, Array, Array], float]]

    def allows(self, output_activation: str) -> bool:
        """Whether the loss is defined for outputs of this activation."""
        return self.of_output is not None or output_activation in self.fused


LOSSES: dict[str, Loss] = {
    "mse": Loss(squared_error, {}),
    "cross-entropy": Loss(
        None,
        {"softmax": softmax_cross_entropy, "sigmoid": sigmoid_cross_entropy},
    ),
}
