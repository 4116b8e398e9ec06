"""Losses: one number for each example of a batch, and its derivative.

`outputs` and `targets` are (B, O), of one dtype, C-contiguous; a classifier's targets are one-hot rows, or rows of
probabilities. `each` (B,) receives the loss of each example: cross-entropy in nats; the caller sums, or weighs.
`delta` and `scratch` are buffers of the outputs' shape; no more than 256 rows are allocated.

A loss is fused with the output activation where the pair has a simpler, safer form than the product of its
parts; everything else goes through dLoss/da and the activation's own derivative (article eq. 2).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mlpcli.nn.activations import Array, inplace_sigmoid

Function = Callable[[Array, Array, Array, Array, Array], None]


def squared_error(outputs: Array, targets: Array, delta: Array, scratch: Array, each: Array) -> None:
    """Article section 1: sum over outputs of (y - a)^2. Leaves dLoss/da = 2 (a - y) in `delta` (B, O)."""
    np.subtract(outputs, targets, delta)
    np.vecdot(delta, delta, each)
    np.add(delta, delta, delta)


def absolute_error(outputs: Array, targets: Array, delta: Array, scratch: Array, each: Array) -> None:
    """Sum over outputs of |a - y|. Leaves its sign in `delta`: at 0 the subgradient 0."""
    np.subtract(outputs, targets, delta)
    np.abs(delta, scratch)
    np.add.reduce(scratch, axis=1, out=each)
    np.sign(delta, delta)


def huber(threshold: float) -> Function:
    """Sum over outputs of e^2 / 2 where |e| <= threshold, else threshold (|e| - threshold / 2), with e = a - y
    (Huber 1964): squared for small errors, so that it has a slope at 0; absolute for outliers."""

    def huber_of(outputs: Array, targets: Array, delta: Array, scratch: Array, each: Array) -> None:
        np.subtract(outputs, targets, delta)
        np.clip(delta, -threshold, threshold, out=scratch)  # the derivative c; the loss is c (e - c / 2)
        np.vecdot(scratch, delta, each)
        np.copyto(delta, scratch)
        np.multiply(scratch, 0.5, scratch)
        np.multiply(scratch, delta, scratch)
        each -= scratch.sum(axis=1)

    return huber_of


def softmax_cross_entropy(z: Array, targets: Array, delta: Array, scratch: Array, each: Array) -> None:
    """- sum_i y_i log a_i with a = softmax(z). Overwrites `z` with a; leaves dLoss/dz = a - y in `delta`.

    log a_i = z_i - logsumexp(z), so no logarithm of zero is ever taken. The loss and the derivative are those of
    rows of `targets` that sum to 1.
    """
    row = scratch[:, :1]
    np.maximum.reduce(z, axis=1, out=row, keepdims=True)
    np.subtract(z, row, z)
    np.vecdot(z, targets, each)  # of the target
    np.exp(z, z)
    np.add.reduce(z, axis=1, out=row, keepdims=True)  # in [1, O]
    np.divide(z, row, z)
    np.subtract(z, targets, delta)
    np.log(row, row)
    np.subtract(row[:, 0], each, each)


def sigmoid_cross_entropy(z: Array, targets: Array, delta: Array, scratch: Array, each: Array) -> None:
    """- sum_i (y_i log a_i + (1 - y_i) log(1 - a_i)) with a = sigmoid(z): each output is a yes or no of its own.

    Overwrites `z` with a; leaves dLoss/dz = a - y in `delta`. Written in z the loss is
    max(z, 0) - y z + log(1 + exp(-|z|)), which neither overflows nor takes log(0).
    """
    np.maximum(z, 0.0, out=delta)
    np.multiply(z, targets, scratch)
    np.subtract(delta, scratch, delta)  # 0 where the network is right: the tail keeps all its digits
    np.abs(z, scratch)
    np.negative(scratch, scratch)
    np.exp(scratch, scratch)
    np.log1p(scratch, scratch)
    np.add(delta, scratch, delta)
    np.add.reduce(delta, axis=1, out=each)
    inplace_sigmoid(z, scratch)
    np.subtract(z, targets, delta)


def softmax_focal(gamma: float) -> Function:
    """- sum_i y_i (1 - a_i)^gamma log a_i with a = softmax(z) (Lin et al. 2017, eq. 4): examples that are learnt
    already count less. Overwrites `z` with a; leaves dLoss/dz in `delta`. With gamma 0 it is cross-entropy."""

    def of_rows(z: Array, targets: Array, delta: Array, each: Array) -> None:
        log_a = z - z.max(axis=1, keepdims=True)
        log_a -= np.log(np.exp(log_a).sum(axis=1, keepdims=True))
        np.exp(log_a, z)
        rest = -np.expm1(log_a)  # 1 - a, with all its digits where a is near 1
        weight = rest**gamma
        np.negative(np.vecdot(targets, weight * log_a), each)
        # log(a) / (1 - a) tends to -1 where a tends to 1.
        ratio = np.divide(log_a, rest, out=np.full_like(rest, -1.0), where=rest > 0)
        h = targets * weight * (gamma * z * ratio - 1.0)  # a dLoss/da; the softmax's Jacobian takes it to z
        np.subtract(h, z * h.sum(axis=1, keepdims=True), delta)

    return _by_rows(of_rows)


def sigmoid_focal(gamma: float) -> Function:
    """- sum_i (y_i (1 - a_i)^gamma log a_i + (1 - y_i) a_i^gamma log(1 - a_i)) with a = sigmoid(z) (Lin et al. 2017).

    Overwrites `z` with a; leaves dLoss/dz in `delta`. With gamma 0 it is binary cross-entropy.
    """

    def of_rows(z: Array, targets: Array, delta: Array, each: Array) -> None:
        tail = np.log1p(np.exp(-np.abs(z)))
        log_a, log_rest = np.minimum(z, 0.0) - tail, np.minimum(-z, 0.0) - tail
        rest = np.exp(log_rest)
        np.exp(log_a, z)
        yes, no = targets * rest**gamma, (1.0 - targets) * z**gamma
        np.negative((yes * log_a + no * log_rest).sum(axis=1), each)
        np.subtract(yes * (gamma * z * log_a - rest), no * (gamma * rest * log_rest - z), delta)

    return _by_rows(of_rows)


def distillation(temperature: float, share: float) -> Function:
    """(1 - share) times cross-entropy, and share T^2 times that against the teacher's softened answers (Hinton,
    Vinyals and Dean 2015, section 2): the factor keeps both gradients of one size whatever T is.

    targets: (B, 2 O), the example's own target and then the teacher's softmax(z / T). Overwrites `z` (B, O) with
    softmax(z); leaves dLoss/dz in `delta`.
    """

    def of_rows(z: Array, targets: Array, delta: Array, each: Array) -> None:
        outputs = z.shape[1]
        own, teachers = targets[:, :outputs], targets[:, outputs:]
        z -= z.max(axis=1, keepdims=True)
        soft = z / temperature
        soft -= np.log(np.exp(soft).sum(axis=1, keepdims=True))
        z -= np.log(np.exp(z).sum(axis=1, keepdims=True))
        by_teacher = share * temperature**2 * np.vecdot(teachers, soft)
        np.negative((1.0 - share) * np.vecdot(own, z) + by_teacher, each)
        np.exp(z, z)
        np.multiply(z - own, 1.0 - share, delta)
        delta += share * temperature * (np.exp(soft) - teachers)

    return _by_rows(of_rows)


_ROWS = 256


def _by_rows(of_rows: Callable[[Array, Array, Array, Array], None]) -> Function:
    """A loss that is easier to read with temporaries: they are small, because it gets a few rows at a time."""

    def loss(z: Array, targets: Array, delta: Array, scratch: Array, each: Array) -> None:
        for start in range(0, len(z), _ROWS):
            rows = slice(start, start + _ROWS)
            of_rows(z[rows], targets[rows], delta[rows], each[rows])

    return loss


class Loss(NamedTuple):
    """A loss by its parts: `of_output` for any activation, `fused` by the output activation's name.

    `of_output(a, y, delta, scratch, each)` reads the activation and leaves dLoss/da; a fused one reads z, overwrites
    it with the activation and leaves dLoss/dz. A loss without `of_output` is defined only for the fused activations.
    """

    of_output: Function | None
    fused: dict[str, Function]

    def allows(self, output_activation: str) -> bool:
        """Whether the loss is defined for outputs of this activation."""
        return self.of_output is not None or output_activation in self.fused


class LossFamily(NamedTuple):
    """A loss for given parameters, and what those are by default."""

    make: Callable[..., Loss]
    defaults: tuple[float, ...] = ()


LOSSES: dict[str, LossFamily] = {
    "mse": LossFamily(lambda: Loss(squared_error, {})),
    "mae": LossFamily(lambda: Loss(absolute_error, {})),
    "huber": LossFamily(lambda threshold: Loss(huber(threshold), {}), (1.0,)),
    "cross-entropy": LossFamily(
        lambda: Loss(None, {"softmax": softmax_cross_entropy, "sigmoid": sigmoid_cross_entropy})
    ),
    "binary-cross-entropy": LossFamily(lambda: Loss(None, {"sigmoid": sigmoid_cross_entropy})),
    "focal": LossFamily(
        lambda gamma: Loss(None, {"softmax": softmax_focal(gamma), "sigmoid": sigmoid_focal(gamma)}), (2.0,)
    ),
    "distillation": LossFamily(lambda t, share: Loss(None, {"softmax": distillation(t, share)}), (20.0, 0.9)),
}
