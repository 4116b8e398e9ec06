"""weights.npy in and out: named arrays and a description, in one file that plain NumPy reads.

    np.load("weights.npy")["W2"]        # (32, 784) float32, nothing unpickled

The file is a 0-dimensional structured array: W2, b2, W3, b3, ... (the article's names); ``familiar_means`` and
``familiar_axes``, by which it is told what is like nothing in training (nn/familiarity.py), or neither; of a run that
is not finished also ``state_...``, the vectors (P,) that it takes to go on; then ``meta``, JSON in UTF-8, and last
``sha256``, 64 hexadecimal characters over all bytes before it. Reading trusts nothing and never calls np.load: a
small parser accepts exactly what `encode` writes and refuses the rest with one error.
"""

import hashlib
import json
import math
import re
import struct
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mlpcli.errors import DamagedFileError, UsageError
from mlpcli.files import read_regular, write_bytes

FORMAT_VERSION = 1
MAX_RECORD = 2**31 - 1  # bytes; NumPy's C int wraps silently above it
MAX_HEADER = 10_000  # characters; np.load refuses longer ones
MAX_META = 2**26  # bytes
_EPOCH = 384  # bytes that an epoch's history takes, at most

_MAGIC = b"\x93NUMPY\x01\x00"
_STRUCTURED = b"{'descr': ["
_DIGEST = 64
_ITEM_SIZES = {"<f4": 4, "<f8": 8, "|u1": 1}
_NAME = r"[A-Za-z][A-Za-z0-9_]{0,63}"
_FIELD = (
    rf"\('({_NAME})', '(<f4|<f8|\|u1|\|S[1-9][0-9]{{0,9}})'(?:, \(([1-9][0-9]{{0,9}}),(?: ([1-9][0-9]{{0,9}}))?\))?\)"
)
_HEADER = re.compile(rf"\{{'descr': \[({_FIELD}(?:, {_FIELD})*)\], 'fortran_order': False, 'shape': \(\), \}} *\n")

Arrays = dict[str, npt.NDArray[Any]]


def array_names(layers: int) -> list[str]:
    """W2, b2, ..., WL, bL for a network of so many layers, the input included."""
    return [f"{letter}{layer}" for layer in range(2, layers + 1) for letter in "Wb"]


