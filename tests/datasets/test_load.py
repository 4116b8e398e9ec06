import gzip

import numpy as np
import pytest

from mlpcli.datasets.load import from_arrays, load_data
from mlpcli.errors import DamagedFileError, UsageError
from tests.idx_files import write_idx


def test_digits_are_split_as_documented(digits):
    assert (len(digits.train), len(digits.test)) == (1437, 360)
    assert digits.train.X.shape == (1437, 64)
    assert digits.train.X.max() == 16
    assert np.bincount(digits.test.y).tolist() == [36, 37, 35, 37, 36, 36, 36, 36, 35, 36]


def test_digits_are_those_of_scikit_learn(digits):
    source = pytest.importorskip("sklearn.datasets").load_digits()

    def rows(X, y):
        return sorted(map(bytes, np.column_stack([X, y]).astype(np.uint8)))

    ours = np.vstack([digits.train.X, digits.test.X]), np.concatenate([digits.train.y, digits.test.y])
    assert rows(*ours) == rows(source.data, source.target)


def test_parity_is_the_articles():
    data = load_data("parity")
    assert (len(data.train), len(data.test)) == (700, 324)
    # 699 = 1010111011 in binary, odd; 700 = 1010111100, even.
    assert data.train.X[699].tolist() == [1, 0, 1, 0, 1, 1, 1, 0, 1, 1]
    assert data.test.X[0].tolist() == [1, 0, 1, 0, 1, 1, 1, 1, 0, 0]
    assert [data.classes[label] for label in (data.train.y[699], data.test.y[0])] == ["odd", "even"]


def test_mnist_is_genuine(mnist_folder):
    data = load_data("mnist", mnist_folder)
    assert data.train.X.shape == (60000, 784)
    assert data.test.X.shape == (10000, 784)
    assert data.train.y[:5].tolist() == [5, 0, 4, 1, 9]  # as every tutorial shows them
    # The mean pixel that every tutorial normalises by.
    assert data.train.X.mean() / 255 == pytest.approx(0.1307, abs=5e-5)


def fake_mnist(folder, images=(4, 28, 28), labels=4, top=9):
    (folder / "mnist").mkdir()
    for part in ("train", "t10k"):
        for name, items in (
            (f"{part}-images-idx3-ubyte", np.zeros(images, np.uint8)),
            (f"{part}-labels-idx1-ubyte", np.full(labels, top, np.uint8)),
        ):
            path = folder / "mnist" / name
            write_idx(path, items)
            path.with_name(name + ".gz").write_bytes(gzip.compress(path.read_bytes()))


def test_labels_and_images_that_differ_in_number(tmp_path):
    fake_mnist(tmp_path, labels=5)
    with pytest.raises(DamagedFileError, match="5 labels for the 4 images"):
        load_data("mnist", tmp_path)


def test_images_of_another_size(tmp_path):
    fake_mnist(tmp_path, images=(4, 8, 8))
    with pytest.raises(DamagedFileError, match="8 x 8 pixels, mnist has 28 x 28"):
        load_data("mnist", tmp_path)


def test_labels_beyond_the_classes(tmp_path):
    fake_mnist(tmp_path, top=10)
    with pytest.raises(DamagedFileError, match="label 10"):
        load_data("mnist", tmp_path)


def test_a_set_that_is_not_there_names_the_command(tmp_path):
    with pytest.raises(UsageError, match="mlp download mnist"):
        load_data("mnist", tmp_path)


@pytest.mark.parametrize(("name", "near"), [("minst", "mnist"), ("digit", "digits"), ("Parity", "parity")])
def test_an_unknown_name_gets_the_nearest(name, near):
    with pytest.raises(UsageError, match=f"did you mean {near}"):
        load_data(name)


def test_the_fingerprint_sees_one_pixel(digits):
    from dataclasses import replace

    X = digits.test.X.copy()
    X[7, 7] ^= 1
    other = replace(digits, test=replace(digits.test, X=X))
    assert other.fingerprint() != digits.fingerprint()


@pytest.mark.parametrize(
    ("X", "y", "what"),
    [
        (np.zeros((4, 2), complex), np.arange(4), "complex128"),
        (np.zeros((4, 2)), np.array([1, "b", 2, 3], object), "object"),
        (np.zeros((4, 2), object), np.arange(4), "object"),
        (np.zeros(4), np.arange(4), "shape"),
        (np.zeros((4, 2)), np.arange(3), "shape"),
        (np.zeros((0, 2)), np.arange(0), "shape"),
        (np.array([["a"]] * 4), np.arange(4), "<U1"),
    ],
)
def test_arrays_that_are_no_data_set(X, y, what):
    with pytest.raises(UsageError, match=what):
        from_arrays(X, y)


def test_arrays_in_memory():
    rng = np.random.default_rng(0)
    X = rng.normal(3, 2, (100, 4))
    data = from_arrays(X, np.where(X[:, 0] > 3, "big", "small"), test=0.3)
    assert (data.classes, data.scaling, data.kind, len(data.test)) == (("big", "small"), "standard", "array", 30)
    unit = from_arrays(rng.random((50, 6, 5)).astype("f4"), np.arange(50) % 2)
    assert (unit.scaling, unit.maximum <= 1, unit.kind, unit.shape) == ("unit", True, "image", (6, 5))
    keras = from_arrays(rng.integers(0, 256, (50, 6, 5, 1)).astype(np.uint8), np.arange(50) % 2)
    assert (keras.kind, keras.shape) == ("image", (6, 5))
    pixels = from_arrays(rng.integers(0, 256, (50, 6, 5)).astype(np.uint8), np.arange(50) % 2)
    assert (pixels.scaling, pixels.maximum, pixels.kind) == ("unit", 255, "image")


@pytest.mark.parametrize(
    "options",
    [
        {"channels": 2},
        {"channels": True},
        {"on_error": "foo"},
        {"missing": "guess"},
        {"header": "no"},
        {"header": 1},
        {"test": 2.0},
        {"test": "x"},
        {"split_seed": -1},
        {"size": (8, 8)},
        {"label": 3.5},
        {"lable": "a"},
    ],
    ids=str,
)
def test_options_from_python_are_checked(tmp_path, options):
    (tmp_path / "t.csv").write_text("a,b\n" + "1,x\n2,y\n" * 9)
    with pytest.raises(UsageError, match=next(iter(options)).replace("_", "-")):
        load_data(tmp_path / "t.csv", **options)


def test_nothing_of_the_test_part_decides_the_scaling(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.random((40, 3)) * 0.9, np.arange(40) % 2
    far = X[:10].copy()
    far[0, 0] = 5.0
    np.savez(tmp_path / "d.npz", x_train=X, y_train=y, x_test=far, y_test=y[:10])
    data = load_data(tmp_path / "d.npz")
    assert (data.scaling, data.maximum) == ("unit", X.max())
