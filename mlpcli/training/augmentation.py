"""Images distorted at random, afresh in each epoch, so that a network never sees the same one twice.

Scale, shear, rotation, shift and the elastic deformation of Simard, Steinkraus and Platt ("Best practices for
convolutional neural networks applied to visual document analysis", 2003) together say where each pixel comes from;
each image is sampled there once, by bilinear interpolation, and noise may be added. How an example is distorted is a
pure function of (seed, epoch, its number): neither the other examples nor the order of the calls have a part in it.
"""

import math
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from mlpcli.nn.activations import Array
from mlpcli.training.counter_random import Keys, normal, stream_keys, uniform

_DISTORTION = 5  # what these random numbers are for; part of the format of a run, like those in batches.py
# Where the numbers of each kind are in an example's stream: no kind moves when another is switched on.
_AFFINE_AT, _ELASTIC_AT, _NOISE_AT = 0, 2**20, 2**40
_AFFINE_NUMBERS = 6

_BLOCK_PIXELS = 2**17  # distorted together: few enough for the cache, enough to hide what a call of NumPy costs
_EXACT_IN_FLOAT32 = 2**24
_LEFT_OUT = 1e-4  # of the variance of an elastic displacement, along each axis; saves most of the random numbers


@dataclass(frozen=True)
class Augmentation:
    """How far images are distorted; 0 throughout means not at all.

    shift, rotation, scale and shear are drawn uniformly from +- the value given. ValueError where a value is not in
    0 .. 1e6, `scale` not below 1, or `elastic_sigma` below 0.1.
    """

    shift: float = 0.0  # pixels, along each axis
    rotation: float = 0.0  # degrees, about the centre of the image
    scale: float = 0.0  # fraction: height and width are each multiplied by a factor of their own, in 1 +- scale
    shear: float = 0.0  # tangent of the angle by which upright lines lean
    elastic: float = 0.0  # pixels: Simard's alpha. 36 displaces by 0.98 pixels (standard deviation) where sigma is 6
    elastic_sigma: float = 6.0  # pixels: the width of the Gaussian that smooths the elastic displacements
    noise: float = 0.0  # standard deviation of normal noise on each value, as a fraction of the maximum

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value <= 1e6:  # so that nothing overflows; false for NaN too
                raise ValueError(f"{field.name}: not in 0 .. 1e6: {value}")
        if self.scale >= 1:
            raise ValueError(f"scale: not below 1: {self.scale}")
        if self.elastic_sigma < 0.1:
            raise ValueError(f"elastic_sigma: below 0.1 pixels: {self.elastic_sigma}")

    @property
    def is_none(self) -> bool:
        """Whether images stay as they are."""
        return not (self.moves_pixels or self.noise)

    @property
    def moves_pixels(self) -> bool:
        """Whether there is more than noise."""
        return any((self.shift, self.rotation, self.scale, self.shear, self.elastic))


