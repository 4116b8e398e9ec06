"""What the tests of data sets share: a folder in memory, and the hostile server with a file that it has."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlpcli.datasets import transfer
from mlpcli.datasets.transfer import Limits
from tests.datasets.hostile import CONTENT, Hostile

MEMORY = Path("/dev/shm")  # Linux: a folder in memory, for tests that write thousands of files


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def hostile():
    with Hostile(CONTENT) as server:
        yield server


@pytest.fixture
def server(hostile, monkeypatch):
    """The server, and a client without proxies and without pauses between its tries."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(transfer, "LIMITS", Limits(pause=0.0))
    hostile.forget()
    hostile.content, hostile.etag = CONTENT, '"one"'
    return hostile
