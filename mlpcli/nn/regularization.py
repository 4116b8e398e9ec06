"""What is put on gradients and weights besides the loss's own gradient.

The penalties are of weights alone: a bias moves a unit's threshold and does not make a function less smooth.
"""

import math

import numpy as np

from mlpcli.nn.activations import Array
from mlpcli.nn.network import Parameters


def add_l2(parameters: Parameters, gradient: Parameters, l2: float, scratch: Parameters) -> None:
    """The gradient of l2 / 2 times the sum of squared weights."""
    for W, of_W, buffer in zip(parameters.W, gradient.W, scratch.W, strict=True):
        np.multiply(W, l2, buffer)
        np.add(of_W, buffer, of_W)


def add_l1(parameters: Parameters, gradient: Parameters, l1: float, scratch: Parameters) -> None:
    """The subgradient of l1 times the sum of absolute weights (0 for a weight that is 0)."""
    for W, of_W, buffer in zip(parameters.W, gradient.W, scratch.W, strict=True):
        np.sign(W, buffer)
        np.multiply(buffer, l1, buffer)
        np.add(of_W, buffer, of_W)


def penalty(parameters: Parameters, l1: float, l2: float) -> float:
    """What is added to the mean loss: l1 sum |w| + l2 / 2 sum w^2."""
    absolute = sum(float(np.abs(W).sum()) for W in parameters.W) if l1 else 0.0
    squared = sum(float(np.dot(W.reshape(-1), W.reshape(-1))) for W in parameters.W) if l2 else 0.0
    return l1 * absolute + 0.5 * l2 * squared


def norm(vector: Array) -> float:
    """The Euclidean length of a flat vector."""
    squared = float(np.dot(vector, vector))
    if math.isinf(squared):  # of float32, from 1.8e19 on
        squared = float(np.square(vector, dtype=np.float64).sum())
    return math.sqrt(squared)


def clip_norm(gradient: Array, limit: float, length: float) -> None:
    """Shorten a gradient (P,) of this `length` to `limit`, if it is longer (Pascanu et al. 2013, algorithm 1)."""
    if length > limit:
        np.multiply(gradient, limit / length, gradient)


def limit_norms(parameters: Parameters, limit: float) -> None:
    """Scale the incoming weights of each unit back to Euclidean length `limit`, where it is more: the max-norm
    constraint of Srivastava et al. 2014, section 5.1."""
    for W in parameters.W:
        lengths = np.sqrt(np.vecdot(W, W))
        if lengths.max(initial=0.0) > limit:
            W *= np.minimum(1.0, limit / np.maximum(lengths, limit))[:, np.newaxis]
