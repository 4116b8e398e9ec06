import numpy as np
import pytest

from mlpcli.api import train
from mlpcli.datasets.load import from_arrays


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
