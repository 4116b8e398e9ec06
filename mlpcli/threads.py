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


def _libraries() -> Iterator[Any]:
    """The OpenBLAS that NumPy's wheel brings along, if it does."""
    package = Path(np.__file__).parent
    for library in [*package.parent.glob("numpy.libs/*openblas*"), *package.glob(".dylibs/*openblas*")]:
        with contextlib.suppress(OSError):
            yield ctypes.CDLL(str(library))  # loaded already, this finds it


_SPELLINGS = ("scipy_openblas_{}64_", "scipy_openblas_{}", "openblas_{}")


def _function(library: Any, name: str) -> Any:
    """A function of OpenBLAS, under whichever name the library has it; None if it has not."""
    return next((getattr(library, s.format(name)) for s in _SPELLINGS if hasattr(library, s.format(name))), None)


@cache
def _openblas() -> tuple[Any, Any] | None:
    """The library's (get, set) functions for the number of threads, or None where it is not found."""
    for library in _libraries():
        get, put = _function(library, "get_num_threads"), _function(library, "set_num_threads")
        if get and put:
            return get, put
    return None


def blas_core() -> str | None:
    """The kind of processor that BLAS computes for, such as "SkylakeX"; None if unknown. It decides the last digits."""
    for library in _libraries():
        core = _function(library, "get_corename")
        if core:
            core.restype = ctypes.c_char_p
            return str(core().decode())
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
