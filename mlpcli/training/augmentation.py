"""Images distorted at random, afresh in each epoch, so that a network never sees the same one twice.

Rotation, scale, shear and shift, and the elastic deformation of Simard, Steinkraus and Platt (2003), make one field
of source coordinates, from which each image is sampled once, by bilinear interpolation; then noise may be added.
The distortion of an example is a pure function of (seed, epoch, its number): it depends neither on which other
examples are distorted with it nor on what was asked for before.
"""

import functools
import math
import statistics
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from mlpcli.nn.activations import Array

_Uint64s = npt.NDArray[np.uint64]
_Floats32 = npt.NDArray[np.float32]

_BLOCK_PIXELS = 2**17  # distorted together: the dozen buffers of this size stay in a cache of a few MB
_AFFINE = 6  # random numbers for rotation, two scales, shear and two shifts, in this order
_DISTORTION = 5  # what these random numbers are for; part of the format of a run, as in batches.py
# Where the random numbers of each kind start in the stream of an example, so that to switch one kind on leaves
# the others as they are.
_AFFINE_STREAM, _ELASTIC_STREAM, _NOISE_STREAM = 0, 2**20, 2**40
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio, the step of SplitMix64
_FIELD_ERROR = 0.01  # of the elastic displacement, left out in exchange for far fewer random numbers


@dataclass(frozen=True)
class Augmentation:
    """How far images are distorted; 0 throughout means not at all.

    What is drawn is uniform in +-(the value given), for each example and epoch. ValueError where a value is negative
    or no finite number, `scale` is not below 1, or `elastic_sigma` is not above 0.
    """

    shift: float = 0.0  # pixels, along each axis
    rotation: float = 0.0  # degrees, about the image's centre
    scale: float = 0.0  # fraction: height and width are multiplied by factors of their own in 1 +- scale
    shear: float = 0.0  # tangent of the slant
    elastic: float = 0.0  # pixels: Simard's alpha, by which the blurred field of numbers in +-1 is multiplied
    elastic_sigma: float = 6.0  # pixels: of the Gaussian that blurs that field
    noise: float = 0.0  # standard deviation of normal noise on each value, as a fraction of the maximum

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{field.name}: not a number of at least 0: {value}")
        if self.scale >= 1:
            raise ValueError(f"scale: not below 1: {self.scale}")
        if self.elastic_sigma == 0:
            raise ValueError("elastic_sigma: not above 0")

    @property
    def is_none(self) -> bool:
        """Whether images stay as they are."""
        return not (self.moves or self.noise)

    @property
    def is_affine(self) -> bool:
        """Whether images are shifted, turned, scaled or sheared."""
        return bool(self.shift or self.rotation or self.scale or self.shear)

    @property
    def moves(self) -> bool:
        """Whether pixels move."""
        return bool(self.is_affine or self.elastic)


