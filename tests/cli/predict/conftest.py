"""A trained network of digits, pictures of the digits that it knows, and standard input to order."""

import dataclasses
import io
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mlpcli.api import train
from mlpcli.datasets.dataset import Dataset
from mlpcli.model import Model, load


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, digits: Dataset) -> Path:
    """To which nothing is strange: what is tested is how answers are given."""
    path = tmp_path_factory.mktemp("predict") / "weights.npy"
    model = train(digits, epochs=30)
    far = {"limit": 1e9, "norm": 1e9}
    meta = {**model.meta, "familiar": {**model.meta["familiar"], **far}}
    dataclasses.replace(model, meta=meta, familiarity=dataclasses.replace(model.familiarity, **far)).save(path)
    return path


@pytest.fixture
def weights(trained: Path, tmp_path: Path) -> Path:
    """weights.npy of a network of digits, in the folder that commands run in."""
    return Path(shutil.copy(trained, tmp_path / "weights.npy"))


@pytest.fixture
def older(weights: Path) -> Path:
    """Makes weights.npy one without a measure of what is strange, as older files are."""
    model = load(weights)
    meta = {name: value for name, value in model.meta.items() if name != "familiar"}
    dataclasses.replace(model, meta=meta, familiarity=None).save(weights)
    return weights


@pytest.fixture
def model(weights: Path) -> Model:
    return load(weights)


@pytest.fixture
def draw(digits: Dataset, tmp_path: Path) -> Callable[..., Path]:
    """Saves the test digit of a number as a picture, larger and smoother or as it is."""

    def save(index: int, name: str, size: int = 64, invert: bool = False) -> Path:
        pixels = (digits.test.X[index].reshape(8, 8) * (255 / 16)).astype(np.uint8)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(255 - pixels if invert else pixels)
        image.resize((size, size), Image.Resampling.BICUBIC).save(path)
        return path

    return save


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Makes standard input bring these bytes."""

    def give(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return give
