"""The data sets that have a name: their files, hosts, sizes, hashes, classes and licence. Data, not code."""

import difflib
import math
from dataclasses import dataclass
from typing import Literal

from mlpcli.errors import UsageError

DIGIT_NAMES = tuple("0123456789")


@dataclass(frozen=True)
class RemoteFile:
    """A published file: its name, its size in bytes and its SHA-256 in hexadecimal."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Entry:
    """A named data set.

    origin: where its bytes come from. shape: (height, width) of an image, or (inputs,). maximum: the largest
    raw value, which scaling to [0, 1] divides by. files: train images, train labels, test images, test labels.
    """

    name: str
    description: str
    origin: Literal["download", "embedded", "function"]
    kind: Literal["image", "bits"]
    shape: tuple[int, ...]
    maximum: int
    classes: tuple[str, ...]
    licence: str
    files: tuple[RemoteFile, ...] = ()
    mirrors: tuple[str, ...] = ()

    @property
    def inputs(self) -> int:
        """|1|: numbers per example."""
        return math.prod(self.shape)


_MNIST = Entry(
    name="mnist",
    description="70,000 handwritten digits, 28 x 28",
    origin="download",
    kind="image",
    shape=(28, 28),
    maximum=255,
    classes=DIGIT_NAMES,
    licence="CC BY-SA 3.0",
    files=(
        RemoteFile(
            "train-images-idx3-ubyte.gz",
            9_912_422,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        RemoteFile(
            "train-labels-idx1-ubyte.gz",
            28_881,
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        RemoteFile(
            "t10k-images-idx3-ubyte.gz",
            1_648_877,
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        RemoteFile(
            "t10k-labels-idx1-ubyte.gz",
            4_542,
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://yann.lecun.com/exdb/mnist/",  # the author's own; answers 403 to most, so it comes last
    ),
)

_DIGITS = Entry(
    name="digits",
    description="1,797 handwritten digits, 8 x 8, embedded",
    origin="embedded",
    kind="image",
    shape=(8, 8),
    maximum=16,
    classes=DIGIT_NAMES,
    licence="CC BY 4.0",
)

_PARITY = Entry(
    name="parity",
    description="1,024 ten-bit numbers, odd or even, computed",
    origin="function",
    kind="bits",
    shape=(10,),
    maximum=1,
    classes=("odd", "even"),  # the article's outputs: [1, 0] is odd, [0, 1] is even
    licence="none needed",
)

CATALOG: dict[str, Entry] = {entry.name: entry for entry in (_MNIST, _DIGITS, _PARITY)}


def find(name: str) -> Entry:
    """The entry of this name. UsageError with the nearest names for an unknown one."""
    if name in CATALOG:
        return CATALOG[name]
    nearest = difflib.get_close_matches(name.lower(), CATALOG, n=2, cutoff=0.4)
    hint = f"did you mean {' or '.join(nearest)}? " if nearest else ""
    raise UsageError(f"unknown data set {name!r}; {hint}there are: {', '.join(CATALOG)}")
