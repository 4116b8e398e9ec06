"""Oracles: images distorted by hand, trigonometry, a naive Monte Carlo of the definition, and properties.

An image whose values are its own coordinates shows, distorted, where each pixel came from.
"""

import math
from dataclasses import replace

import numpy as np
import pytest

from mlpcli.training import augmentation as module
from mlpcli.training.augmentation import Augmentation, Augmenter, augmented

EVERYTHING = Augmentation(shift=1.5, rotation=15, scale=0.15, shear=0.15, elastic=36, noise=0.05)
SIZE = 61


def distort(images, augmentation, examples=None, *, shape=None, maximum=255.0, seed=0, epoch=0):
    """The images (n, H, W[, channels]), distorted, in the same shape."""
    images = np.asarray(images)
    examples = np.arange(len(images)) if examples is None else np.asarray(examples)
    flat = images.reshape(len(images), -1)
    return augmented(flat, shape or images.shape[1:], maximum, augmentation, seed, epoch, examples).reshape(
        images.shape
    )


@pytest.fixture
def draw(monkeypatch):
    """Decides what is drawn, as fractions of the greatest distortion."""

    def decide(turn=0.0, stretch_y=0.0, stretch_x=0.0, lean=0.0, move_y=0.0, move_x=0.0):
        numbers = np.array([turn, stretch_y, stretch_x, lean, move_y, move_x])
        monkeypatch.setattr(module, "uniform", lambda keys, first, count: np.tile(numbers, (len(keys), 1)))

    return decide


def random_images(n=5, shape=(28, 28), dtype=np.uint8):
    return np.random.default_rng(1).integers(0, 256, (n, *shape)).astype(dtype)


def spot(y, x, size=SIZE, width=1.5):
    """An image with one round spot, (1, size, size); y, x: its place, counted from the centre."""
    from_centre = np.arange(size) - (size - 1) / 2
    squares = (from_centre[:, np.newaxis] - y) ** 2 + (from_centre - x) ** 2
    return 200 * np.exp(-squares[np.newaxis] / (2 * width**2))


def place(image):
    """Where the spot of an image (1, size, size) is, (y, x) from the centre."""
    rows, columns = np.indices(image[0].shape) - (len(image[0]) - 1) / 2
    return (image[0] * rows).sum() / image.sum(), (image[0] * columns).sum() / image.sum()


def sources(n, augmentation, height=41, width=41, seed=0):
    """Where the pixels of n images come from, less where they are: (n, height, width) along y, the same along x."""
    rows, columns = np.indices((height, width)).astype(np.float32)
    maximum = max(height, width)
    along_y = distort(np.tile(rows, (n, 1, 1)), augmentation, maximum=maximum, seed=seed)
    along_x = distort(np.tile(columns, (n, 1, 1)), augmentation, maximum=maximum, seed=seed)
    return along_y - rows, along_x - columns


# What is drawn, done to an image


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_nothing_asked_for_changes_nothing(dtype):
    images = random_images(dtype=dtype)
    if dtype == np.float64:
        images += 1 / 3
    out = np.empty((5, 784))
    Augmenter(Augmentation(), (28, 28), 255, 0, 5)(images.reshape(5, -1), np.arange(5), 0, out)
    np.testing.assert_array_equal(out.reshape(images.shape), images)


def test_a_draw_of_zero_reproduces_the_image_exactly(draw):
    draw()
    for shape in [(28, 28), (7, 12), (12, 7), (1, 1), (1, 9), (9, 1), (28, 28, 3)]:
        images = random_images(shape=shape)
        distorted = distort(images, Augmentation(shift=3, rotation=30, scale=0.5, shear=0.5))
        np.testing.assert_array_equal(distorted, images)


IMAGE = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]


