"""Axes of a chart: where a value stands, and where the ticks are."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)  # times a power of ten: distances between ticks that one can count with

_ALIKE = 1e-9  # values that differ by less, relatively, are one value: ticks could not tell them apart


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`, low < high, in the unit of its label. is_log: equal ratios take equal room; low > 0."""

    label: str
    low: float
    high: float
    ticks: tuple[float, ...]
    is_log: bool = False

    def at(self, value: float) -> float:
        """Where a value stands, from 0 at the low end to 1 at the high end."""
        if self.is_log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    @property
    def tick_labels(self) -> list[str]:
        """A text for each tick."""
        return [_short(tick) for tick in self.ticks]


def linear_axis(
    label: str, values: Sequence[float], *, low: float | None = None, high: float | None = None, whole: bool = False
) -> Axis:
    """An axis that holds finite values, one at least, from tick to tick. low, high: ends that are given.

    whole: for numbers of things, whose ticks are whole numbers.
    """
    bottom = min(values) if low is None else low
    top = max(values) if high is None else high
    if top - bottom <= _ALIKE * max(abs(bottom), abs(top)):  # room on both sides, as far as the ends are open
        room = abs(bottom) / 10 or 1.0
        bottom, top = (bottom if low is not None else bottom - room), (top if high is not None else top + room)
        top = max(top, bottom + room)
    step = _step((top - bottom) / 5, whole)
    first = math.floor(bottom / step + 1e-9) if low is None else math.ceil(bottom / step - 1e-9)
    last = math.ceil(top / step - 1e-9) if high is None else math.floor(top / step + 1e-9)
    ticks = tuple(float(f"{i * step:.12g}") for i in range(first, last + 1))
    return Axis(label, bottom if low is not None else ticks[0], top if high is not None else ticks[-1], ticks)


def log_axis(label: str, values: Sequence[float]) -> Axis:
    """A logarithmic axis that holds positive values, with ticks at powers of ten, or at 1, 2 and 5 times those."""
    first, last = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    last = max(last, first + 1)
    if last - first > 3:
        exponents = range(first, last + 1, max(1, (last - first) // 5))
        return Axis(label, 10.0**first, 10.0**last, tuple(10.0**e for e in exponents), is_log=True)
    marks = [m * 10.0**e for e in range(first, last + 1) for m in (1, 2, 5)]
    low = max(mark for mark in marks if mark <= min(values) * (1 + 1e-9))
    high = min((mark for mark in marks if mark >= max(values) * (1 - 1e-9) and mark > low), default=10.0**last)
    return Axis(label, low, high, tuple(mark for mark in marks if low <= mark <= high), is_log=True)


def _step(least: float, whole: bool) -> float:
    power = 10.0 ** math.floor(math.log10(least))
    step = next(s * power for s in _STEPS if s * power >= least * (1 - 1e-9))
    return max(1.0, float(math.ceil(step))) if whole else step


def _short(value: float) -> str:
    """A number as short as a tick has room for."""
    if value and not 1e-4 <= abs(value) < 1e5:
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{float(mantissa):g}e{int(exponent)}".replace("-", "\N{MINUS SIGN}")
    return f"{value:g}".replace("-", "\N{MINUS SIGN}")