class Augmenter:
    """Distorts images of one shape. Its buffers make it the property of one thread."""

    def __init__(
        self, augmentation: Augmentation, shape: tuple[int, ...], maximum: float, seed: int, capacity: int
    ) -> None:
        """shape: (H, W), or (H, W, channels), whose channels move together. maximum: of a raw value; the least is 0.
        capacity: examples in a call, at most, as far as is known: no more memory is taken than these need.
        ValueError for an image of more than 2**24 pixels.
        """
        self.augmentation, self.maximum, self.seed = augmentation, maximum, seed
        self.height, self.width = shape[:2]
        self.channels = math.prod(shape[2:])
        pixels = self.height * self.width
        if pixels > _EXACT_IN_FLOAT32:
            raise ValueError(f"an image of {pixels} pixels, more than {_EXACT_IN_FLOAT32}")
        n = self._block = max(1, min(capacity, _BLOCK_PIXELS // pixels))
        # Each coordinate of the sources of an image is rows @ coefficients @ columns, where the last two functions of
        # both bases make the affine part and those before them the elastic one.
        self._rows = _coordinate_basis(self.height, augmentation)
        self._columns = np.ascontiguousarray(_coordinate_basis(self.width, augmentation).T)
        r, c = self._rows.shape[1], self._columns.shape[0]
        self._coefficients = np.zeros((n, 2, r, c), np.float32)
        self._product = np.empty((n, 2 * r, self.width), np.float32)
        self._y, self._x = np.empty((2, n, self.height, self.width), np.float32)
        self._index = np.empty((n, pixels), np.intp)
        self._first_pixel = np.arange(n, dtype=np.float32)[:, np.newaxis] * np.float32(pixels)
        self._corners = np.empty((4, n, pixels), np.float32)
        # One row and a pixel more, so that the last pixel, too, has a neighbour on the right and one below.
        self._source = np.zeros(n * pixels + self.width + 1, np.float32)

    def __call__(self, raw: npt.NDArray[np.generic], examples: npt.NDArray[np.integer], epoch: int, out: Array) -> None:
        """Write the images `raw` (n, I), distorted, to `out` (n, I), float32 or float64, which may be `raw` itself.

        raw: finite values in [0, maximum] of any numeric dtype, the channels of a pixel side by side. examples: (n,)
        the number of each, from 0; with `epoch`, from 0, it decides the distortion. Calculates in float32.
        """
        if self.augmentation.is_none:
            np.copyto(out, raw, casting="unsafe")
            return
        keys = stream_keys(self.seed, _DISTORTION, epoch, examples)
        for start in range(0, len(raw), self._block):
            block = slice(start, start + self._block)
            if self.augmentation.moves_pixels:
                self._move(raw[block], keys[block], out[block])
            else:
                np.copyto(out[block], raw[block], casting="unsafe")
            if self.augmentation.noise:
                self._add_noise(keys[block], out[block])

    def _add_noise(self, keys: Keys, out: Array) -> None:
        noise = normal(keys, _NOISE_AT, out.shape[1])
        noise *= np.float32(self.augmentation.noise * self.maximum)
        out += noise
        np.clip(out, 0, self.maximum, out=out)

    def _move(self, raw: npt.NDArray[np.generic], keys: Keys, out: Array) -> None:
        """Draw where the pixels of a block come from, and fetch them."""
        n, r = len(raw), self._rows.shape[1]
        self._draw_coefficients(keys)
        product, y, x = self._product[:n], self._y[:n], self._x[:n]
        # A product for each example, not one for all: how BLAS rounds depends on the size of the matrices, and an
        # example must come out the same whatever it is distorted with.
        np.matmul(self._coefficients[:n].reshape(n, 2 * r, -1), self._columns, out=product)
        np.matmul(self._rows, product[:, :r], out=y)
        np.matmul(self._rows, product[:, r:], out=x)
        self._interpolate(raw, y.reshape(n, -1), x.reshape(n, -1), out)

    def _draw_coefficients(self, keys: Keys) -> None:
        n, r, c = len(keys), self._rows.shape[1] - 2, self._columns.shape[0] - 2
        coefficients = self._coefficients[:n]
        affine = affine_sources(self.augmentation, uniform(keys, _AFFINE_AT, _AFFINE_NUMBERS))
        affine[:, :, 0, 0] += (self.height - 1) / 2, (self.width - 1) / 2
        coefficients[:, :, r:, c:] = affine
        if self.augmentation.elastic:
            displacements = normal(keys, _ELASTIC_AT, 2 * r * c).reshape(n, 2, r, c)
            np.multiply(displacements, np.float32(self.augmentation.elastic), out=coefficients[:, :, :r, :c])

    def _interpolate(self, raw: npt.NDArray[np.generic], y: Array, x: Array, out: Array) -> None:
        """Sample each image at the coordinates y, x (n, H * W), which are overwritten."""
        n, pixels = y.shape
        index, (top, top_right, bottom, bottom_right) = self._index[:n], self._corners[:, :n]
        np.clip(y, 0, self.height - 1, out=y)  # beyond the border its pixels are repeated
        np.clip(x, 0, self.width - 1, out=x)
        whole_y, whole_x = top, bottom  # buffers that are free as yet
        np.floor(y, out=whole_y)
        np.floor(x, out=whole_x)
        np.subtract(y, whole_y, out=y)
        np.subtract(x, whole_x, out=x)
        # The position in the block, still in float32, which is fast and holds it exactly.
        np.multiply(whole_y, self.width, out=whole_y)
        np.add(whole_y, self._first_pixel[:n], out=whole_y)
        np.add(whole_y, whole_x, out=whole_y)
        np.copyto(index, whole_y, casting="unsafe")
        # In the last column and the last row these neighbours belong to other pixels; there their weight is 0.
        source, right, below = self._source, self._source[1:], self._source[self.width :]
        below_right = self._source[self.width + 1 :]
        for channel in range(self.channels):
            plane = slice(channel, None, self.channels)
            np.copyto(source[: n * pixels].reshape(n, pixels), raw[:, plane], casting="unsafe")
            np.take(source, index, out=top, mode="clip")  # no index is out of range, but other modes copy `out`
            np.take(right, index, out=top_right, mode="clip")
            np.take(below, index, out=bottom, mode="clip")
            np.take(below_right, index, out=bottom_right, mode="clip")
            _interpolate_pairs(top, top_right, x, out=top)
            _interpolate_pairs(bottom, bottom_right, x, out=bottom)
            _interpolate_pairs(top, bottom, y, out=out[:, plane])


def augmented(
    images: npt.NDArray[np.generic],
    shape: tuple[int, ...],
    maximum: float,
    augmentation: Augmentation,
    seed: int,
    epoch: int,
    examples: npt.NDArray[np.integer],
) -> npt.NDArray[np.float32]:
    """The images (n, I), distorted, as a network sees these examples in that epoch. See `Augmenter`."""
    out = np.empty(images.shape, np.float32)
    Augmenter(augmentation, shape, maximum, seed, len(images))(images, examples, epoch, out)
    return out


def affine_sources(augmentation: Augmentation, numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Where pixels come from without elastic deformation: coefficients (n, 2, 2, 2) of the source's coordinate (y, x),
    by the power of y and the power of x, all counted from the centre.

    numbers: (n, 6) in [-1, 1). An image is scaled, sheared, turned anticlockwise and shifted, in this order, p' = R K
    S p + t; so its pixel p' comes from p = S^-1 K^-1 R^-1 (p' - t).
    """
    turn, stretch_y, stretch_x, lean, move_y, move_x = numbers.T
    angle = turn * np.radians(augmentation.rotation)
    cos, sin, shear = np.cos(angle), np.sin(angle), lean * augmentation.shear
    scale_y, scale_x = 1 + stretch_y * augmentation.scale, 1 + stretch_x * augmentation.scale
    sources = np.zeros((len(numbers), 2, 2, 2))
    by_y, by_x = sources[:, :, 1, 0], sources[:, :, 0, 1]
    by_y[:] = np.column_stack([cos / scale_y, -(sin + shear * cos) / scale_x])
    by_x[:] = np.column_stack([sin / scale_y, (cos - shear * sin) / scale_x])
    sources[:, :, 0, 0] = -augmentation.shift * (by_y * move_y[:, np.newaxis] + by_x * move_x[:, np.newaxis])
    return sources


def smooth_modes(size: int, sigma: float) -> npt.NDArray[np.float64]:
    """The modes of smoothed noise along an axis of `size` pixels: A (size, r). sigma: in pixels.

    Simard's displacements are alpha K U K', where U are uniform numbers in [-1, 1] on a grid and K convolves them
    with a Gaussian whose sum is 1; here the grid goes on beyond the image, so that the border moves as the middle
    does. Sums of many numbers (sigma is 1 or more), they are normal and so given by their covariance, which is 1/3
    of the product of those along either axis, K K', the autocorrelation of the Gaussian. With its eigenvectors V and
    eigenvalues d, A Z A' has the same covariance, where A = V sqrt(d) / 3^(1/4) and Z are standard normal numbers
    (the Karhunen-Loeve expansion). As few eigenvalues of a wide Gaussian matter, Z is small: 36 numbers instead of
    784 for 28 x 28 pixels and sigma 6. For a sigma below 1 only variances and covariances are Simard's.
    """
    reach = math.ceil(4 * sigma) + size  # `size` more than the Gaussian needs, so that each lag leaves an overlap
    gaussian = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    gaussian /= gaussian.sum()
    autocorrelation = np.array([gaussian[: len(gaussian) - lag] @ gaussian[lag:] for lag in range(size)])
    lags = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
    eigenvalues, vectors = np.linalg.eigh(autocorrelation[lags])  # ascending
    kept = np.cumsum(eigenvalues) > _LEFT_OUT * eigenvalues.sum()
    modes: npt.NDArray[np.float64] = vectors[:, kept] * np.sqrt(eigenvalues[kept]) / 3**0.25
    return modes


def _interpolate_pairs(first: Array, second: Array, fraction: Array, out: Array) -> None:
    """Write first + fraction * (second - first) to `out`; `second` is overwritten."""
    np.subtract(second, first, out=second)
    np.multiply(second, fraction, out=second)
    np.add(first, second, out=out)


def _coordinate_basis(size: int, augmentation: Augmentation) -> npt.NDArray[np.float32]:
    """Functions along an axis, (size, r + 2): r modes of elastic deformation, 1, and the distance from the centre."""
    modes = smooth_modes(size, augmentation.elastic_sigma) if augmentation.elastic else np.empty((size, 0))
    return np.column_stack([modes, np.ones(size), np.arange(size) - (size - 1) / 2]).astype(np.float32)