@pytest.mark.parametrize(
    ("move_y", "move_x", "expected"),
    [
        (0.5, 0, [[1, 2, 3, 4], [1, 2, 3, 4], [5, 6, 7, 8]]),  # down by 1
        (-1, 0, [[9, 10, 11, 12], [9, 10, 11, 12], [9, 10, 11, 12]]),  # up by 2
        (0, 0.5, [[1, 1, 2, 3], [5, 5, 6, 7], [9, 9, 10, 11]]),  # right by 1
        (0, -1, [[3, 4, 4, 4], [7, 8, 8, 8], [11, 12, 12, 12]]),  # left by 2
        (0.5, -0.5, [[2, 3, 4, 4], [2, 3, 4, 4], [6, 7, 8, 8]]),
        (0.25, 0, [[1, 2, 3, 4], [3, 4, 5, 6], [7, 8, 9, 10]]),  # down by half a pixel
        (0, 0.125, [[1, 1.75, 2.75, 3.75], [5, 5.75, 6.75, 7.75], [9, 9.75, 10.75, 11.75]]),
    ],
)
def test_a_shift_of_an_image_done_by_hand(draw, move_y, move_x, expected):
    draw(move_y=move_y, move_x=move_x)
    np.testing.assert_array_equal(distort([IMAGE, IMAGE], Augmentation(shift=2)), [expected, expected])


def test_between_four_pixels_is_their_mean_by_area(draw):
    draw(move_y=0.25, move_x=0.5)
    distorted = distort([[[0, 0, 0], [0, 160, 0], [0, 0, 0]]], Augmentation(shift=1))
    np.testing.assert_array_equal(distorted[0], [[0, 0, 0], [0, 60, 60], [0, 20, 20]])


def test_a_quarter_turn_is_that_of_numpy(draw):
    images = random_images(3, (9, 9))
    draw(turn=1)
    turned = distort(images, Augmentation(rotation=90))
    np.testing.assert_allclose(turned, np.rot90(images, axes=(1, 2)), atol=1e-3)  # anticlockwise


@pytest.mark.parametrize("angle", [-30, 10, 45])
def test_a_rotation_moves_a_spot_to_where_trigonometry_says(draw, angle):
    draw(turn=angle / 60)
    distance = 17.0
    right = spot(0, distance)
    radians = math.radians(angle)
    expected = (-distance * math.sin(radians), distance * math.cos(radians))  # y is counted downwards
    assert place(distort(right, Augmentation(rotation=60))) == pytest.approx(expected, abs=0.02)


def test_scale_moves_a_spot_away_from_the_centre(draw):
    draw(stretch_y=0.5, stretch_x=-1)
    assert place(distort(spot(10, 15), Augmentation(scale=0.4))) == pytest.approx((12, 9), abs=0.02)


def test_shear_makes_upright_lines_lean(draw):
    draw(lean=0.5)
    assert place(distort(spot(10, 3), Augmentation(shear=0.4))) == pytest.approx((10, 5), abs=0.02)


def test_all_at_once_is_scale_then_shear_then_rotation_then_shift(draw):
    draw(turn=0.5, stretch_y=-0.5, stretch_x=1, lean=-1, move_y=1, move_x=-0.5)
    y, x = 12.0, -8.0
    y, x = 0.9 * y, 1.2 * x
    x = x - 0.3 * y
    turned = complex(x, -y) * complex(math.cos(math.radians(20)), math.sin(math.radians(20)))
    y, x = -turned.imag + 3, turned.real - 1.5
    asked = Augmentation(shift=3, rotation=40, scale=0.2, shear=0.3)
    assert place(distort(spot(12, -8), asked)) == pytest.approx((y, x), abs=0.02)


def test_rotation_and_shift_keep_the_mass():
    image = spot(4, -6, width=4)  # wide, so that sums over pixels are integrals
    distorted = distort(np.repeat(image, 200, axis=0), Augmentation(shift=5, rotation=180))
    np.testing.assert_allclose(distorted.sum(axis=(1, 2)), image.sum(), rtol=1e-3)


def test_scale_changes_the_mass_by_both_factors(draw):
    draw(stretch_y=1, stretch_x=-1)
    image = spot(0, 0, width=4)
    assert distort(image, Augmentation(scale=0.2)).sum() / image.sum() == pytest.approx(0.96, rel=1e-3)


def test_values_stay_within_those_of_the_image():
    images = random_images(50)
    distorted = distort(images, replace(EVERYTHING, noise=0))
    assert (distorted.min(axis=(1, 2)) >= images.min(axis=(1, 2))).all()
    assert (distorted.max(axis=(1, 2)) <= images.max(axis=(1, 2))).all()


def test_a_constant_image_stays_so():
    images = np.full((20, 28, 28), 137, np.uint8)
    assert (distort(images, replace(EVERYTHING, noise=0)) == 137).all()


