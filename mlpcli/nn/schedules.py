"""Learning-rate schedules: the factor on the base rate after a fraction of the run."""

import math
from collections.abc import Callable


def constant(progress: float) -> float:
    """1, all the way. `progress` is in [0, 1]: steps done over steps in all."""
    return 1.0


def cosine(progress: float) -> float:
    """From 1 down to 0 along half a cosine (Loshchilov and Hutter 2017, eq. 5, no restart)."""
    return 0.5 * (1.0 + math.cos(math.pi * progress))


SCHEDULES: dict[str, Callable[[float], float]] = {"constant": constant, "cosine": cosine}
