"""Is a gradient right? Back-propagation against central differences.

Always in float64: in float32 a correct gradient can be off by 0.4, all of it rounding.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mlpcli.nn.dropout import Dropout
from mlpcli.nn.network import Network, Parameters

STEP = 1e-5  # near the cube root of float64's epsilon: truncation and rounding errors balance
THRESHOLD = 1e-6  # a correct gradient is within 1e-8; the usual mistakes are off by more than 0.5


class GradientCheck(NamedTuple):
    """Relative errors, |a - n| / max(|a|, |n|, floor): along a random direction, and per group (W2, b2, ...)."""

    along_direction: float
    per_group: dict[str, float]

    @property
    def worst(self) -> float:
        """The largest of them all."""
        return max(self.along_direction, *self.per_group.values())

    @property
    def passed(self) -> bool:
        """Whether every error is below THRESHOLD (NaN is not)."""
        return self.worst < THRESHOLD


def check_gradient(
    network: Network,
    parameters: Parameters,
    X: npt.ArrayLike,
    targets: npt.ArrayLike,
    rng: np.random.Generator,
    entries_per_group: int = 8,
    weights: npt.NDArray[np.float64] | None = None,
    dropout: Dropout | None = None,
) -> GradientCheck:
    """Compare the gradient of the batch's mean loss with central differences.

    X: (B, I), targets: (B, O), any float dtype: all is computed in float64. weights: (B,) of each example in the loss.
    dropout: in float64, with its masks drawn for these examples; they stay as they are.

    One comparison is along a random unit direction in all of parameter space, which no single wrong entry escapes;
    then up to `entries_per_group` random entries of each weight matrix and bias vector, to tell where an error is.

    A unit whose input crosses a ReLU's kink within the step is no evidence of anything; draw other numbers.
    """
    X, targets = np.asarray(X, np.float64), np.ascontiguousarray(targets, np.float64)
    at = Parameters(parameters.flat.astype(np.float64), network.structure)
    workspace, gradient = (
        network.workspace(len(X), np.float64),
        Parameters.zeros(network.structure, np.float64),
    )

    def mean_loss(flat: npt.NDArray[np.float64]) -> float:
        shifted = Parameters(flat, network.structure)
        return network.output_delta(shifted, X, targets, workspace.for_batch(len(X)), weights, dropout) / len(X)

    def slope(direction: npt.NDArray[np.float64]) -> float:
        ahead, behind = mean_loss(at.flat + STEP * direction), mean_loss(at.flat - STEP * direction)
        return (ahead - behind) / (2 * STEP)

    loss = network.loss_and_gradient(at, X, targets, workspace, gradient, None, weights, dropout) / len(X)
    # Below this, a difference of two losses has no digits left: rounding is epsilon * loss / step.
    floor = 1e-3 * max(abs(loss), 1e-3)

    def relative(analytic: float, numeric: float) -> float:
        return abs(analytic - numeric) / max(abs(analytic), abs(numeric), floor)

    direction = rng.standard_normal(at.flat.size)
    direction /= np.linalg.norm(direction)
    along = relative(float(gradient.flat @ direction), slope(direction))

    per_group: dict[str, float] = {}
    # Number every entry of the flat vector, then look at the numbers through the views.
    numbers = Parameters(np.arange(at.flat.size, dtype=np.float64), network.structure)
    for i in range(len(network.activations)):
        for letter, group in (("W", numbers.W[i]), ("b", numbers.b[i])):
            chosen = rng.choice(group.reshape(-1), min(entries_per_group, group.size), replace=False)
            errors = []
            for entry in chosen.astype(np.int64):
                unit = np.zeros(at.flat.size)
                unit[entry] = 1.0
                errors.append(relative(float(gradient.flat[entry]), slope(unit)))
            per_group[f"{letter}{i + 2}"] = max(errors)
    return GradientCheck(along, per_group)
