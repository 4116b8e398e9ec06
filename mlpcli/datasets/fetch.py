"""The files of a named data set: find out what is there, get what is not, and only then name it.

A file has its name only when its size and hash are right. Anything wrong with a mirror means the next one.
"""

import contextlib
import hashlib
import re
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from mlpcli.datasets import archive
from mlpcli.datasets.catalog import CATALOG, Entry, RemoteFile
from mlpcli.datasets.part import CHUNK, Part, adopt, discard_others, new_part, wrong_hash
from mlpcli.datasets.transfer import Failure, complete
from mlpcli.errors import CannotWriteError, DamagedFileError, DownloadError, UsageError

QUICK = 32_000_000  # bytes; larger files are hashed when they are fetched and on request, not at every use

Progress = Callable[[RemoteFile, int], None]


class Checked(NamedTuple):
    """A file of a data set, and what is wrong with it in a few words, "" for nothing."""

    path: Path
    problem: str


def is_there(entry: Entry, folder: Path) -> bool:
    """Whether the set can be loaded from `folder`: all sizes are right, and the hashes of files below QUICK."""
    return all(not problem for _, problem in _check(entry, folder, thorough=False))


def verify(entry: Entry, folder: Path) -> list[Checked]:
    """Every file of the set in `folder`, hashed. An archive is looked at only where it was kept."""
    found = _check(entry, folder, thorough=True)
    if entry.members:
        found += [
            Checked(folder / file.name, _problem(folder / file.name, file))
            for file in entry.files
            if (folder / file.name).exists()
        ]
    return found


def missing(entry: Entry, folder: Path) -> list[RemoteFile]:
    """What must be downloaded to make the set complete in `folder`."""
    if entry.members and is_there(entry, folder):
        return []
    return [file for file in entry.files if _problem(folder / file.name, file, thorough=bool(entry.members))]


def _check(entry: Entry, folder: Path, thorough: bool) -> list[Checked]:
    files = archive.extracted(entry, folder) if entry.members else entry.files
    if files is None:
        return [Checked(folder / name, "not extracted yet") for name in entry.parts]
    return [Checked(folder / file.name, _problem(folder / file.name, file, thorough)) for file in files]


def _problem(path: Path, file: RemoteFile, thorough: bool = True) -> str:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return "not a file"
        if file.size not in (None, status.st_size):
            return f"{status.st_size:,} bytes, expected {file.size:,}"
        if thorough or status.st_size < QUICK:
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, lambda: hashlib.new(file.algorithm, usedforsecurity=False))
            if digest.hexdigest() != file.hash:
                return wrong_hash(file)
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    return ""


