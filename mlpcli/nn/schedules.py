"""Learning-rate schedules: the factor on the base rate as a run goes on.

A schedule is a function of progress alone, so that a run that is resumed goes on as if it had never stopped. Time is
counted in epochs, fractions of them included: `done` of `of` in all.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Factor = Callable[[float, float], float]


def constant() -> Factor:
    """1, all the way."""
    return lambda done, of: 1.0


def step(decay: float, every: float) -> Factor:
    """Multiplied by `decay` after each `every` epochs."""
    return lambda done, of: decay ** math.floor(done / every)


def exponential(decay: float) -> Factor:
    """decay^t after t epochs, step by step."""
    return lambda done, of: float(decay**done)


def inverse_scaling(power: float) -> Factor:
    """1 / (1 + t)^power after t epochs (Robbins and Monro 1951 for powers above 1/2, up to 1)."""
    return lambda done, of: float((1.0 + done) ** -power)


def cosine() -> Factor:
    """From 1 down to 0 along half a cosine (Loshchilov and Hutter 2017, eq. 5, no restart)."""
    return lambda done, of: _half_cosine(1.0, 0.0, done / of)


def one_cycle() -> Factor:
    """From 1/25 up to 1 in the first 30 % of the run, then down to 1/250,000, both along half a cosine (Smith and
    Topin 2018, with the figures that have become usual)."""

    def factor(done: float, of: float) -> float:
        progress = done / of
        if progress < _RISE:
            return _half_cosine(1.0 / 25.0, 1.0, progress / _RISE)
        return _half_cosine(1.0, 1.0 / 250_000.0, (progress - _RISE) / (1.0 - _RISE))

    return factor


_RISE = 0.3


def _half_cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) * 0.5 * (1.0 + math.cos(math.pi * progress))


# By name, with the parameters that each takes. "plateau" is a constant that `plateau` multiplies.
SCHEDULES: dict[str, Callable[..., Factor]] = {
    "constant": constant,
    "step": step,
    "exponential": exponential,
    "inverse-scaling": inverse_scaling,
    "cosine": cosine,
    "one-cycle": one_cycle,
    "plateau": constant,
}


def plateau(losses: Sequence[float], decay: float, patience: float) -> float:
    """The factor after epochs of these validation losses: `decay` for each time that `patience` epochs in a row
    brought none below the lowest so far."""
    factor, lowest, waited = 1.0, math.inf, 0
    for loss in losses:
        waited += 1
        if loss < lowest:
            lowest, waited = loss, 0
        elif waited >= patience:
            factor, waited = factor * decay, 0
    return factor


@dataclass(frozen=True)
class Schedule:
    """The rate of every step of a run of `epochs` epochs.

    warmup: epochs in which the rate rises linearly from 0, before the schedule begins. patience: of a plateau, in
    epochs; None for every other schedule.
    """

    rate: float
    factor: Factor
    epochs: int
    warmup: float = 0.0
    decay: float = 1.0
    patience: int | None = None

    def at(self, epoch: int, step: int, steps: int) -> float:
        """The learning rate of a step, both from 0, of so many in an epoch."""
        done = epoch + step / steps
        if done < self.warmup:
            return self.rate * min(1.0, (done + 1.0 / steps) / self.warmup)
        return self.rate * self.factor(done - self.warmup, self.epochs - self.warmup)

    def reduced(self, losses: Sequence[float]) -> float:
        """What a plateau makes of every rate after epochs of these validation losses."""
        return 1.0 if self.patience is None else plateau(losses, self.decay, self.patience)
