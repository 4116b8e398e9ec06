"""Networks of every task and kind of input, each with its data."""

from typing import NamedTuple

import numpy as np
import pytest

from mlpcli.api import train
from mlpcli.datasets.dataset import Dataset, Split
from mlpcli.datasets.load import from_arrays, load_data
from mlpcli.model import Model


@pytest.fixture(scope="session")
def digits_model(digits):
    return train(digits, epochs=3)


@pytest.fixture(scope="session")
def parity_model():
    return train("parity", structure=(10, 3, 2), epochs=3)


@pytest.fixture(scope="session")
def plane():
    """Two numbers, two classes: whether both have the same sign."""
    X = np.random.default_rng(0).normal(size=(200, 2))
    return from_arrays(X, np.where(X[:, 0] * X[:, 1] > 0, "same", "other"), name="signs")


class Trained(NamedTuple):
    model: Model
    data: Dataset


@pytest.fixture(scope="session")
def classifier(digits):
    """Ten classes of grey images, with some mistakes."""
    return Trained(train(digits, epochs=6), digits)


def write_table(path, names, columns, labels):
    """A CSV file of numbers, all but the last columns inputs. names: of all columns."""
    rows = [",".join(map(_quoted, names))]
    for inputs, label in zip(zip(*columns, strict=True), labels, strict=True):
        rows.append(",".join([*(f"{value:.3f}" for value in inputs), *map(_quoted, label)]))
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def _quoted(text):
    return '"' + str(text).replace('"', '""') + '"'


def table_of_classes(path, columns, classes, count=120):
    """A table that is learnt but for some mistakes; two columns of numbers."""
    rng = np.random.default_rng(1)
    label = np.arange(count) % len(classes)
    inputs = [label + rng.normal(0, 0.4, count), rng.normal(0, 1, count)]
    return write_table(path, columns, inputs, [[classes[k]] for k in label])


@pytest.fixture(scope="session")
def of_table(tmp_path_factory):
    """Three classes from a table."""
    path = table_of_classes(tmp_path_factory.mktemp("table") / "t.csv", ["height", "width", "kind"], ["a", "b", "c"])
    data = load_data(str(path))
    return Trained(train(data, epochs=5), data)


@pytest.fixture(scope="session")
def regression(tmp_path_factory):
    """Two quantities from a table."""
    rng = np.random.default_rng(2)
    x, y = rng.normal(0, 1, (2, 150))
    labels = np.stack([10 * x + y, x - 3 * y + rng.normal(0, 1, 150)], axis=1).round(3)
    path = tmp_path_factory.mktemp("regression") / "t.csv"
    data = load_data(str(write_table(path, ["x", "y", "first", "second"], [x, y], labels)), label="first,second")
    return Trained(train(data, epochs=10), data)


@pytest.fixture(scope="session")
def multi_label(tmp_path_factory):
    """Three yes-or-no labels from a table."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(0, 1, (2, 150))
    noise = rng.normal(0, 0.3, (3, 150))
    labels = np.stack([x + noise[0] > 0, y + noise[1] > 0, x + y + noise[2] > 1], axis=1).astype(int)
    path = tmp_path_factory.mktemp("labels") / "t.csv"
    data = load_data(str(write_table(path, ["x", "y", "one", "two", "three"], [x, y], labels)), label="one,two,three")
    return Trained(train(data, epochs=10), data)


def random_data(classes, kind="image", shape=(6, 6), examples=None, seed=0):
    """Noise with a trace of the class in it, as bytes."""
    rng = np.random.default_rng(seed)
    count = examples or 20 * classes
    y = np.arange(count) % classes
    X = rng.integers(0, 256, (count, int(np.prod(shape)))).astype(np.uint8)
    X[np.arange(count), y % X.shape[1]] = 255
    names = tuple(f"{k:02}" for k in range(classes))
    half = count // 2
    preprocess = "resize" if len(shape) == 3 else "strokes"
    train_part, test_part = Split(X[:half], y[:half]), Split(X[half:], y[half:])
    return Dataset("noise", kind, shape, 255, names, train_part, test_part, preprocess=preprocess)


@pytest.fixture(scope="session")
def colours():
    """Two classes of colour images, and no hidden layer."""
    data = random_data(2, shape=(5, 7, 3), examples=60)
    return Trained(train(data, epochs=2, structure=(105, 2)), data)


@pytest.fixture(scope="session")
def many_classes():
    """62 classes, confused with each other."""
    data = random_data(62)
    return Trained(train(data, epochs=2), data)


@pytest.fixture(scope="session")
def bits():
    """Two classes of ten bits."""
    data = load_data("parity")
    return Trained(train(data, epochs=1), data)


@pytest.fixture(params=["classifier", "of_table", "regression", "multi_label", "colours", "many_classes", "bits"])
def any_network(request):
    return request.getfixturevalue(request.param)
