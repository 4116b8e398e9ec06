"""One URL into one part of a file: HTTP, with nothing that the server says taken on trust.

`requests` accepts in silence a body cut short, a web page with status 200, a 206 with another range, lengths
that are no numbers, 194 kB of gzip that become 200 MB, and a byte every now and then for ever.
"""

import contextlib
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from mlpcli.datasets.part import CHUNK, Part

if TYPE_CHECKING:
    import requests


@dataclass(frozen=True)
class Limits:
    """How long a server is waited for. Times in seconds.

    slowest: bytes per second; a server may fall behind this by `patience` at most, however it does that:
    silence, a drip, endless headers. retries: of one URL after a passing fault, the first after `pause`.
    """

    connect: float = 10.0
    patience: float = 20.0
    slowest: float = 1_000.0
    retries: int = 2
    pause: float = 0.5
    redirects: int = 5


LIMITS = Limits()
THREAD = "mlpcli download"
_WORTHWHILE = 1_000_000  # bytes; a try that came so much further is not counted as a retry


class Failure(Exception):
    """Why a URL did not deliver, in a few words.

    passing: another try may do. spoilt: the bytes so far are not those of the file, or cannot be continued.
    idle: the server was waited for in vain.
    """

    def __init__(self, what: str, passing: bool = False, spoilt: bool = False, idle: bool = False) -> None:
        super().__init__(what)
        self.passing, self.spoilt, self.idle = passing, spoilt, idle


def complete(part: Part, url: str, tell: Callable[[int], None]) -> None:
    """Fetch from `url` what the part lacks, until it is the whole file; tell(bytes so far).

    Raises Failure where this URL does not deliver it; what the part then holds can be continued elsewhere.
    OSError is the disk's.
    """
    retries, furthest = 0, part.size
    while part.problem():
        began = part.size
        try:
            _receive(part, url, tell)
            if problem := part.problem():
                raise Failure(problem, spoilt=True)
        except Failure as failure:
            if failure.spoilt:
                part.restart()
                if began:  # the bytes that were there before may be to blame
                    continue
            if not failure.passing:
                raise
            if part.size >= furthest + _WORTHWHILE:
                furthest = part.size
                continue
            if retries == LIMITS.retries:
                raise
            time.sleep(LIMITS.pause * 2**retries)
            retries += 1


def _receive(part: Part, url: str, tell: Callable[[int], None]) -> None:
    """One request for what the part lacks, appended to it."""
    if part.size == part.file.size:
        raise Failure(part.problem(), spoilt=True)
    headers = {"User-Agent": "mlpcli", "Accept-Encoding": "identity"}
    if part.size:
        headers["Range"] = f"bytes={part.size}-"
        # Without a strong ETag of this very URL the hash of the whole decides.
        if part.etag[0] == url and part.etag[1]:
            headers["If-Range"] = part.etag[1]
    with _answer_of(url, headers) as (answer, body):
        total = _check(answer, part, url)
        if answer.status == 200:
            part.restart()
            etag = answer.headers.get("ETag", "")
            part.etag = (url, etag if etag.startswith('"') else "")
        for chunk in body:
            if part.size + len(chunk) > part.file.limit:
                raise Failure(part.too_long, spoilt=True)
            part.append(chunk)
            tell(part.size)
    if total is not None and part.size < total:
        raise Failure(f"cut short after {part.size:,} of {total:,} bytes", passing=True)


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Mapping[str, str]  # names in any case


def _check(answer: _Answer, part: Part, url: str) -> int | None:
    """The size of the whole file by this answer, where it says so. Failure for any answer that is of no use."""
    status, headers = answer.status, answer.headers
    if status == 416 and part.size:
        raise Failure("HTTP 416", spoilt=True)
    if status not in (200, 206) or (status == 206 and not part.size):
        raise Failure(f"HTTP {status}", passing=status >= 500 or status in (408, 429))
    if "text/html" in headers.get("Content-Type", "").lower():
        raise Failure("a web page instead of the file")
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Failure(f"Content-Encoding {headers['Content-Encoding'][:20]}")
    begins, total = _range(answer, part, url) if status == 206 else (0, part.file.size)
    length = headers.get("Content-Length")
    if length is not None:
        if not re.fullmatch(r"\d{1,15}", length, re.ASCII):
            raise Failure(f"a length that is no number ({length[:20]})")
        if total is not None and int(length) != total - begins:
            raise Failure(f"{int(length):,} bytes announced, expected {total - begins:,}")
        total = begins + int(length)
        if total > part.file.limit:
            raise Failure(f"{total:,} bytes announced, at most {part.file.limit:,} are taken")
    return total


