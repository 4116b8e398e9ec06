"""Download the files of a data set: decide what is missing, fetch it, verify it, and only then name it.

A file has its name only when its size and SHA-256 are right. Anything wrong with a mirror (no connection, a
status other than 200, HTML, a short, long or altered body, a drip) means the next mirror.
"""

import contextlib
import hashlib
import os
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mlpcli.datasets.catalog import Entry, RemoteFile
from mlpcli.errors import CannotWriteError, DownloadError, UsageError
from mlpcli.files import sync_folder

if TYPE_CHECKING:
    import requests

CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 20.0  # seconds without a single byte
SLOWEST = 1_000  # bytes per second, averaged over _PATIENCE; requests' own timeout never fires on a drip
_PATIENCE = 20.0  # seconds
_CHUNK = 1 << 16

Progress = Callable[[RemoteFile, int], None]


class _Failure(Exception):
    """Why one mirror did not deliver; the next is tried."""


def is_intact(path: Path, file: RemoteFile) -> bool:
    """Whether `path` is there with the right size and SHA-256."""
    try:
        if path.stat().st_size != file.size:
            return False
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256
    except OSError:
        return False


def missing(entry: Entry, folder: Path) -> list[RemoteFile]:
    """The files of a data set that are not in `folder`, or not intact."""
    return [file for file in entry.files if not is_intact(folder / file.name, file)]


def check_mirror(url: str) -> str:
    """A mirror's URL with a slash at its end. UsageError unless it is http:// or https:// with a host."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"[\s\0-\x1f]", url)
        _ = parts.port  # ValueError for what is no port
    except ValueError:
        usable = False
    if not usable:
        raise UsageError(f"--mirror: {url!r} is no mirror; give a URL such as https://example.org/mnist/")
    return url if url.endswith("/") else url + "/"


def download(
    entry: Entry,
    folder: Path,
    mirrors: Iterable[str] = (),
    on_progress: Progress | None = None,
    on_failure: Callable[[str], None] | None = None,
) -> list[Path]:
    """Fetch what is missing of a data set into `folder` and return the paths of what was fetched.

    `mirrors` are tried before the catalog's. on_progress(file, bytes so far); on_failure(one line) each time a
    mirror fails. Raises DownloadError where no mirror delivers a file, CannotWriteError for the folder's faults.
    """
    tried = [check_mirror(url) for url in mirrors] + list(entry.mirrors)
    fetched = []
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        for file in missing(entry, folder):
            folder.mkdir(parents=True, exist_ok=True)
            _fetch(file, folder, tried, on_progress, on_failure)
            fetched.append(folder / file.name)
    except DownloadError:
        with contextlib.suppress(OSError):  # leave no empty folders behind
            for place in new:
                place.rmdir()
        raise
    except OSError as error:
        raise CannotWriteError(
            f"{folder}: cannot write ({error.strerror or error}); check its permissions and space, or give --data-dir"
        ) from error
    return fetched


def _fetch(
    file: RemoteFile,
    folder: Path,
    mirrors: list[str],
    on_progress: Progress | None,
    on_failure: Callable[[str], None] | None,
) -> None:
    reasons = []
    for mirror in mirrors:
        part = folder / f".{file.name}.{os.getpid()}-{secrets.token_hex(4)}.part"
        try:
            with part.open("xb") as out:
                digest = hashlib.sha256()
                done = 0
                for chunk in _stream(mirror + file.name, file.size):
                    out.write(chunk)
                    digest.update(chunk)
                    done += len(chunk)
                    if on_progress:
                        on_progress(file, done)
                if done != file.size:
                    raise _Failure(f"{done:,} bytes, expected {file.size:,}")
                if digest.hexdigest() != file.sha256:
                    raise _Failure("the SHA-256 is wrong")
                out.flush()
                os.fsync(out.fileno())
            part.replace(folder / file.name)
            sync_folder(folder)
            return
        except _Failure as failure:
            reasons.append(f"{mirror}: {failure}")
            if on_failure:
                on_failure(f"{file.name}: {reasons[-1]}")
        finally:
            with contextlib.suppress(OSError):
                part.unlink()
    raise DownloadError(
        f"{file.name}: no mirror delivered it ({'; '.join(reasons)}); check the network and try again, or name "
        "a mirror of your own with --mirror URL"
    )


def _stream(url: str, size: int) -> Iterator[bytes]:
    """The body of `url` in pieces, at most one piece more than `size` bytes. _Failure for all that goes wrong."""
    import requests  # here, because nothing else needs it and it takes 0.1 s to import
    import urllib3

    try:
        with requests.get(
            url,
            stream=True,
            timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
            # Not gzip on the way: 194 kB of it can become 200 MB.
            headers={"Accept-Encoding": "identity", "User-Agent": "mlpcli"},
        ) as response:
            _check(response, size)
            # read1 returns what has come, so that the clock below is looked at even while a server drips.
            read = getattr(response.raw, "read1", response.raw.read)
            done, since, before = 0, time.monotonic(), 0
            while done <= size and (chunk := read(_CHUNK)):
                yield chunk
                done += len(chunk)
                elapsed = time.monotonic() - since
                if elapsed > _PATIENCE:
                    if done - before < SLOWEST * elapsed:
                        raise _Failure(f"too slow ({(done - before) / elapsed:.0f} bytes per second)")
                    since, before = time.monotonic(), done
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _Failure(_reason(error)) from error


def _check(response: "requests.Response", size: int) -> None:
    addresses = [r.url for r in (*response.history, response)]
    if any(a.startswith("https:") and b.startswith("http:") for a, b in pairwise(addresses)):
        raise _Failure("redirects from https to http")
    if response.status_code != 200:
        raise _Failure(f"HTTP {response.status_code}")
    if "text/html" in response.headers.get("Content-Type", ""):
        raise _Failure("a web page instead of the file")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise _Failure(f"Content-Encoding {response.headers['Content-Encoding']}")
    length = response.headers.get("Content-Length")
    if length is not None and length != str(size):
        raise _Failure(f"{length[:20]} bytes announced, expected {size:,}")


def _reason(error: Exception) -> str:
    """A few words for an exception of requests or urllib3, whose own texts are long and nested."""
    import requests

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, requests.RequestException):
            return cause.strerror
        reason = getattr(cause, "reason", None) or next(
            (a for a in getattr(cause, "args", ()) if isinstance(a, BaseException)), None
        )
        cause = reason if isinstance(reason, BaseException) else cause.__cause__
    for kind, words in (
        (requests.exceptions.SSLError, "TLS refused"),
        (requests.exceptions.ConnectTimeout, f"no connection within {CONNECT_TIMEOUT:g} s"),
        (requests.exceptions.Timeout, f"no byte within {READ_TIMEOUT:g} s"),
        (requests.exceptions.ConnectionError, "no connection"),
    ):
        if isinstance(error, kind):
            return words
    return type(error).__name__
