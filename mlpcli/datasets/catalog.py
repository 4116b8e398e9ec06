"""The data sets that have a name: their files, hosts, sizes, hashes, classes and licence, read from catalog.toml."""

import difflib
import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlpcli.errors import UsageError

UNKNOWN_SIZE_LIMIT = 64_000_000  # bytes; for a file whose size nobody published


@dataclass(frozen=True)
class RemoteFile:
    """A published file: its name, its size in bytes where it is known, its SHA-256 or else its MD5, in hexadecimal."""

    name: str
    size: int | None = None
    sha256: str = ""
    md5: str = ""

    @property
    def algorithm(self) -> str:
        """What the pinned hash is, in hashlib's word."""
        return "sha256" if self.sha256 else "md5"

    @property
    def hash(self) -> str:
        """The pinned hash."""
        return self.sha256 or self.md5

    @property
    def limit(self) -> int:
        """The most bytes that are ever taken for this file."""
        return UNKNOWN_SIZE_LIMIT if self.size is None else self.size


@dataclass(frozen=True)
class Entry:
    """A named data set.

    origin: where its bytes come from. shape: (height, width) of an image, or (inputs,). maximum: the largest
    raw value, which scaling to [0, 1] divides by. examples: to train, to test. files: what is downloaded; train
    images, train labels, test images, test labels, or one archive whose `members` are these four.

    archive: the name that the sets of one archive share, and so their folder. transposed: the images are stored
    with rows and columns swapped. first_label: the label of the first class. label_columns: 0 where the labels
    are (N,), else how many columns each has; the first one is the class. preprocess: how `mlp predict` makes a
    picture like these: by finding strokes, or by its size alone.
    """

    name: str
    description: str
    origin: Literal["download", "embedded", "function"]
    kind: Literal["image", "bits"]
    shape: tuple[int, ...]
    maximum: int
    classes: tuple[str, ...]
    examples: tuple[int, int]
    licence: str
    files: tuple[RemoteFile, ...] = ()
    mirrors: tuple[str, ...] = ()
    archive: str = ""
    members: tuple[str, ...] = ()
    transposed: bool = False
    first_label: int = 0
    label_columns: int = 0
    preprocess: Literal["strokes", "resize"] = "strokes"

    @property
    def inputs(self) -> int:
        """|1|: numbers per example."""
        return math.prod(self.shape)

    @property
    def folder(self) -> str:
        """Its folder below the data folder: one for each set, so that equal file names never mix."""
        return self.archive or self.name

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the four IDX files in its folder: train images, train labels, test images, test labels."""
        names = self.members or tuple(file.name for file in self.files)
        return tuple(name.rpartition("/")[2] for name in names)

    @property
    def download_size(self) -> int | None:
        """The size of its download in bytes; None where it is not known, 0 where there is none."""
        sizes = [file.size for file in self.files]
        return None if None in sizes else sum(size or 0 for size in sizes)


def _read() -> dict[str, Entry]:
    document = tomllib.loads(Path(__file__).with_name("catalog.toml").read_text("utf-8"))
    return {
        name: _entry(name, {**document["archives"].get(table.get("archive"), {}), **table})
        for name, table in document["sets"].items()
    }


def _entry(name: str, table: dict[str, Any]) -> Entry:
    table = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    table["files"] = tuple(RemoteFile(**file) for file in table.get("files", ()))
    return Entry(name=name, **table)


CATALOG: dict[str, Entry] = _read()


def find(name: str) -> Entry:
    """The entry of this name. UsageError with the nearest names for an unknown one."""
    if name in CATALOG:
        return CATALOG[name]
    nearest = difflib.get_close_matches(name.lower(), CATALOG, n=2, cutoff=0.4)
    hint = f"did you mean {' or '.join(nearest)}? " if nearest else ""
    raise UsageError(f"unknown data set {name!r}; {hint}there are: {', '.join(CATALOG)}")
