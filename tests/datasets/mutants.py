"""Damaged copies of a file, for the parsers that must survive them."""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mlpcli.errors import DamagedFileError, UsageError

MUTANTS = int(os.environ.get("MLP_MUTANTS", "3000"))  # for each format; a release run takes a million

_ODD = [
    b"",
    b"\0",
    b"\xff" * 4,
    b"\x7f\xff\xff\xff",
    b"\xff" * 8,
    b"\0" * 16,
    b"'|O'",
    b"(",
    b"9" * 19,
    b"-1",
    b",",
    b"PK\3\4",
]


def mutants(content: bytes, count: int, seed: int = 0) -> Iterator[bytes]:
    """`count` copies of `content`, each with one to three faults, the same ones on every machine."""
    rng = random.Random(seed)
    for _ in range(count):
        mutant = bytearray(content)
        for _ in range(rng.choice((1, 1, 2, 3))):
            at = rng.randrange(len(mutant) + 1)
            end = min(len(mutant), at + rng.choice((1, 1, 2, 4, 8, 40)))
            fault = rng.randrange(6)
            if fault == 0 and at < len(mutant):
                mutant[at] ^= 1 << rng.randrange(8)
            elif fault == 1:
                mutant[at:end] = rng.randbytes(end - at)
            elif fault == 2:
                mutant[at:end] = rng.choice(_ODD)
            elif fault == 3:
                mutant[at:at] = mutant[at:end]
            elif fault == 4:
                del mutant[at:end]
            else:
                del mutant[at:]
        yield bytes(mutant)


def survive(
    read: Callable[[Path], Any], file: Path, content: bytes, check: Callable[[Any, bytes], None], seed: int = 0
) -> None:
    """Read MUTANTS mutants of `content`: each is refused in one line, or passes `check(what was read, mutant)`."""
    taken = 0
    for mutant in mutants(content, MUTANTS, seed):
        file.unlink(missing_ok=True)  # an array may still be mapped from it
        file.write_bytes(mutant)
        try:
            found = read(file)
        except (DamagedFileError, UsageError) as error:
            message = str(error)
        else:
            check(found, mutant)
            taken += 1
            continue
        assert message.startswith(str(file))
        assert message.isprintable()
    assert 0 < taken < MUTANTS / 2, "the check was never made, or the faults are none"
