"""The slant taken out of images: drawn bars, and properties."""

import numpy as np
import pytest

import mlpcli
from mlpcli.errors import DamagedFileError, UsageError
from mlpcli.training.deslanting import deslanted

SIDE = 21


def bar(tangent, ground=0.0, ink=200.0):
    """A bar three pixels wide, 13 high, whose rows are moved by a whole number of pixels each."""
    image = np.full((SIDE, SIDE), ground)
    for y in range(4, 17):
        left = 9 + tangent * (y - 10)
        image[y, left : left + 3] = ink
    return image


def slant(image):
    """mu_xy / mu_yy, summed pixel by pixel."""
    y, x = np.mgrid[:SIDE, :SIDE]
    mass = image.sum()
    y, x = y - (image * y).sum() / mass, x - (image * x).sum() / mass
    return (image * x * y).sum() / (image * y * y).sum()


@pytest.mark.parametrize("tangent", [-1, 0, 1])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_a_leaning_bar_stands_upright(tangent, dtype):
    X = bar(tangent).reshape(1, -1).astype(dtype)
    upright = deslanted(X, (SIDE, SIDE))
    assert upright.dtype == dtype
    np.testing.assert_allclose(upright.reshape(SIDE, SIDE), bar(0), atol=1e-3)


def test_dark_on_light_is_the_same():
    X = np.stack([bar(1), bar(-1), bar(0)]).reshape(3, -1)
    np.testing.assert_allclose(deslanted(255 - X, (SIDE, SIDE)), 255 - deslanted(X, (SIDE, SIDE)), atol=1e-3)


def test_what_is_blank_stays():
    X = np.full((2, SIDE * SIDE), 7, np.uint8)
    assert (deslanted(X, (SIDE, SIDE)) == 7).all()


def test_hardly_any_slant_is_left_of_digits():
    digits = mlpcli.load_data("digits")
    large = digits.test.X[:100].reshape(-1, 8, 8).repeat(2, axis=1).repeat(2, axis=2)
    framed = np.pad(large, ((0, 0), (2, 3), (2, 3))).astype(np.float64)  # room to move in
    before = np.array([abs(slant(image)) for image in framed])
    upright = deslanted(framed.reshape(100, -1), (SIDE, SIDE)).reshape(-1, SIDE, SIDE)
    after = np.array([abs(slant(image)) for image in upright])
    assert before.mean() > 0.1
    assert after.mean() < 0.01


def test_many_images_are_each_by_itself():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 255, (2500, 30)).astype(np.uint8)
    alone = np.concatenate([deslanted(X[i : i + 1], (5, 6)) for i in (0, 1023, 1024, 2499)])
    np.testing.assert_array_equal(deslanted(X, (5, 6))[[0, 1023, 1024, 2499]], alone)


def sheared(X, tangent):
    """Digits of 8 x 8 in 16 x 16, their rows moved by whole pixels."""
    images = np.zeros((len(X), 16, 16), np.uint8)
    for y in range(8):
        at = 4 + round(tangent * (y - 3.5))
        images[:, 4 + y, at : at + 8] = X.reshape(-1, 8, 8)[:, y]
    return 15 * images.reshape(len(X), -1)


def test_a_network_trained_so_reads_other_slants():
    digits = mlpcli.load_data("digits")
    upright, tests = (sheared(split.X, 0.0).reshape(-1, 16, 16) for split in (digits.train, digits.test))
    data = mlpcli.from_arrays(upright, digits.train.y, test_set=(tests, digits.test.y))
    leaning = sheared(digits.test.X, -0.7)
    right = {}
    for deslant in (False, True):
        model = mlpcli.train(data, epochs=20, deslant=deslant)
        assert model.input.get("deslant", False) is deslant
        # Evaluation and raw examples go the same way.
        assert model.evaluate(data.test).accuracy == np.mean(model.predict(data.test.X) == data.test.y)
        right[deslant] = np.mean(model.predict(leaning) == data.test.y)
    assert right[True] > 0.85
    assert right[True] > right[False] + 0.2


def test_kept_in_the_checkpoint_and_checked(tmp_path):
    model = mlpcli.train("digits", epochs=2, deslant=True)
    model.save(tmp_path / "w.npy")
    again = mlpcli.load(tmp_path / "w.npy")
    X = mlpcli.load_data("digits").test.X
    np.testing.assert_array_equal(again.outputs(X), model.outputs(X))
    model.meta["input"]["deslant"] = "yes"
    model.save(tmp_path / "bad.npy")
    with pytest.raises(DamagedFileError, match="slant"):
        mlpcli.load(tmp_path / "bad.npy")


def test_refused_where_there_is_nothing_to_set_upright():
    with pytest.raises(UsageError, match=r"--deslant: parity has no images"):
        mlpcli.train("parity", deslant=True)
    X = np.zeros((20, 8, 8, 3), np.uint8)
    X[:, 2, 3] = np.arange(20)[:, np.newaxis]
    with pytest.raises(UsageError, match=r"--deslant: the images of .* are in colour"):
        mlpcli.train(mlpcli.from_arrays(X, np.arange(20) % 2), deslant=True)
