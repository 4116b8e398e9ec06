"""Upright characters: the slant of each image taken out by a shear (LeCun et al. 1998, section III.A).

The slant is that of the principal axis: with the second moments of what is drawn about its centre of mass, a row at
height y is moved by mu_xy / mu_yy times its distance from the centre, which makes mu_xy 0.
"""

import numpy as np
import numpy.typing as npt

from mlpcli.memory import rows_of

_AT_ONCE = 1024
_MOST = 1.0  # 45 degrees; a greater slant is that of a dash


def deslanted(X: npt.NDArray[np.generic], shape: tuple[int, int]) -> npt.NDArray[np.generic]:
    """The grey images X (N, H * W) without their slant, of the same type.

    What is drawn is what differs from the ground, the median of the image's border; a blank image stays as it is.
    """
    upright = np.empty(X.shape, X.dtype)
    for start in range(0, len(X), _AT_ONCE):
        some = rows_of(X, np.arange(start, min(start + _AT_ONCE, len(X)))).reshape(-1, *shape)
        upright[start : start + len(some)] = _sheared(some).reshape(len(some), -1)
    return upright


def _sheared(images: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    values = images.astype(np.float32)
    width = values.shape[2]
    border = np.concatenate([values[:, 0], values[:, -1], values[:, :, 0], values[:, :, -1]], axis=1)
    ink = np.abs(values - np.median(border, axis=1)[:, np.newaxis, np.newaxis])
    y, slant = _slant(ink)
    # Where each row's pixels come from: a whole number of pixels away, and a fraction further.
    away = slant[:, np.newaxis] * y
    columns = np.arange(width) + away[:, :, np.newaxis]
    left = np.floor(columns)
    fraction = columns - left
    at = np.clip(left.astype(np.int64), 0, width - 1)
    beside = np.clip(left.astype(np.int64) + 1, 0, width - 1)
    moved = np.take_along_axis(values, at, axis=2) * (1.0 - fraction)
    moved += np.take_along_axis(values, beside, axis=2) * fraction
    moved[slant == 0] = values[slant == 0]
    if images.dtype.kind in "iu":
        np.rint(moved, out=moved)
    return moved.astype(images.dtype)


def _slant(ink: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """For ink (N, H, W): the height of each row from the centre of mass (N, H), and mu_xy / mu_yy (N,)."""
    mass = ink.sum(axis=(1, 2), dtype=np.float64)
    safe = np.maximum(mass, np.finfo(np.float64).tiny)
    by_row, by_column = ink.sum(axis=2, dtype=np.float64), ink.sum(axis=1, dtype=np.float64)
    rows, columns = np.arange(ink.shape[1]), np.arange(ink.shape[2])
    y = rows - (by_row @ rows / safe)[:, np.newaxis]
    x = columns - (by_column @ columns / safe)[:, np.newaxis]
    mu_yy = (by_row * y * y).sum(axis=1)
    mu_xy = (np.matmul(ink, x[:, :, np.newaxis])[:, :, 0] * y).sum(axis=1)
    slant = np.divide(mu_xy, mu_yy, out=np.zeros_like(mass), where=mu_yy > 0)
    return y, np.clip(slant, -_MOST, _MOST)
