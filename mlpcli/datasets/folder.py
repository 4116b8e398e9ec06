"""A folder of images: a sub-folder for each class, in train, validation and test folders or not."""

import contextlib
import os
import re
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mlpcli.datasets import images
from mlpcli.datasets.decoded import CACHE, read_pixels
from mlpcli.datasets.labels import MAX_CLASSES
from mlpcli.datasets.naming import PICTURE_ENDINGS, is_hidden
from mlpcli.errors import DamagedFileError, UsageError

PARTS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
_SHOWN = 10  # files named in a message, at most


@dataclass(frozen=True)
class ImageFolder:
    """The images of a part each, {"train": (X, labels)}, X (N, H, W) or (N, H, W, 3) uint8 and labels (N,) texts.

    files: of each part, relative to the folder, in the order of X. notes: remarks of a line each.
    """

    parts: dict[str, tuple[npt.NDArray[np.uint8], npt.NDArray[np.str_]]]
    files: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]


@dataclass
class _Found:
    """What lies in the folder: (part, class, path relative to it) of each image, and remarks."""

    images: list[tuple[str, str, str]] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)


def read_folder(
    path: Path,
    size: tuple[int, int] | None = None,
    channels: int | None = None,
    on_error: str = "fail",
) -> ImageFolder:
    """Read a folder of images. size: (height, width), chosen from the images if not given.

    Raises UsageError for a folder that is not laid out like that, DamagedFileError for images that cannot be read
    (with on_error="skip" they are left out, and named in the notes).
    """
    found = _scan(path)
    names = [relative for _, _, relative in found.images]
    with images.quiet(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        pixels = read_pixels(path, names, size, channels, pool)
    listed = _listed(pixels.unreadable)
    if pixels.unreadable and (on_error == "fail" or not len(pixels.array)):
        raise DamagedFileError(f"{path}: cannot read {listed}; remove them, or give --on-error skip")
    notes = _remarks(found) + pixels.notes
    if pixels.unreadable:
        notes.append(f"skipped {listed}")
    bad = {name for name, _ in pixels.unreadable}
    kept = [entry for entry in found.images if entry[2] not in bad]
    return _in_parts(pixels.array, kept, tuple(notes))


def holds_classes(path: Path) -> bool:
    """Whether a folder has a folder in it that could be a class or a part."""
    with contextlib.suppress(OSError), os.scandir(path) as entries:
        return any(entry.is_dir() and not is_hidden(entry.name) for entry in entries)
    return False


def _in_parts(pixels: npt.NDArray[np.uint8], kept: list[tuple[str, str, str]], notes: tuple[str, ...]) -> ImageFolder:
    parts, files = {}, {}
    # Images are sorted by part, so that each part is a slice: nothing is copied.
    for part in dict.fromkeys(part for part, _, _ in kept):
        rows = [i for i, entry in enumerate(kept) if entry[0] == part]
        where = slice(rows[0], rows[-1] + 1)
        parts[part] = pixels[where], np.array([label for _, label, _ in kept[where]])
        files[part] = tuple(relative for _, _, relative in kept[where])
    return ImageFolder(parts, files, notes)


# What lies in the folder


def _scan(path: Path) -> _Found:
    found = _Found()
    folders = _folders(path, path, found)
    parts = {name: PARTS[name.lower()] for name in folders if name.lower() in PARTS}
    if "train" not in parts.values():  # a class may well be called "test"
        parts = {}
    others = [name for name in folders if name not in parts]
    if parts and others:
        raise UsageError(
            f"{path}: beside {' and '.join(sorted(parts))} there is {_names(others)}; keep the parts alone, or the "
            "classes alone"
        )
    doubled = [part for part, times in Counter(parts.values()).items() if times > 1]
    if doubled:
        raise UsageError(f"{path}: more than one folder for {doubled[0]} ({_names(sorted(parts))}); keep one")
    if not folders:
        raise UsageError(f"{path}: no folders of images; give a folder with a sub-folder for each class")
    for name, part in sorted(parts.items(), key=lambda item: item[1] != "train") or [("", "train")]:
        _scan_classes(path, path / name, part, found)
    found.images.sort(key=lambda entry: (entry[0] != "train", entry[0], _natural(entry[1]), entry[2]))
    known = {label for part, label, _ in found.images if part == "train"}
    for part, label, _ in found.images:
        if label not in known:
            raise UsageError(f"{path}: {part} has a class {label!r} that train has not; add images there, or remove it")
    return found


def _scan_classes(root: Path, folder: Path, part: str, found: _Found) -> None:
    classes = _folders(root, folder, found)
    where = "" if folder == root else f"{folder.name}/"
    if len(classes) > MAX_CLASSES:
        raise UsageError(f"{folder}: {len(classes):,} class folders, at most {MAX_CLASSES:,} are taken; use fewer")
    if len(classes) < 2 and part == "train":
        raise UsageError(f"{folder}: {_names(classes) or 'no'} class folder only; give two or more classes")
    empty = []
    for name in classes:
        before = len(found.images)
        _walk(root, folder / name, [_identity(root), _identity(folder), _identity(folder / name)], part, name, found)
        if len(found.images) == before:
            empty.append(where + name)
    if empty:
        raise UsageError(f"{root}: no images in the class folder {_names(empty)}; add some, or remove it")


def _walk(root: Path, folder: Path, above: list[tuple[int, int]], part: str, label: str, found: _Found) -> None:
    for entry in _entries(folder):
        relative = os.path.relpath(entry.path, root)
        if is_hidden(entry.name):
            found.hidden.append(relative)
        elif _is_folder(entry):
            here = _identity(Path(entry.path))
            if here in above:
                raise UsageError(f"{entry.path}: a symbolic link that leads back to a folder above it; remove it")
            _walk(root, Path(entry.path), [*above, here], part, label, found)
        else:
            found.images.append((part, label, relative))


def _folders(root: Path, folder: Path, found: _Found) -> list[str]:
    """The names of the folders in a folder. UsageError where images lie beside them."""
    names, files = [], []
    for entry in _entries(folder):
        if is_hidden(entry.name):
            if entry.name != CACHE:
                found.hidden.append(os.path.relpath(entry.path, root))
        elif _is_folder(entry):
            names.append(entry.name)
        elif entry.name.lower().endswith(PICTURE_ENDINGS):
            files.append(entry.name)
    if files:
        raise UsageError(
            f"{folder}: {len(files):,} images such as {sorted(files)[0]!r} lie outside of any class; put each class "
            "into a folder of its own"
        )
    return sorted(names, key=_natural)


def _entries(folder: Path) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be read ({error.strerror}); check its permissions") from None


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    with contextlib.suppress(OSError):  # a link to itself is a file that cannot be read
        return entry.is_dir()
    return False


def _identity(folder: Path) -> tuple[int, int]:
    try:
        status = folder.stat()
    except OSError as error:
        raise UsageError(f"{folder}: cannot be read ({error.strerror}); check it, or remove it") from None
    return status.st_dev, status.st_ino


def _natural(name: str) -> tuple[bool, int, str]:
    """Numbers by their value, before everything else."""
    is_number = re.fullmatch(r"[0-9]{1,18}", name) is not None
    return not is_number, int(name) if is_number else 0, name


def _remarks(found: _Found) -> list[str]:
    notes = []
    if found.hidden:
        notes.append(f"hidden and left out: {_names(dict.fromkeys(found.hidden))}")
    stems = Counter(str(Path(relative).with_suffix("")) for _, _, relative in found.images)
    twice = [stem for stem, times in stems.items() if times > 1]
    if twice:
        notes.append(f"{len(twice):,} names occur with several endings, each counted as an image: {_names(twice)}")
    return notes


def _names(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(map(repr, names[:_SHOWN])) + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")


def _listed(unreadable: list[tuple[str, str]]) -> str:
    shown = "; ".join(f"{name} ({reason})" for name, reason in unreadable[:_SHOWN])
    more = f"; and {len(unreadable) - _SHOWN:,} more" if len(unreadable) > _SHOWN else ""
    return f"{len(unreadable):,} image{'s' if len(unreadable) > 1 else ''}: {shown}{more}"