def _range(answer: _Answer, part: Part, url: str) -> tuple[int, int]:
    """Where a 206 begins, which must be where the part ends, and the size of the whole file.

    Failure for any other range, and for a file that changed.
    """
    said = answer.headers.get("Content-Range", "")
    found = re.fullmatch(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})", said, re.ASCII)
    first, last, whole = map(int, found.groups()) if found else (-1, -1, -1)
    if first != part.size or last != whole - 1 or part.file.size not in (None, whole):
        raise Failure(f"another range than was asked for ({said[:40]})", spoilt=True)
    before, now = part.etag[1] if part.etag[0] == url else "", answer.headers.get("ETag", "")
    if before and now and before != now:
        raise Failure("the file changed", spoilt=True)
    return first, whole


@contextlib.contextmanager
def _answer_of(url: str, headers: dict[str, str]) -> Iterator[tuple[_Answer, Iterator[bytes]]]:
    """The answer to a GET and its body in pieces. Failure for all that goes wrong, also while the body is read.

    A thread talks to the server and this one keeps the time: the time-outs of sockets never fire on a drip, and
    the look-up of a host's name has none at all. A thread that is given up dies with its connection, or with the
    program.
    """
    items: queue.Queue[_Answer | bytes | Failure | None] = queue.Queue(maxsize=16)
    stop = threading.Event()
    threading.Thread(target=_talk, args=(url, headers, items, stop), name=THREAD, daemon=True).start()
    allowance = LIMITS.patience  # seconds that may still be spent waiting

    def following(what: str) -> _Answer | bytes | None:
        nonlocal allowance
        began = time.monotonic()
        try:
            item = items.get(timeout=max(0.0, allowance))
        except queue.Empty:
            raise Failure(f"{what}; {LIMITS.patience:g} s were waited", idle=True) from None
        if isinstance(item, Failure):
            raise item
        received = len(item) if isinstance(item, bytes) else 0
        waited = time.monotonic() - began
        allowance = min(LIMITS.patience, allowance - waited + received / LIMITS.slowest)
        return item

    def body() -> Iterator[bytes]:
        while isinstance(chunk := following(f"less than {LIMITS.slowest:g} bytes per second"), bytes):
            yield chunk

    try:
        answer = following("no answer")
        assert isinstance(answer, _Answer)
        yield answer, body()
    finally:
        stop.set()
        with contextlib.suppress(queue.Empty):
            while True:  # make room, so that the thread is not stuck with a piece that nobody wants
                items.get_nowait()


def _talk(
    url: str,
    headers: dict[str, str],
    items: "queue.Queue[_Answer | bytes | Failure | None]",
    stop: threading.Event,
) -> None:
    answered = False
    try:
        with _get(url, headers) as response:
            items.put(_Answer(response.status_code, response.headers))
            answered = True
            # read1 returns what has come, without waiting for a whole piece.
            read = getattr(response.raw, "read1", response.raw.read)
            while not stop.is_set() and (chunk := read(CHUNK)):
                items.put(chunk)
        items.put(None)
    except Failure as failure:
        items.put(failure)
    except Exception as error:  # whatever a server can provoke in three libraries
        items.put(Failure(_reason(error), passing=answered))


def _get(url: str, headers: dict[str, str]) -> "requests.Response":
    """The response after all redirects, each of them checked before it is followed."""
    import requests  # here, because nothing else needs it and it takes 0.1 s to import

    for _ in range(LIMITS.redirects + 1):
        response = requests.get(
            url,
            headers=headers,
            stream=True,
            allow_redirects=False,
            timeout=(LIMITS.connect, 2 * LIMITS.patience),  # the other thread's patience ends first
        )
        location = response.headers.get("Location")
        if response.status_code not in (301, 302, 303, 307, 308) or location is None:
            return response
        response.close()
        before, url = url, urljoin(url, location)
        scheme = urlsplit(url).scheme
        if scheme not in ("http", "https"):
            raise Failure(f"redirects to {url[:60]}")
        if scheme == "http" and urlsplit(before).scheme == "https":
            raise Failure("redirects from https to http")
    raise Failure(f"more than {LIMITS.redirects} redirects")


def _reason(error: Exception) -> str:
    """A few words for an exception of requests or urllib3, whose own texts are long and nested."""
    import requests
    import urllib3

    cause: BaseException | None = None if isinstance(error, requests.exceptions.ProxyError) else error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, requests.RequestException):
            return cause.strerror
        reason = getattr(cause, "reason", None) or next(
            (a for a in getattr(cause, "args", ()) if isinstance(a, BaseException)), None
        )
        cause = reason if isinstance(reason, BaseException) else cause.__cause__
    for kind, words in (
        (requests.exceptions.ProxyError, "the proxy of the environment does not answer"),
        (requests.exceptions.SSLError, "TLS refused"),
        (requests.exceptions.ConnectTimeout, f"no connection within {LIMITS.connect:g} s"),
        (requests.exceptions.Timeout, "no byte in time"),
        (requests.exceptions.ConnectionError, "no connection, or no answer that is HTTP"),
        (urllib3.exceptions.HTTPError, "the connection broke off"),
        (requests.exceptions.ChunkedEncodingError, "the connection broke off"),
    ):
        if isinstance(error, kind):
            return words
    return f"an answer that makes no sense ({type(error).__name__})"