# What is drawn


def test_shifts_are_uniform_within_their_range():
    along_y, along_x = sources(4000, Augmentation(shift=2.5), 13, 15)
    shifts = -np.stack([along_y[:, 6, 7], along_x[:, 6, 7]])
    assert np.abs(shifts).max() <= 2.5
    assert np.abs(np.corrcoef(shifts)[0, 1]) < 0.06
    for drawn in shifts:
        assert np.abs(np.sort(drawn) - np.linspace(-2.5, 2.5, 4000)).max() / 5 < 1.63 / math.sqrt(4000)


@pytest.mark.parametrize("rotation", [10.0, 90.0])
def test_rotations_are_uniform_within_their_range(rotation):
    along_y, along_x = sources(4000, Augmentation(rotation=rotation))
    # The pixel 10 to the right of the centre comes from (y, x).
    angles = np.degrees(np.arctan2(along_y[:, 20, 30], along_x[:, 20, 30] + 10))
    np.testing.assert_allclose(np.hypot(along_y[:, 20, 30], along_x[:, 20, 30] + 10), 10, rtol=1e-5)
    assert np.abs(angles).max() < rotation + 1e-3
    expected = np.linspace(-rotation, rotation, 4000)
    assert np.abs(np.sort(angles) - expected).max() / (2 * rotation) < 1.63 / math.sqrt(4000)


def test_scales_and_shears_are_within_their_ranges():
    along_y, along_x = sources(4000, Augmentation(scale=0.25))
    factors = np.stack([10 / (along_y[:, 30, 20] + 10), 10 / (along_x[:, 20, 30] + 10)])
    assert np.abs(factors - 1).max() < 0.25 + 1e-5
    np.testing.assert_allclose(factors.std(axis=1), 0.25 / math.sqrt(3), rtol=0.04)
    assert np.abs(np.corrcoef(factors)[0, 1]) < 0.06  # height and width each by a factor of its own
    along_y, along_x = sources(4000, Augmentation(shear=0.25))
    shears = -along_x[:, 30, 20] / 10
    assert np.abs(along_y).max() < 1e-5
    assert np.abs(shears).max() < 0.25 + 1e-5
    assert shears.std() == pytest.approx(0.25 / math.sqrt(3), rel=0.04)


def simard_fields(n, sigma, size, rng):
    """n displacement fields (n, size, size) for alpha = 1, by definition: uniform numbers in +-1, on a grid that
    reaches beyond the image, are blurred pixel by pixel with a Gaussian that sums to 1.
    """
    reach = math.ceil(4 * sigma)
    fields = np.zeros((n, size, size))
    numbers = rng.uniform(-1, 1, (n, size + 2 * reach, size + 2 * reach))
    steps = range(-reach, reach + 1)
    total = sum(math.exp(-(i * i + j * j) / (2 * sigma**2)) for i in steps for j in steps)
    for i in steps:
        for j in steps:
            weight = math.exp(-(i * i + j * j) / (2 * sigma**2)) / total
            fields += weight * numbers[:, reach + i : reach + i + size, reach + j : reach + j + size]
    return fields


@pytest.mark.parametrize("sigma", [0.3, 1.0, 3.0])
def test_the_elastic_field_is_distributed_as_simards(sigma):
    size = 21
    naive = simard_fields(3000, sigma, size, np.random.default_rng(0))
    alpha = 1 / naive.std()  # displacements of about one pixel
    along_y, along_x = sources(6000, Augmentation(elastic=alpha, elastic_sigma=sigma), size, size)
    naive *= alpha
    inside = (slice(None), slice(6, 15), slice(6, 15))  # where no displacement reaches the border
    here, there = np.s_[:, 10, 10], [np.s_[:, 10, 11], np.s_[:, 8, 10], np.s_[:, 12, 13], np.s_[:, 6, 14]]
    for field in (along_y, along_x):
        np.testing.assert_allclose(field[inside].std(axis=0), 1, atol=0.045)  # the same everywhere
        for point in there:
            expected = np.corrcoef(naive[here], naive[point])[0, 1]
            assert np.corrcoef(field[here], field[point])[0, 1] == pytest.approx(expected, abs=0.07)
        if sigma >= 1:  # blurred less, uniform numbers are not normal yet, but ours are
            parts = [0.02, 0.16, 0.5, 0.84, 0.98]
            expected = np.quantile(naive[inside], parts)
            np.testing.assert_allclose(np.quantile(field[here], parts), expected, atol=0.15)
    assert abs(np.corrcoef(along_y[here], along_x[here])[0, 1]) < 0.06


