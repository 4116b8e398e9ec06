"""PNG files of our own: marked, so that a later one may take their place, and nothing else is ever lost to it."""

import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from mlpcli.errors import UsageError
from mlpcli.files import FileIsThereError, check_target, write_bytes

Kind = Literal["annotated page", "contact sheet"]  # of our pictures: one kind is no older copy of the other

_MARK_WITHIN = 256  # bytes of a PNG, before the pixels


def check_picture_target(path: str | Path, kind: Kind, force: bool, option: str) -> None:
    """Find out, before any work, whether a picture can be written to `path`, as `check_target` does.

    A picture of this kind that `write_picture` made is replaced; any other file takes `force`. Raises UsageError for a
    name that does not end in .png, CannotWriteError.
    """
    if not str(path).lower().endswith(".png"):
        raise UsageError(f"{option}: {path} does not end in .png, the format that is written; give such a name")
    try:
        check_target(path, force, option=option)
    except FileIsThereError:
        if not _is_ours(path, kind):
            raise
        check_target(path, force=True, option=option)


def check_is_no_source(path: str | Path, sources: Iterable[str], option: str) -> None:
    """UsageError where `path` is one of the files that are read."""
    for source in sources:
        if os.path.exists(source) and is_same_file(path, source):  # noqa: PTH110
            raise UsageError(f"{option}: {path} is one of the files to read; give another name")


def is_same_file(one: str | Path, other: str | Path) -> bool:
    """Whether two names mean one file, also one that is not there yet."""
    if os.path.realpath(one) == os.path.realpath(other):
        return True
    return os.path.exists(one) and os.path.exists(other) and os.path.samefile(one, other)  # noqa: PTH110, PTH121


def write_picture(path: str | Path, image: Image.Image, kind: Kind) -> None:
    """Write a PNG that is marked as one of this kind, atomically. CannotWriteError."""
    content = io.BytesIO()
    text = PngInfo()
    text.add_text("Software", _software(kind))
    image.save(content, "PNG", pnginfo=text)
    write_bytes(path, content.getvalue())


def _software(kind: Kind) -> str:
    return f"mlpcli, {kind}"


def _is_ours(path: str | Path, kind: Kind) -> bool:
    mark = b"tEXtSoftware\0" + _software(kind).encode()
    try:
        with Path(path).open("rb") as file:
            return mark in file.read(_MARK_WITHIN)
    except OSError:
        return False