def _shapes(structure: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """The shape of each array of a network, by its name."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (n_in, n_out) in enumerate(pairwise(structure), start=2):
        shapes |= {f"W{layer}": (n_out, n_in), f"b{layer}": (n_out,)}
    return shapes


MEANS, AXES = "familiar_means", "familiar_axes"  # the latter alone is of bytes
STATE = "state_"  # begins the names of a run's vectors


def check_size(structure: Sequence[int], dtype: str, epochs: int = 1, vectors: int = 0) -> int:
    """The bytes that a checkpoint of this network takes after so many epochs, near enough, with so many vectors (P,) of
    a run that is not finished.

    UsageError where the format cannot hold it.
    """
    if epochs * _EPOCH > MAX_META // 2:
        raise UsageError(
            f"--epochs: {epochs:,}, weights.npy holds the history of {MAX_META // 2 // _EPOCH:,}; give fewer"
        )
    item = np.dtype(dtype).itemsize
    fields = list(pairwise(structure))
    size = (
        (1 + vectors) * sum(item * n_out * (n_in + 1) for n_in, n_out in fields)
        + _familiar_size(structure, item)
        + 2**16
        + epochs * _EPOCH
    )
    text = ",".join(map(str, structure[:6])) + (",..." if len(structure) > 6 else "")
    if size > MAX_RECORD - MAX_META:
        raise UsageError(f"--structure: {text} takes {size:,} bytes, weights.npy holds 2 GiB; use smaller layers")
    shapes = _shapes(structure)
    header = _header([(name, "<f4", shape) for name, shape in shapes.items()])
    if len(header) + 384 + 64 * vectors > MAX_HEADER:
        raise UsageError(f"--structure: {len(structure)} layers, weights.npy holds about 170; use fewer layers")
    return size


def _familiar_size(structure: Sequence[int], item: int) -> int:
    """The bytes of MEANS and AXES, near enough."""
    return item * max(2, structure[-1]) * (structure[-2] + structure[0]) + 2**18


def encode(arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]) -> bytes:
    """The bytes of a checkpoint. `arrays` in the order of the file; `meta` must be JSON, without NaN."""
    described = json.dumps(meta, allow_nan=False, separators=(",", ":")).encode()
    fields: list[tuple[str, str, tuple[int, ...]]] = []
    for name, array in arrays.items():
        fields.append((name, array.dtype.newbyteorder("<").str, array.shape))
    fields += [("meta", f"|S{len(described)}", ()), ("sha256", f"|S{_DIGEST}", ())]
    header = _header(fields)
    size = sum(int(array.nbytes) for array in arrays.values()) + len(described) + _DIGEST
    if size > MAX_RECORD or len(header) > MAX_HEADER or len(described) > MAX_META:
        raise ValueError(f"a record of {size} bytes with a header of {len(header)} does not fit the format")
    head = _MAGIC + struct.pack("<H", len(header)) + header
    body = b"".join(np.ascontiguousarray(a, a.dtype.newbyteorder("<")).tobytes() for a in arrays.values())
    content = head + body + described
    return content + hashlib.sha256(content).hexdigest().encode()


def _header(fields: Sequence[tuple[str, str, tuple[int, ...]]]) -> bytes:
    listed = ", ".join(
        f"('{name}', '{code}'" + (f", ({shape[0]},)" if len(shape) == 1 else f", {shape}" if shape else "") + ")"
        for name, code, shape in fields
    )
    text = f"{{'descr': [{listed}], 'fortran_order': False, 'shape': (), }}"
    return (text + " " * (-(len(_MAGIC) + 2 + len(text) + 1) % 64) + "\n").encode()


def save(
    path: str | Path, arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any], replace: bool = True
) -> None:
    """Write a checkpoint, atomically and durably, as `files.write_bytes`. CannotWriteError, the old file intact."""
    write_bytes(path, encode(arrays, meta), replace)


def is_weights(path: str | Path) -> bool:
    """Whether a file begins as a checkpoint does, intact or not: NumPy's magic and a structured array."""
    place = Path(path)
    if not place.is_file():
        return False
    with place.open("rb") as file:
        head = file.read(len(_MAGIC) + 2 + len(_STRUCTURED))
    return head.startswith(_MAGIC) and head.endswith(_STRUCTURED)


def load(path: str | Path) -> tuple[Arrays, dict[str, Any]]:
    """The arrays and the description of a checkpoint.

    Raises UsageError where there is no such file, DamagedFileError for anything but an intact checkpoint.
    """
    content = read_regular(path, MAX_RECORD + MAX_HEADER, 'name a weights file, as "mlp train" writes it')
    try:
        return decode(content)
    except _Damage as damage:
        raise DamagedFileError(f"{path}: {damage}; use an intact copy, or train again") from None


class _Damage(Exception):
    """What is wrong with the bytes, without the file's name."""


def decode(content: bytes) -> tuple[Arrays, dict[str, Any]]:
    """The arrays (read-only views of `content`) and the description. _Damage for all other bytes."""
    start = len(_MAGIC) + 2
    if content[: len(_MAGIC)] != _MAGIC:
        raise _Damage("not a weights file of mlpcli" if content else "the file is empty")
    header_size = int.from_bytes(content[len(_MAGIC) : start], "little")
    header = content[start : start + header_size]
    if header_size > MAX_HEADER or len(header) < header_size:
        raise _Damage("the header is cut short, or too long")
    fields = _parse_header(header)
    sizes = [_ITEM_SIZES.get(code) or int(code[2:]) for _, code, _ in fields]
    needed = sum(size * math.prod(shape) for size, (_, _, shape) in zip(sizes, fields, strict=True))
    there = len(content) - start - header_size
    if needed != there:
        raise _Damage(f"{there:,} bytes of data where the header promises {needed:,}")
    digest = hashlib.sha256(memoryview(content)[:-_DIGEST]).hexdigest().encode()
    if content[-_DIGEST:] != digest:
        raise _Damage("the SHA-256 does not match: the file is damaged")
    arrays: Arrays = {}
    at, described = start + header_size, b""
    for size, (name, code, shape) in zip(sizes, fields, strict=True):
        count = math.prod(shape)
        if name == "meta":
            described = content[at : at + size]
        elif name != "sha256":
            arrays[name] = np.frombuffer(content, code, count, at).reshape(shape)
            if not np.isfinite(arrays[name]).all():
                raise _Damage(f"{name} has values that are not finite")
        at += size * count
    return arrays, _parse_meta(described, arrays)


def _parse_header(header: bytes) -> list[tuple[str, str, tuple[int, ...]]]:
    """(name, format, shape) of each field; only the very text that `_header` writes is accepted."""
    try:
        text = header.decode("ascii")
    except UnicodeDecodeError:
        raise _Damage("the header is not ASCII") from None
    match = _HEADER.fullmatch(text)
    if match is None:
        raise _Damage("the header is not that of a weights file of mlpcli")
    fields = []
    for name, code, rows, columns in re.findall(_FIELD, match[1]):
        fields.append((name, code, tuple(int(n) for n in (rows, columns) if n)))
    names = [name for name, _, _ in fields]
    if len(set(names)) != len(names) or names[-2:] != ["meta", "sha256"] or len(names) < 4:
        raise _Damage("the header does not name the fields of a weights file")
    for name, code, shape in fields:
        is_text = code.startswith("|S")
        if is_text != (name in ("meta", "sha256")) or is_text == bool(shape) or (code == "|u1") != (name == AXES):
            raise _Damage(f"the field {name} is not of the right kind")
    if fields[-1][1] != f"|S{_DIGEST}" or int(fields[-2][1][2:]) > MAX_META:
        raise _Damage("the fields meta and sha256 are not of the right size")
    return fields


def _parse_meta(described: bytes, arrays: Arrays) -> dict[str, Any]:
    """The description, checked against the arrays it comes with."""

    def no_constant(text: str) -> None:
        raise ValueError(f"{text} in JSON")

    try:
        meta = json.loads(described.decode(), parse_constant=no_constant)
    except (ValueError, RecursionError):
        raise _Damage("its description is not JSON") from None
    if not isinstance(meta, dict) or type(meta.get("format")) is not int or meta["format"] != FORMAT_VERSION:
        found = meta.get("format") if isinstance(meta, dict) else None
        raise _Damage(f"format version {str(found)[:20]}, this mlpcli reads {FORMAT_VERSION}")
    structure = meta.get("structure")
    if not isinstance(structure, list) or not all(type(n) is int and n > 0 for n in structure):
        raise _Damage("its description has no structure")
    found = {name: array.shape for name, array in arrays.items()}
    state = {name: found.pop(name) for name in list(found) if name.startswith(STATE)}
    familiar = [found.pop(name) for name in (MEANS, AXES) if name in found]
    if found != _shapes(structure):
        raise _Damage("the shapes of its arrays do not fit its structure")
    parameters = sum(math.prod(shape) for shape in found.values())
    if any(shape != (parameters,) for shape in state.values()) or bool(state) != isinstance(meta.get("state"), dict):
        raise _Damage("the state of its run does not fit its structure")
    is_whole = bool(familiar) == isinstance(meta.get("familiar"), dict)
    if not is_whole or (familiar and not _are_familiar(familiar, structure)):
        raise _Damage("what is familiar to it does not fit its structure")
    if len({array.dtype for name, array in arrays.items() if name != AXES}) != 1:
        raise _Damage("its arrays are of more than one dtype")
    return meta


def _are_familiar(shapes: list[tuple[int, ...]], structure: Sequence[int]) -> bool:
    """Whether these can be the shapes of MEANS (K, F) and AXES (K * k, F).

    K is 1 or the number of classes, k <= F, and F the size of the last hidden layer or that and the inputs.
    """
    if len(shapes) != 2 or any(len(shape) != 2 for shape in shapes):
        return False
    (classes, width), (axes, same_width) = shapes
    known = width == same_width and width in (structure[-2], structure[-2] + structure[0])
    return known and classes in (1, max(2, structure[-1])) and axes % classes == 0 and axes // classes <= width