@pytest.mark.parametrize(("height", "width"), [(28, 28), (16, 64)])
def test_elastic_displacements_do_not_depend_on_the_size_of_the_image(height, width):
    """A known value: alpha 36, sigma 6 moves by 36 / sqrt(3) / (2 sqrt(pi) 6) = 0.977 pixels."""
    along_y, along_x = sources(4000, Augmentation(elastic=36), height, width)
    middle = (slice(None), height // 2, width // 2)
    assert along_y[middle].std() == pytest.approx(0.977, rel=0.04)
    assert along_x[middle].std() == pytest.approx(0.977, rel=0.04)


def test_a_wide_sigma_needs_few_random_numbers_and_a_narrow_one_all():
    assert module.smooth_modes(28, 6.0).shape[1] <= 7
    assert module.smooth_modes(28, 0.3).shape == (28, 28)
    assert module.smooth_modes(28, 1e4).shape == (28, 1)
    assert module.smooth_modes(1, 6.0).shape == (1, 1)


@pytest.mark.parametrize("maximum", [255.0, 1.0])
def test_noise_has_the_deviation_asked_for(maximum):
    images = np.full((100, 28, 28), maximum / 2, np.float32)
    noise = distort(images, Augmentation(noise=0.1), maximum=maximum) - maximum / 2
    assert noise.mean() == pytest.approx(0, abs=0.002 * maximum)
    assert noise.std() == pytest.approx(0.1 * maximum, rel=0.01)
    assert np.mean(np.abs(noise) < 0.1 * maximum) == pytest.approx(0.683, abs=0.01)  # one sigma of a normal number
    assert np.mean(np.abs(noise) < 0.2 * maximum) == pytest.approx(0.954, abs=0.01)
    for shifted in (noise[:, 1:], noise[:, :, 1:]):
        assert abs(np.mean(shifted * noise[:, : shifted.shape[1], : shifted.shape[2]])) < 0.01 * 0.01 * maximum**2


def test_noise_never_leaves_the_range():
    images = random_images(50) // 255 * 255
    noisy = distort(images, Augmentation(noise=0.5))
    assert noisy.min() == 0
    assert noisy.max() == 255
    assert np.mean(noisy[images == 0] == 0) == pytest.approx(0.5, abs=0.02)  # the negative half is cut off


@pytest.mark.parametrize("name", ["shift", "rotation", "scale", "shear", "elastic", "noise"])
def test_every_kind_changes_an_image_and_leaves_the_others_as_they_were(name):
    images = random_images(4)
    alone = distort(images, Augmentation(**{name: 0.5}))
    assert (np.abs(alone - images).max(axis=(1, 2)) > 0.1).all()
    without = replace(EVERYTHING, **{name: 0.0})
    almost_without = replace(EVERYTHING, **{name: 1e-5})
    np.testing.assert_allclose(distort(images, without), distort(images, almost_without), atol=0.1)
    assert not np.allclose(distort(images, without), distort(images, EVERYTHING), atol=0.1)


def test_sigma_changes_an_elastic_deformation():
    images = random_images(4)
    wide, narrow = (distort(images, Augmentation(elastic=30, elastic_sigma=sigma)) for sigma in (6, 3))
    assert not np.allclose(wide, narrow, atol=1)


# A pure function of (seed, epoch, example)


@pytest.mark.parametrize("asked", [EVERYTHING, Augmentation(noise=0.2), Augmentation(shift=2)])
@pytest.mark.parametrize("shape", [(28, 28), (9, 14), (8, 8, 3)])
def test_an_example_does_not_depend_on_the_others_nor_on_what_went_before(asked, shape):
    n = 700  # several blocks
    images = random_images(n, shape).reshape(n, -1)
    whole = augmented(images, shape, 255, asked, 3, 2, np.arange(n))
    rng = np.random.default_rng(0)
    augmenter = Augmenter(asked, shape, 255, 3, 400)
    for size in (1, 2, 3, 7, 64, 333, n):
        some = rng.permutation(n)[:size]
        out = np.empty((size, images.shape[1]), np.float32)
        augmenter(images[some], some, 1, out)
        assert not (out == whole[some]).all(axis=1).any()  # another epoch
        augmenter(images[some], some, 2, out)
        np.testing.assert_array_equal(out, whole[some])
    alone = np.concatenate([augmented(images[[i]], shape, 255, asked, 3, 2, np.array([i])) for i in range(20)])
    np.testing.assert_array_equal(alone, whole[:20])


def test_seed_epoch_and_number_each_decide():
    image = random_images(1)
    every = [
        distort(image, EVERYTHING, [example], seed=seed, epoch=epoch).tobytes()
        for seed in (0, 1, 2)
        for epoch in (0, 1, 2)
        for example in (0, 1, 2, 59_999)
    ]
    assert len(set(every)) == len(every)


def test_memory_left_from_other_images_does_not_show():
    augmenter = Augmenter(replace(EVERYTHING, noise=0), (28, 28), 255, 0, 10)
    out = np.empty((10, 784), np.float32)
    augmenter(np.full((10, 784), 255, np.uint8), np.arange(10), 0, out)
    augmenter(np.zeros((10, 784), np.uint8), np.arange(10), 1, out)
    assert (out == 0).all()


# Types and shapes


def test_dtypes_agree():
    images = random_images(50).reshape(50, -1)
    expected = augmented(images, (28, 28), 255, EVERYTHING, 0, 0, np.arange(50))
    for dtype in (np.float32, np.float64, np.int64, np.uint16):
        distorted = augmented(images.astype(dtype), (28, 28), 255, EVERYTHING, 0, 0, np.arange(50, dtype=np.int32))
        np.testing.assert_array_equal(distorted, expected)
    out = np.empty(images.shape, np.float64)
    Augmenter(EVERYTHING, (28, 28), 255, 0, 50)(images, np.arange(50), 0, out)
    np.testing.assert_allclose(out, expected, atol=1e-4)


@pytest.mark.parametrize("shape", [(28, 28), (9, 14, 3)])
def test_an_array_can_be_distorted_in_place(shape):
    images = random_images(300, shape, np.float32).reshape(300, -1)
    expected = augmented(images, shape, 255, EVERYTHING, 0, 0, np.arange(300))
    Augmenter(EVERYTHING, shape, 255, 0, 300)(images, np.arange(300), 0, images)
    np.testing.assert_array_equal(images, expected)


def test_channels_move_together():
    asked = replace(EVERYTHING, noise=0)
    images = random_images(50, (12, 17, 3))
    distorted = distort(images, asked)
    for channel in range(3):
        np.testing.assert_array_equal(distorted[..., channel], distort(images[..., channel], asked))


def test_channels_have_noise_of_their_own():
    noise = distort(np.full((50, 12, 17, 3), 128, np.uint8), Augmentation(noise=0.1)) - 128
    assert np.abs(np.corrcoef(noise.reshape(-1, 3).T) - np.eye(3)).max() < 0.05


def test_no_images_at_all():
    assert augmented(np.empty((0, 784)), (28, 28), 255, EVERYTHING, 0, 0, np.arange(0)).shape == (0, 784)


def test_what_is_none():
    assert Augmentation().is_none
    assert Augmentation(elastic_sigma=3).is_none
    for name in ("shift", "rotation", "scale", "shear", "elastic", "noise"):
        assert not Augmentation(**{name: 0.1}).is_none


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("shift", -1.0),
        ("rotation", math.nan),
        ("scale", 1.0),
        ("shear", math.inf),
        ("elastic", 1e7),
        ("elastic_sigma", 0.0),
        ("noise", -0.1),
    ],
)
def test_values_that_make_no_sense(name, value):
    with pytest.raises(ValueError, match=f"^{name}: .*{value}"):
        Augmentation(**{name: value})


def test_the_greatest_values_overflow_nothing():
    greatest = Augmentation(1e6, 1e6, 0.999, 1e6, 1e6, 1e6, 1e6)
    distorted = distort(random_images(20), greatest)
    assert np.isfinite(distorted).all()


def test_images_of_too_many_pixels():
    with pytest.raises(ValueError, match="pixels"):
        Augmenter(Augmentation(shift=1), (5000, 5000), 255, 0, 1)
