"""How many threads BLAS uses, chosen and never left to chance.

Threads of OpenBLAS spin while they wait for each other: with anything else running on the machine, two can be
twenty times slower than one. The command line sets the number before NumPy is imported; this sets it afterwards,
for the OpenBLAS that NumPy's wheels bring along. Any other BLAS is left as it is.
"""

import contextlib
import ctypes
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np


@cache
def _openblas() -> tuple[Any, Any] | None:
    """The library's (get, set) functions for the number of threads, or None where it is not found."""
    package = Path(np.__file__).parent
    for library in [*package.parent.glob("numpy.libs/*openblas*"), *package.glob(".dylibs/*openblas*")]:
        with contextlib.suppress(OSError):
            handle = ctypes.CDLL(str(library))  # loaded already, this finds it
            for name in (
                "scipy_openblas_{}_num_threads64_",
                "scipy_openblas_{}_num_threads",
                "openblas_{}_num_threads",
            ):
                with contextlib.suppress(AttributeError):
                    return getattr(handle, name.format("get")), getattr(handle, name.format("set"))
    return None


def blas_core() -> str | None:
    """The kind of processor that BLAS computes for, such as "SkylakeX"; None if unknown. It decides the last digits."""
    package = Path(np.__file__).parent
    for library in [*package.parent.glob("numpy.libs/*openblas*"), *package.glob(".dylibs/*openblas*")]:
        with contextlib.suppress(OSError):
            handle = ctypes.CDLL(str(library))
            for name in ("scipy_openblas_get_corename64_", "scipy_openblas_get_corename", "openblas_get_corename"):
                with contextlib.suppress(AttributeError):
                    function = getattr(handle, name)
                    function.restype = ctypes.c_char_p
                    return str(function().decode())
    return None


def current_blas_threads() -> int | None:
    """The number of threads in use, or None where it cannot be known."""
    functions = _openblas()
    return None if functions is None else int(functions[0]())


@contextlib.contextmanager
def blas_threads(number: int) -> Iterator[None]:
    """Inside, BLAS uses so many threads, or as many as it was built for if that is less."""
    functions = _openblas()
    if functions is None:
        yield
        return
    get, put = functions
    before = get()
    put(number)
    try:
        yield
    finally:
        put(before)
