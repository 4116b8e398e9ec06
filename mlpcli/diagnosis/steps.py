"""The first steps of training: how far they move the weights, and whether they help."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mlpcli.diagnosis.finding import Finding
from mlpcli.diagnosis.sample import another
from mlpcli.errors import DivergedError
from mlpcli.run import Run

STEPS = 100


class Steps(NamedTuple):
    """losses: (steps,) mean loss of each batch. ratios: (steps, layers) ||change of W|| / ||W before||."""

    losses: npt.NDArray[np.float64]
    ratios: npt.NDArray[np.float64]


def first_steps(run: Run, steps: int = STEPS) -> Steps:
    """Train a run like this one from its initial weights for so many steps, or until the loss is not finite."""
    fresh = another(run, epochs=max(run.plan.epochs, steps), warmup=0.0, time_budget=None, patience=None)
    before = [W.astype(np.float64) for W in fresh.parameters.W]
    losses: list[float] = []
    ratios: list[list[float]] = []

    def look(step: int, loss: float) -> None:
        losses.append(loss)
        row = []
        for W, old in zip(fresh.parameters.W, before, strict=True):
            row.append(float(np.linalg.norm(W - old) / max(float(np.linalg.norm(old)), 1e-300)))
            old[...] = W
        ratios.append(row)

    def is_enough() -> bool:
        return len(losses) >= steps or (bool(losses) and not math.isfinite(losses[-1]))

    try:
        for _ in fresh.epochs(look, None, is_enough):
            pass
    except DivergedError:
        pass
    return Steps(np.array(losses), np.array(ratios))


# Measured on digits (64-32-10, sgd and adamw, rates from 1e-9 to 10): all runs that learn have a median from 2e-4 to
# 5e-2; below 1e-4 they are still at chance after 30 epochs, below 1e-5 for ever. Small layers of healthy runs may lose
# more than half of what they are in the first step, and others die of that: which it is, the loss tells.
_TOO_SMALL, _SMALL, _LARGE = 1e-5, 1e-4, 0.5
_NOTHING = 0.97  # of the loss of knowing nothing


def of_updates(steps: Steps, learning_rate: float, undecided: float) -> Finding:
    """Judge the update-to-weight ratio, layer by layer; near 1e-3 is the rule of thumb.

    undecided: the mean loss of knowing nothing.
    """
    check, n = "update ratio", len(steps.losses)
    if not np.isfinite(steps.losses).all() or not np.isfinite(steps.ratios).all():
        return Finding(
            check,
            "bad",
            f"loss not finite in step {n} at rate {learning_rate:g}",
            "training diverges at once: steps are far too large",
            f"try --learning-rate {_scaled(learning_rate, _WANTED_AT_MOST, float(steps.ratios[0].max()))}, and look at "
            "the scaling of the inputs",
        )
    median, largest = np.median(steps.ratios, axis=0), steps.ratios.max(axis=0)
    layers = ", ".join(f"{ratio:.1e}" for ratio in median)
    what = f"{layers} of each layer's weights in a step (median of {n} at rate {learning_rate:g})"
    loss = float(steps.losses[-max(1, n // 5) :].mean())
    if largest.max() >= _LARGE and loss >= _NOTHING * undecided:
        return Finding(
            check,
            "bad",
            f"{what}; up to {largest.max():.2g} in layer {int(largest.argmax()) + 2}, then a loss of {loss:.4g}",
            f"near 1e-3 is healthy; steps replace a layer, and knowing nothing would give {undecided:.4g}",
            f"try --learning-rate {_scaled(learning_rate, _WANTED_AT_MOST, float(largest.max()))}",
        )
    if median.min() < _SMALL:
        is_rate = median.max() < _WANTED  # else only this layer is slow
        return Finding(
            check,
            "bad" if median.min() < _TOO_SMALL else "doubtful",
            what,
            f"near 1e-3 is healthy; layer {int(median.argmin()) + 2} hardly moves and will take for ever",
            f"try --learning-rate {_scaled(learning_rate, _WANTED, float(median.max()))}"
            if is_rate
            else "no gradient reaches it: see the activations",
        )
    return Finding(check, "good", what, "near 1e-3, the rule of thumb (runs that learn have 1e-4 to 5e-2)")


_WANTED, _WANTED_AT_MOST = 1e-3, 0.05


def _scaled(rate: float, wanted: float, ratio: float) -> str:
    """The rate at which the ratio would be the one wanted, to one digit: steps grow as the rate does."""
    if not 0 < ratio < math.inf:
        return f"{rate / 10 if wanted == _WANTED_AT_MOST else rate * 10:g}"
    return f"{float(f'{rate * wanted / ratio:.0e}'):g}"


_POWERS = 12  # of ten, by which a rate may be too high


def rate_to_try(run: Run, steps: int = STEPS) -> float:
    """A learning rate for a run that has diverged: a tenth of its own or less, by powers of ten.

    The largest of these at which so many first steps bring the loss down; a tenth where none does.
    """
    rate = run.settings.learning_rate
    assert rate is not None
    for power in range(1, _POWERS + 1):
        lower = rate / 10.0**power
        losses = first_steps(another(run, learning_rate=lower), steps).losses
        tail = losses[-max(1, len(losses) // 5) :]
        if np.isfinite(losses).all() and tail.mean() < losses[0]:
            return lower
    return rate / 10