class Augmenter:
    """Distorts images of one shape, up to `capacity` in a call."""

    def __init__(
        self, augmentation: Augmentation, shape: tuple[int, ...], maximum: float, seed: int, capacity: int
    ) -> None:
        """shape: (height, width), or (height, width, channels), whose channels move together. maximum: of a raw
        value; the least is 0. All memory is taken here: about 60 bytes for each pixel of a block of examples.
        """
        self.augmentation, self.maximum, self.seed, self.capacity = augmentation, maximum, seed, capacity
        self.height, self.width = shape[:2]
        self.channels = math.prod(shape[2:])
        pixels = self.height * self.width
        n = self._block = max(1, min(capacity, _BLOCK_PIXELS // pixels))
        if augmentation.elastic:
            down = _blurred_noise(self.height, augmentation.elastic_sigma)
            across = _blurred_noise(self.width, augmentation.elastic_sigma)
        else:
            down, across = np.empty((self.height, 0)), np.empty((self.width, 0))
        # A source coordinate is `down_basis` @ coefficients @ `across_basis`: the last two functions of each basis
        # are 1 and the distance from the centre, which make the affine part; those before make the elastic one.
        self._down_basis = _with_affine(down)
        self._across_basis = np.ascontiguousarray(_with_affine(across).T)
        self._modes = down.shape[1], across.shape[1]
        d, a = self._down_basis.shape[1], self._across_basis.shape[0]
        self._coefficients = np.zeros((n, 2, d, a), np.float32)
        self._across = np.empty((n, 2 * d, self.width), np.float32)
        self._y, self._x = np.empty((2, n, self.height, self.width), np.float32)
        self._source, self._value, self._below, self._next = np.empty((4, n, pixels), np.float32)
        self._index = np.empty((n, pixels), np.intp)
        self._first_pixel = np.arange(n)[:, np.newaxis] * pixels

    def __call__(self, raw: npt.NDArray[np.generic], examples: npt.NDArray[np.integer], epoch: int, out: Array) -> None:
        """Write to `out` (n, I), float32 or float64, the images `raw` (n, I), distorted.

        raw: values in [0, maximum], of any numeric dtype, the channels of a pixel side by side. examples: (n,) the
        number of each, which with `epoch` (from 0) decides its distortion. n: up to `capacity`.
        """
        if self.augmentation.is_none:
            np.copyto(out, raw, casting="unsafe")
            return
        keys = _keys(self.seed, epoch, examples)
        for start in range(0, len(raw), self._block):
            block = slice(start, start + self._block)
            if self.augmentation.moves:
                self._move(raw[block], keys[block], out[block])
            else:
                np.copyto(out[block], raw[block], casting="unsafe")
            if self.augmentation.noise:
                self._add_noise(keys[block], out[block])

    def _add_noise(self, keys: _Uint64s, out: Array) -> None:
        noise = _normal(keys, _NOISE_STREAM, out.shape[1])
        noise *= np.float32(self.augmentation.noise * self.maximum)
        out += noise
        np.clip(out, 0, self.maximum, out=out)

    def _move(self, raw: npt.NDArray[np.generic], keys: _Uint64s, out: Array) -> None:
        n = len(raw)
        self._draw_coefficients(keys)
        d = self._down_basis.shape[1]
        y, x, across = self._y[:n], self._x[:n], self._across[:n]
        # One product per example, not one for all: BLAS rounds differently with the size of a matrix, and an example
        # must not depend on its neighbours.
        np.matmul(self._coefficients[:n].reshape(n, 2 * d, -1), self._across_basis, out=across)
        np.matmul(self._down_basis, across[:, :d], out=y)
        np.matmul(self._down_basis, across[:, d:], out=x)
        self._interpolate(raw, y.reshape(n, -1), x.reshape(n, -1), out)

    def _draw_coefficients(self, keys: _Uint64s) -> None:
        """Draw the source coordinates of each pixel, as coefficients of the two bases."""
        n, coefficients = len(keys), self._coefficients[: len(keys)]
        (down, across), augmentation = self._modes, self.augmentation
        if augmentation.elastic:
            normal = _normal(keys, _ELASTIC_STREAM, 2 * down * across)
            np.multiply(
                normal.reshape(n, 2, down, across), augmentation.elastic, out=coefficients[:, :, :down, :across]
            )
        affine = affine_source(augmentation, _uniform(keys, _AFFINE_STREAM, _AFFINE))
        affine[:, :, 0, 0] += (self.height - 1) / 2, (self.width - 1) / 2
        coefficients[:, :, down:, across:] = affine

    def _interpolate(self, raw: npt.NDArray[np.generic], y: _Floats32, x: _Floats32, out: Array) -> None:
        """Sample each image at the coordinates y, x (n, pixels), which are overwritten."""
        n = len(raw)
        source, value, below, beside = self._source[:n], self._value[:n], self._below[:n], self._next[:n]
        index = self._index[:n]
        np.clip(y, 0, self.height - 1, out=y)  # beyond the border the pixel at the border is repeated
        np.clip(x, 0, self.width - 1, out=x)
        np.floor(y, out=value)
        np.subtract(y, value, out=y)  # from here on y and x are the fractions
        np.multiply(value, self.width, out=value)
        np.floor(x, out=below)
        np.subtract(x, below, out=x)
        np.add(value, below, out=value)
        np.copyto(index, value, casting="unsafe")
        np.add(index, self._first_pixel[:n], out=index)
        flat = source.reshape(-1)
        for channel in range(self.channels):
            if channel:
                np.subtract(index, self.width + 1, out=index)
            np.copyto(source, raw[:, channel :: self.channels], casting="unsafe")
            # At the last row or column the neighbour is another image's, or none: its weight is 0.
            np.take(flat, index, out=value, mode="clip")
            np.add(index, 1, out=index)
            np.take(flat, index, out=beside, mode="clip")
            _mix(value, beside, x)
            np.add(index, self.width - 1, out=index)
            np.take(flat, index, out=below, mode="clip")
            np.add(index, 1, out=index)
            np.take(flat, index, out=beside, mode="clip")
            _mix(below, beside, x)
            _mix(value, below, y)
            np.copyto(out[:, channel :: self.channels], value)


def augmented(
    images: npt.NDArray[np.generic],
    shape: tuple[int, ...],
    maximum: float,
    augmentation: Augmentation,
    seed: int,
    epoch: int,
    examples: npt.NDArray[np.integer],
) -> _Floats32:
    """The images (n, I), distorted, as float32: what the network sees of these examples in that epoch."""
    out = np.empty(images.shape, np.float32)
    Augmenter(augmentation, shape, maximum, seed, len(images))(images, examples, epoch, out)
    return out


def affine_source(augmentation: Augmentation, uniform: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Where the pixels of a distorted image come from, as (n, 2, 2, 2): axis (y, x) of the source; power of y; power
    of x, both counted from the centre. uniform: (n, 6) in [-1, 1).

    An image is scaled, sheared, turned anticlockwise and then shifted; a source is found by the inverse.
    """
    angle = uniform[:, 0] * np.radians(augmentation.rotation)
    scale_y, scale_x = 1 + uniform[:, 1] * augmentation.scale, 1 + uniform[:, 2] * augmentation.scale
    shear = uniform[:, 3] * augmentation.shear
    shift_y, shift_x = uniform[:, 4] * augmentation.shift, uniform[:, 5] * augmentation.shift
    cos, sin = np.cos(angle), np.sin(angle)
    source = np.zeros((len(uniform), 2, 2, 2))
    source[:, 0, 1, 0] = cos / scale_y
    source[:, 0, 0, 1] = sin / scale_y
    source[:, 1, 1, 0] = (-sin - shear * cos) / scale_x
    source[:, 1, 0, 1] = (cos - shear * sin) / scale_x
    source[:, :, 0, 0] = -source[:, :, 1, 0] * shift_y[:, np.newaxis] - source[:, :, 0, 1] * shift_x[:, np.newaxis]
    return source


def _mix(value: _Floats32, other: _Floats32, fraction: _Floats32) -> None:
    """value += fraction * (other - value); `other` is overwritten."""
    np.subtract(other, value, out=other)
    np.multiply(other, fraction, out=other)
    np.add(value, other, out=value)


def _with_affine(basis: npt.NDArray[np.float64]) -> _Floats32:
    size = len(basis)
    centred = np.arange(size) - (size - 1) / 2
    return np.column_stack([basis, np.ones(size), centred]).astype(np.float32)


def _blurred_noise(size: int, sigma: float) -> npt.NDArray[np.float64]:
    """A (size, r) for which A @ standard normal numbers is noise of variance sqrt(1/3), blurred, along one axis.

    Simard's field is uniform numbers in [-1, 1] on an unbounded grid, of variance 1/3, blurred along both axes by
    K, (size, size + margins), whose rows are a Gaussian with the sum 1. It is K U K' = P S (Q' U R) T V' by the
    singular value decompositions of the two K. As Q and R have orthonormal columns, Q' U R are uncorrelated numbers
    of variance 1/3 again, and nearly normal, being sums of many. A wide Gaussian leaves few singular values that
    matter: instead of 2 x 784 numbers for a 28 x 28 image and sigma 6, about 2 x 25 are drawn.
    """
    margin = math.ceil(4 * sigma)
    distance = np.arange(size)[:, np.newaxis] - np.arange(-margin, size + margin)
    blur = np.exp(-0.5 * (distance / sigma) ** 2)
    offsets = np.arange(-margin, margin + 1)
    blur /= np.exp(-0.5 * (offsets / sigma) ** 2).sum()
    left, singular, _ = np.linalg.svd(blur, full_matrices=False)
    left_out = np.cumsum(singular[::-1] ** 2)[::-1]  # the variance without the i-th mode and those after it
    modes = np.count_nonzero(left_out > _FIELD_ERROR**2 * left_out[0])
    basis: npt.NDArray[np.float64] = left[:, :modes] * singular[:modes] * 3**-0.25
    return basis


def _mixed(x: _Uint64s) -> _Uint64s:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014, variant 13 of Stafford), in place: a hash in which
    each bit depends on every bit of x.
    """
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return x


def _keys(seed: int, epoch: int, examples: npt.NDArray[np.integer]) -> _Uint64s:
    """Where the SplitMix64 stream of each example begins, (n,)."""
    key = np.random.SeedSequence([seed, _DISTORTION, epoch]).generate_state(1, np.uint64)
    keys = examples.astype(np.uint64)
    keys *= _GOLDEN
    keys += key
    return _mixed(_mixed(keys) ^ key)


def _bits(keys: _Uint64s, stream: int, count: int) -> _Uint64s:
    """(n, count) random 64-bit numbers."""
    steps = np.arange(stream + 1, stream + 1 + count, dtype=np.uint64) * _GOLDEN
    return _mixed(keys[:, np.newaxis] + steps)


def _uniform(keys: _Uint64s, stream: int, count: int) -> npt.NDArray[np.float64]:
    """(n, count) in [-1, 1)."""
    bits = _bits(keys, stream, count) >> np.uint64(11)
    return bits.astype(np.float64) * 2.0**-52 - 1


def _normal(keys: _Uint64s, stream: int, count: int) -> _Floats32:
    """(n, count) standard normal, within +-4.3: 16 bits pick one of so many quantiles."""
    bits = _bits(keys, stream, -(-count // 4)).view(np.uint16)[:, :count]
    return np.take(_normal_quantiles(), bits)


@functools.cache
def _normal_quantiles() -> _Floats32:
    """The middle of each of 2**16 parts of the standard normal distribution that are equally probable."""
    normal = statistics.NormalDist()
    upper = np.array([normal.inv_cdf(0.5 + (i + 0.5) / 2**16) for i in range(2**15)], np.float32)
    return np.concatenate([-upper[::-1], upper])
