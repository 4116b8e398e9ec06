"""PNG files of our own: marked, so that a later one may take their place, and nothing else is ever lost to it."""

import io
import os
from collections.abc import Iterable
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from mlpcli.errors import UsageError
from mlpcli.files import FileIsThereError, check_target, write_bytes

_SOFTWARE = "mlpcli"
_MARK = b"tEXtSoftware\0" + _SOFTWARE.encode()  # as it stands in a PNG, before the pixels
_MARK_WITHIN = 256  # bytes


def check_picture_target(path: str | Path, force: bool, option: str) -> None:
    """Find out, before any work, whether a picture can be written to `path`, as `check_target` does.

    A picture that `write_picture` made is replaced; any other file takes `force`. Raises UsageError for a name that
    does not end in .png, CannotWriteError.
    """
    if not str(path).lower().endswith(".png"):
        raise UsageError(f"{option}: {path} does not end in .png, the format that is written; give such a name")
    try:
        check_target(path, force, option=option)
    except FileIsThereError:
        if not _is_ours(path):
            raise
        check_target(path, force=True, option=option)


def check_is_no_source(path: str | Path, sources: Iterable[str], option: str) -> None:
    """UsageError where `path` is one of the files that are read."""
    for source in sources:
        if os.path.exists(path) and os.path.exists(source) and os.path.samefile(path, source):  # noqa: PTH110, PTH121
            raise UsageError(f"{option}: {path} is one of the files to read; give another name")


def write_picture(path: str | Path, image: Image.Image) -> None:
    """Write a PNG, atomically. CannotWriteError."""
    content = io.BytesIO()
    text = PngInfo()
    text.add_text("Software", _SOFTWARE)
    image.save(content, "PNG", pnginfo=text)
    write_bytes(path, content.getvalue())


def _is_ours(path: str | Path) -> bool:
    try:
        with Path(path).open("rb") as file:
            return _MARK in file.read(_MARK_WITHIN)
    except OSError:
        return False