def check_mirror(url: str) -> str:
    """A mirror's URL with a slash at its end. UsageError unless it is http:// or https:// with a host."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"[\s\0-\x1f]", url)
        _ = parts.port  # ValueError for what is no port
    except ValueError:
        usable = False
    if not usable:
        raise UsageError(
            f"--mirror or MLP_MIRROR: {_without_password(url)!r} is no mirror; give a URL such as https://example.org/mnist/"
        )
    return url if url.endswith("/") else url + "/"


def download(
    entry: Entry,
    folder: Path,
    mirrors: Iterable[str] = (),
    on_progress: Progress | None = None,
    on_failure: Callable[[str], None] | None = None,
    force: bool = False,
) -> list[Path]:
    """Fetch what is missing, or everything if `force`; return the paths of what was put in place.

    `mirrors` are tried before the catalog's, each as the folder of the files and then as the folder of folders
    named like the sets; the hash tells which it is. on_progress(file, bytes so far); on_failure(one line) each
    time a mirror fails. Raises DownloadError where no mirror delivers a file, CannotWriteError for the folder's
    faults.
    """
    own = [check_mirror(url) for url in mirrors]
    places = [(mirror, place) for mirror in own for place in (mirror, f"{mirror}{entry.folder}/")]
    places += [(mirror, mirror) for mirror in entry.mirrors]
    idle: set[str] = set()  # mirrors that have been waited for in vain

    def get(file: RemoteFile) -> None:
        def tell(done: int) -> None:
            if on_progress:
                on_progress(file, done)

        def failed(reason: str) -> None:
            if on_failure:
                on_failure(f"{file.name}: {reason}")

        # They come last from then on; one wait is enough for all files.
        _fetch(file, folder, sorted(places, key=lambda place: place[0] in idle), idle, tell, failed)

    return _put_in_place(entry, folder, list(entry.files) if force else missing(entry, folder), get, force)


def import_from(entry: Entry, source: Path, folder: Path, force: bool = False) -> list[Path]:
    """Copy what is missing (everything if `force`) from `source`, or its folder named like the set.

    The files must be those of the catalog, bytes and names: what was unpacked cannot be told from what was
    altered. Raises UsageError where one is not there, DamagedFileError where it is another, CannotWriteError.
    """
    wanted = list(entry.files) if force else missing(entry, folder)
    found = {file.name: _find(file, entry, source) for file in wanted}

    def get(file: RemoteFile) -> None:
        path = found[file.name]
        with new_part(file, folder) as part:
            _copy(path, part)
            if problem := part.problem():
                part.restart()
                raise DamagedFileError(f"{path}: {problem}{_whose(path, file)}; get the file again")
            part.publish(folder / file.name)

    return _put_in_place(entry, folder, wanted, get, force)


def _put_in_place(
    entry: Entry, folder: Path, wanted: list[RemoteFile], get: Callable[[RemoteFile], None], force: bool
) -> list[Path]:
    """Get the wanted files, and take the set out of its archive where it comes in one."""
    with _folder(folder, wanted):
        for file in wanted:
            get(file)
        placed = [folder / file.name for file in wanted]
        if entry.members and (force or not is_there(entry, folder)):
            placed += archive.extract(entry, folder / entry.files[0].name, folder)
    return placed


@contextlib.contextmanager
def _folder(folder: Path, wanted: list[RemoteFile]) -> Iterator[None]:
    """Make `folder`, if files are wanted; its faults become CannotWriteError, and none is left empty."""
    new: list[Path] = []
    try:
        new += [place for place in (folder, *folder.parents) if not place.exists()]
        if wanted:
            folder.mkdir(parents=True, exist_ok=True)
            size, free = sum(file.size or 0 for file in wanted), shutil.disk_usage(folder).free
            if free < size:
                raise CannotWriteError(f"{folder}: needs {size:,} bytes, the disk has {free:,} free; make room")
        yield
    except OSError as error:
        raise CannotWriteError(
            f"{folder}: cannot write ({error.strerror or error}); check its permissions and space, or give --data-dir"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            for place in new:
                place.rmdir()


def _fetch(
    file: RemoteFile,
    folder: Path,
    places: list[tuple[str, str]],
    idle: set[str],
    tell: Callable[[int], None],
    failed: Callable[[str], None],
) -> None:
    reasons: list[str] = []
    waited: set[str] = set()
    with new_part(file, folder) as part:
        adopt(part)
        for mirror, place in places:
            if mirror in waited:  # for this very file
                continue
            try:
                complete(part, place + quote(file.name), tell)
            except Failure as failure:
                if failure.idle:
                    waited.add(mirror)
                    idle.add(mirror)
                reasons.append(f"{_without_password(place)}: {failure}")
                failed(reasons[-1])
            else:
                _publish(part, folder / file.name)
                return
        kept = f" ({part.size:,} bytes are kept, to go on from)" if part.size else ""
    raise DownloadError(
        f"{file.name}: no mirror delivered it ({'; '.join(reasons)}); check the network and try again{kept}, name a "
        "mirror of your own with --mirror URL, or fetch it by hand and give mlp download --from FOLDER"
    )


def _without_password(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//...@", url)


def _publish(part: Part, target: Path) -> None:
    try:
        part.publish(target)
    except FileNotFoundError:  # another process has put the file there, and tidied up
        if _problem(target, part.file):
            raise
    discard_others(part)


def _copy(path: Path, part: Part) -> None:
    """Append the file at `path`, or as much as shows that it is too long."""
    try:
        stream = path.open("rb")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    with stream:
        while part.size <= part.file.limit and (chunk := stream.read(CHUNK)):
            part.append(chunk)


def _find(file: RemoteFile, entry: Entry, source: Path) -> Path:
    there = [path for path in (source / file.name, source / entry.folder / file.name) if path.is_file()]
    if there:  # sets share file names: the right one of two is the one with the right bytes
        return next((path for path in there if not _problem(path, file)), there[0])
    plain = file.name.removesuffix(".gz")
    if plain != file.name and (source / plain).exists():
        raise UsageError(
            f"{source / plain}: unpacked, so its hash tells nothing; give the folder of the published {file.name}"
        )
    raise UsageError(
        f"{source / file.name}: no such file; give the folder that has the published files of {entry.name}"
    )


def _whose(path: Path, file: RemoteFile) -> str:
    """A hint where `path` is the file of that name of another set."""
    for entry in CATALOG.values():
        for other in entry.files:
            if other.name == file.name and not _problem(path, other):
                return f" (it is the file of {entry.name})"
    return ""
