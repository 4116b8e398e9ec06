"""What several tests share."""

import os

# Before NumPy is imported: on a machine that does something else as well, BLAS threads wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from mlpcli import cli
from mlpcli.datasets.load import Dataset, Split, load_data

ROOT = Path(__file__).parent.parent
MNIST = ROOT.parent / "shared" / "mnist"


class Outcome(NamedTuple):
    """What a command line came to."""

    code: int
    out: str
    err: str


Mlp = Callable[..., Outcome]


@pytest.fixture
def mlp(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mlp:
    """Runs `mlp ARGS...` in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for variable in ("MLP_DATA_DIR", "MLP_MIRROR"):
        monkeypatch.delenv(variable, raising=False)

    def run(*args: object) -> Outcome:
        capfd.readouterr()
        code = cli.run([str(arg) for arg in args])
        return Outcome(code, *capfd.readouterr())

    return run


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return load_data("digits")


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    """The folder that holds the folder mnist; the test is skipped where there is none."""
    if not MNIST.is_dir():
        pytest.skip("needs the MNIST files in ../shared/mnist")
    return MNIST.parent


@pytest.fixture
def tiny() -> Dataset:
    """Two classes of 3 inputs that a line parts: 40 examples to train, 10 to test."""
    rng = np.random.default_rng(0)
    y = np.arange(50) % 2
    X = rng.integers(0, 100, (50, 3)).astype(np.uint8)
    X[:, 0] += (150 * y).astype(np.uint8)
    return Dataset("tiny", "bits", (3,), 255, ("low", "high"), Split(X[:40], y[:40]), Split(X[40:], y[40:]))
