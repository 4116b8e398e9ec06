"""The files that are meant: named one by one, by their folder, or by a pattern."""

import contextlib
import glob
import os
import re
from collections.abc import Iterator

from mlpcli.datasets.naming import PICTURE_ENDINGS, TABLE_ENDINGS, is_hidden, kind_of
from mlpcli.errors import UsageError

# Phones make these. They are listed, so that whoever reads them says what to do about them.
_FOREIGN_PICTURES = (".heic", ".heif", ".avif")
_WANTED = {"image": "pictures (PNG, JPEG, BMP, GIF, TIFF, WebP)", "table": "tables (.csv, .tsv, also .gz)"}
_ARRAYS = "arrays (.npy, .npz, IDX)"


def find_files(name: str, kind: str, patterns: bool = True) -> Iterator[str]:
    """The files that `name` means for a network whose input is of `kind` ("image", "table", "bits", "array").

    A file is itself, whatever its kind, also where there is none: whoever opens it says so. A folder is all files in
    it and in the folders below that are of that kind and not hidden. Anything else with *, ? or [ in it is a pattern
    as shells have it, ** for any folders, unless `patterns` is False; it means what fits. 2.png comes before 10.png.

    Raises UsageError for a folder without such files, or that cannot be read, and for a pattern that nothing fits.
    """
    if not patterns or os.path.lexists(name) or not glob.has_magic(name):
        yield from _below(name, kind)
        return
    fitting = sorted(_glob(name), key=natural)
    if not fitting:
        raise UsageError(f"{name}: no file fits this pattern; check it, or name a folder")
    for each in fitting:
        yield from _below(each, kind)


def natural(name: str) -> list[tuple[str, int]]:
    """What to sort names by, for numbers in them to count by their value."""
    return [(text.casefold(), int(digits or 0)) for text, digits in re.findall(r"([^0-9]*)([0-9]*)", name)]


def _glob(pattern: str) -> list[str]:
    with contextlib.suppress(OSError, ValueError, re.error):  # a NUL, or a pattern that is none
        return glob.glob(pattern, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute ones
    return []


def _below(name: str, kind: str) -> Iterator[str]:
    """`name` itself, or the files in it where it is a folder."""
    if not os.path.isdir(name):  # noqa: PTH112 - a Path would change the name that was typed
        yield name
        return
    strays: list[str] = []
    some = False
    for path in _walk(name, []):
        if _is_wanted(path, kind):
            some = True
            yield path
        else:
            strays.append(path)
    if some:
        return
    wanted = _WANTED.get(kind, _ARRAYS)
    if not strays:
        raise UsageError(f"{name}: a folder with nothing in it; check the name, or put {wanted} there")
    found = f"only {len(strays):,} other files such as {strays[0]}"
    raise UsageError(f"{name}: a folder with no {wanted} in it, {found}; name another")


def _is_wanted(path: str, kind: str) -> bool:
    base = os.path.basename(path).lower()  # noqa: PTH119
    if kind == "image":
        return base.endswith(PICTURE_ENDINGS + _FOREIGN_PICTURES)
    return base.endswith(TABLE_ENDINGS) if kind == "table" else kind_of(base) is not None


def _walk(folder: str, above: list[tuple[int, int]]) -> Iterator[str]:
    """The files in a folder and below, of each folder in natural order; a link to a folder above is passed over."""
    try:
        status = os.stat(folder)  # noqa: PTH116
        if (status.st_dev, status.st_ino) in above:
            return
        with os.scandir(folder) as entries:
            inside = sorted(entries, key=lambda entry: natural(entry.name))
    except OSError as error:
        raise UsageError(f"{folder}: cannot be read ({error.strerror}); check its permissions") from None
    for entry in inside:
        if is_hidden(entry.name):
            continue
        if entry.is_dir():
            yield from _walk(entry.path, [*above, (status.st_dev, status.st_ino)])
        else:
            yield entry.path
