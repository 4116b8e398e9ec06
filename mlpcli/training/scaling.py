"""From raw values to what a network takes: (raw - offset) * scale, input by input."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mlpcli.memory import rows_of
from mlpcli.nn.activations import Array

Raw = npt.NDArray[np.generic]
_BLOCK = 2**22  # bytes of raw values looked at together


class Scaling(NamedTuple):
    """offset, scale: () or (I,) float64, finite. `offset` is None where it is 0 throughout: the usual case is fast."""

    scale: npt.NDArray[np.float64]
    offset: npt.NDArray[np.float64] | None = None

    def apply(self, raw: Raw, out: Array, scratch: npt.NDArray[np.float64] | None = None) -> None:
        """Write the scaled values of `raw` (B, I) to `out` (B, I).

        Where there is an offset, it is taken off in float64 (in `scratch`, (B, I), if given): a year or a time in
        seconds has no digits left in float32.
        """
        if self.offset is None:
            np.multiply(raw, self.scale.astype(out.dtype), out=out, casting="unsafe")
        else:
            away = np.subtract(raw, self.offset, out=scratch, dtype=np.float64)
            np.multiply(away, self.scale, out=out, casting="same_kind")

    def undo(self, scaled: Array) -> npt.NDArray[np.float64]:
        """The raw values that give `scaled`, as float64."""
        raw = scaled / self.scale
        return raw if self.offset is None else raw + self.offset

    def to_json(self) -> dict[str, Any]:
        """Numbers and lists, exact."""
        return {"scale": self.scale.tolist()} | ({} if self.offset is None else {"offset": self.offset.tolist()})

    @classmethod
    def from_json(cls, described: dict[str, Any], size: int) -> "Scaling":
        """What `to_json` gave, for so many values. KeyError, TypeError or ValueError for anything else."""
        arrays = [_numbers(described["scale"], size)]
        if "offset" in described:
            arrays.append(_numbers(described["offset"], size))
        return cls(*arrays)


def _numbers(value: Any, size: int) -> npt.NDArray[np.float64]:
    numbers = value if isinstance(value, list) else [value]
    if not all(type(number) in (int, float) and abs(number) < 1e300 for number in numbers):
        raise ValueError("a scaling that is no number")
    if isinstance(value, list) and len(value) != size:
        raise ValueError(f"a scaling of {len(value)} numbers for {size}")
    return np.array(value, np.float64)


def by_maximum(maximum: float) -> Scaling:
    """Values up to `maximum` become at most 1."""
    return Scaling(np.array(1.0 / maximum))


def standard(values: Raw, rows: npt.NDArray[np.integer]) -> Scaling:
    """Mean 0 and standard deviation 1 over `rows` of `values` (N, I); a constant input becomes 0.

    ValueError where a value is not finite. Goes through blocks, so that `values` may be larger than memory.
    """
    first = values[rows[0]].astype(np.float64)  # taken off first: nearly equal large numbers keep their digits
    total, squares = np.zeros_like(first), np.zeros_like(first)
    varies = np.zeros(first.shape, bool)
    with np.errstate(over="ignore", invalid="ignore"):
        for block in _blocks(values, rows):
            away = block - first
            varies |= (away != 0).any(axis=0)
            total += away.sum(axis=0)
            squares += np.square(away, out=away).sum(axis=0)
        mean = total / len(rows)
        deviation = np.sqrt(np.maximum(squares / len(rows) - mean**2, 0.0))
    if not (np.isfinite(mean).all() and np.isfinite(deviation).all() and np.isfinite(first).all()):
        raise ValueError("values that are not finite, or too large")
    scale = np.ones_like(first)
    np.divide(1.0, deviation, out=scale, where=varies & (deviation > 1e-150))
    return Scaling(scale, first + mean)


def _blocks(values: Raw, rows: npt.NDArray[np.integer]) -> Iterator[npt.NDArray[np.float64]]:
    size = max(1, _BLOCK // (8 * max(1, values.shape[1])))
    for at in range(0, len(rows), size):
        yield rows_of(values, rows[at : at + size]).astype(np.float64)
