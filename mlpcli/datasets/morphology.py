"""Grey-value morphology: running extremes, openings and closings by lines and squares, at any window in log time."""

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

_LEAST: dict[str, Any] = {"b": False, "u": 0, "i": -32768, "f": -np.inf}
_MOST: dict[str, Any] = {"b": True, "u": 255, "i": 32767, "f": np.inf}
Values = TypeVar("Values", bound=npt.NDArray[Any])


def dilation(values: Values, window: int, axis: int) -> Values:
    """The maximum over `window` (made odd) items around each, along an axis; `values` (height, width, ...) of any type.

    At the border of the picture, over what there is of the window.
    """
    return _running(np.maximum, values, window, axis)


def erosion(values: Values, window: int, axis: int) -> Values:
    """The minimum, as `dilation`."""
    return _running(np.minimum, values, window, axis)


def closing(values: Values, window: int, axes: tuple[int, ...] = (0, 1)) -> Values:
    """What is darker than its surroundings and narrower than `window` along the axes is gone: a square's for both."""
    for axis in axes:
        values = dilation(values, window, axis)
    for axis in axes:
        values = erosion(values, window, axis)
    return values


def opening(values: Values, window: int, axes: tuple[int, ...] = (0, 1)) -> Values:
    """What is lighter than its surroundings and narrower than `window` along the axes is gone: a square's for both."""
    for axis in axes:
        values = erosion(values, window, axis)
    for axis in axes:
        values = dilation(values, window, axis)
    return values


def _running(extreme: "np.ufunc", values: Values, window: int, axis: int) -> Values:
    """Extremes of ever longer runs, each of two of half its length, until two of them make up the window."""
    reach = window // 2
    if not reach:
        return values
    turned = values.swapaxes(0, axis)
    length = len(turned)
    # Beyond the border there is nothing that could be the extreme. (np.pad takes longer than all the rest.)
    runs = np.empty((length + 2 * reach, *turned.shape[1:]), values.dtype)
    runs[:reach] = runs[-reach:] = _LEAST[values.dtype.kind] if extreme is np.maximum else _MOST[values.dtype.kind]
    runs[reach:-reach] = turned
    span = 1
    while 2 * span <= 2 * reach + 1:
        runs = extreme(runs[:-span], runs[span:])
        span *= 2
    rest = 2 * reach + 1 - span
    return extreme(runs[:length], runs[rest : rest + length]).swapaxes(0, axis)  # type: ignore[no-any-return]
