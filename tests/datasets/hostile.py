"""A server on loopback that misbehaves in every way that a path asks for.

The first part of a path names what happens to the first request for it, the second request, and so on, with
``~`` between; the last name stays: ``/cut~503~good/data.gz`` is cut short, then out of order, then good.
It speaks through a raw socket, because no library for servers can say these things.
"""

import contextlib
import gzip
import hashlib
import random
import re
import socket
import ssl
import struct
import threading
from collections import Counter
from dataclasses import dataclass, field

from mlpcli.datasets.catalog import Entry, RemoteFile

CONTENT = random.Random(1).randbytes(300_000)
FILE = RemoteFile("data.gz", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
UNSIZED = RemoteFile("data.gz", md5=hashlib.md5(CONTENT, usedforsecurity=False).hexdigest())
STATUSES = {"400", "401", "403", "404", "408", "410", "429", "500", "502", "503"}
LINGER_RESET = struct.pack("ii", 1, 0)


def entry(*mirrors, file=FILE):
    """A data set of one file."""
    return Entry("set", "", "download", "image", (1, 1), 255, ("0",), (1, 1), "", (file,), mirrors)


def names(folder):
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def parts(folder):
    """What is under way in a folder."""
    return [name for name in names(folder) if name.endswith(".part")]


@dataclass
class Request:
    """A request as it came. start: where the range begins that it asks for, None without one."""

    path: str
    headers: dict[str, str]
    start: int | None = None


@dataclass
class Hostile:
    """The server. content: what all files are. etag: what goes with it; change both to change the file.

    requests: what was asked. sent: bytes of bodies that were handed to the network.
    """

    content: bytes
    etag: str = '"one"'
    tls: ssl.SSLContext | None = None
    requests: list[Request] = field(default_factory=list)
    sent: int = 0

    def __post_init__(self):
        self._counts = Counter()
        self._lock = threading.Lock()
        self.stopping = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._socket.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *problem):
        self.stopping.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def url(self, *behaviours):
        """The mirror that behaves so."""
        scheme = "https" if self.tls else "http"
        return f"{scheme}://127.0.0.1:{self.port}/{'~'.join(behaviours)}/"

    def forget(self):
        """Begin anew with counting."""
        self.requests.clear()
        self._counts.clear()
        self.sent = 0

    def _accept(self):
        while not self.stopping.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        # A client that goes away in the middle is part of the play.
        with contextlib.suppress(OSError), connection:
            connection.settimeout(60)
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with connection:
                request = self._read(connection)
                if request is not None:
                    with self._lock:
                        count = self._counts[request.path]
                        self._counts[request.path] += 1
                        self.requests.append(request)
                    behaviours = request.path.split("/")[1].split("~")
                    behaviour = behaviours[min(count, len(behaviours) - 1)]
                    Answer(self, connection, request).give(behaviour)

    @staticmethod
    def _read(connection):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(65536)
            if not piece:
                return None
            head += piece
        first, *rest = head.decode("latin-1").split("\r\n\r\n")[0].split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
        found = re.fullmatch(r"bytes=(\d+)-", headers.get("range", ""))
        return Request(first.split(" ")[1], headers, int(found[1]) if found else None)


class Answer:
    """One answer. Each behaviour is a method; what is no good is listed in FAULTS."""

    def __init__(self, server, connection, request):
        self.server, self.connection, self.request = server, connection, request
        self.content, self.start = server.content, request.start

    def give(self, behaviour):
        if behaviour in STATUSES:
            self.whole(b"no", status=behaviour)
        else:
            getattr(self, "do_" + behaviour.replace("-", "_"))()

    def raw(self, data):
        self.connection.sendall(data)

    def head(self, status, *lines):
        self.raw("\r\n".join([f"HTTP/1.1 {status} X", "Connection: close", *lines, "", ""]).encode("latin-1"))

    def body(self, data):
        for at in range(0, len(data), 16384):
            self.raw(data[at : at + 16384])
            with self.server._lock:
                self.server.sent += len(data[at : at + 16384])

    def whole(self, body, *lines, status=200):
        self.head(status, f"Content-Length: {len(body)}", *lines)
        self.body(body)

    def wait(self, seconds=60):
        self.server.stopping.wait(seconds)

    @property
    def wants_range(self):
        """Whether a range is asked for, of the file as it is now."""
        condition = self.request.headers.get("if-range")
        return self.start is not None and condition in (None, self.server.etag)

    def ranged(self, upto=None, etag=True):
        """An honest beginning of an answer, then the body up to `upto`."""
        lines = [f"ETag: {self.server.etag}"] if etag else []
        start, size = 0, len(self.content)
        if self.wants_range:
            if self.start >= size:
                self.head(416, f"Content-Range: bytes */{size}")
                return
            start = self.start
            self.head(206, f"Content-Length: {size - start}", f"Content-Range: bytes {start}-{size - 1}/{size}", *lines)
        else:
            self.head(200, f"Content-Length: {size}", *lines)
        self.body(self.content[start:upto])

    # What is good.

    def do_good(self):
        self.ranged()

    def do_no_etag(self):
        self.ranged(etag=False)

    def do_no_range(self):
        self.whole(self.content)

    def do_no_length(self):
        self.head(200)
        self.body(self.content)

    def do_chunked(self):
        self.head(200, "Transfer-Encoding: chunked")
        for at in range(0, len(self.content), 10000):
            piece = self.content[at : at + 10000]
            self.raw(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.raw(b"0\r\n\r\n")

    def do_away(self):
        self.head(302, "Content-Length: 0", "Location: /good/elsewhere")

    # What is not.

    def do_html_200(self):
        self.whole(b"<html>sorry</html>", "Content-Type: text/html; charset=utf-8")

    def do_html_as_data(self):
        self.whole(b"<html>sorry</html>".ljust(len(self.content)), "Content-Type: application/gzip")

    def do_204(self):
        self.head(204)

    def do_304(self):
        self.head(304)

    def do_empty(self):
        self.whole(b"")

    def do_nothing(self):
        pass

    def do_short(self):
        self.whole(self.content[:-1])

    def do_cut(self):
        """A third of what is asked for."""
        start = self.start if self.wants_range else 0
        self.ranged(start + (len(self.content) - start) // 3)

    def do_cut_no_length(self):
        self.head(200)
        self.body(self.content[: len(self.content) // 2])

    def do_cut_chunked(self):
        self.head(200, "Transfer-Encoding: chunked")
        self.raw(b"%x\r\n%s" % (len(self.content), self.content[:5000]))

    def do_cut_again(self):
        """Cut, and then for ever the same bytes again, without an end."""
        self.head(200)
        self.body(self.content[:5000])

    def do_long(self):
        self.head(200)
        self.body(self.content + b"x")

    def do_endless(self):
        self.head(200)
        while not self.server.stopping.is_set():
            self.body(self.content)

    def do_long_announced(self):
        self.whole(self.content + b"x")

    def do_wrong_hash(self):
        self.whole(self.content[:-1] + bytes([self.content[-1] ^ 1]))

    def do_length_negative(self):
        self.head(200, "Content-Length: -5")
        self.body(self.content)

    def do_length_words(self):
        self.head(200, "Content-Length: many")
        self.body(self.content)

    def do_length_too_large(self):
        self.head(200, "Content-Length: 100000000")
        self.body(self.content)

    def do_length_huge(self):
        self.head(200, "Content-Length: " + "9" * 5000)
        self.body(self.content)

    def do_length_twice(self):
        self.head(200, f"Content-Length: {len(self.content)}", "Content-Length: 5")
        self.body(self.content)

    def do_gzip_encoding(self):
        self.whole(gzip.compress(self.content), "Content-Encoding: gzip")

    def do_gzip_bomb(self):
        packed = gzip.compress(bytes(50_000_000))
        self.head(200, "Content-Encoding: gzip", f"Content-Length: {len(packed)}")
        self.body(packed)

    def do_reset(self):
        self.ranged(len(self.content) // 2)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)

    def do_reset_at_once(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)

    def do_redirect_loop(self):
        self.head(302, "Content-Length: 0", f"Location: {self.request.path}")

    def do_redirect_nowhere(self):
        self.head(301, "Content-Length: 0", "Location: http://127.0.0.1:9/data")

    def do_redirect_to_file(self):
        self.head(307, "Content-Length: 0", "Location: file:///etc/hostname")

    def do_redirect_garbage(self):
        self.head(308, "Content-Length: 0", "Location: http://[::bad/\xff")

    def do_redirect_without_location(self):
        self.head(302, "Content-Length: 0")

    def do_redirect_to_html(self):
        self.head(302, "Content-Length: 0", "Location: /html-200/login")

    def do_206_not_asked(self):
        size = len(self.content)
        self.whole(self.content, f"Content-Range: bytes 0-{size - 1}/{size}", status=206)

    def wrong_206(self, content_range, body):
        """Cut the first time; to the range that is then asked for, this."""
        if self.start is None:
            self.do_cut()
        else:
            lines = [] if content_range is None else [f"Content-Range: {content_range}"]
            self.whole(body, *lines, status=206)

    def do_206_wrong_start(self):
        start, size = self.start or 0, len(self.content)
        self.wrong_206(f"bytes {start - 1}-{size - 1}/{size}", self.content[start:])

    def do_206_wrong_total(self):
        start, size = self.start or 0, len(self.content)
        self.wrong_206(f"bytes {start}-{size}/{size + 1}", self.content[start:])

    def do_206_wrong_end(self):
        start, size = self.start or 0, len(self.content)
        self.wrong_206(f"bytes {start}-{size - 2}/{size}", self.content[start:])

    def do_206_from_the_start(self):
        size = len(self.content)
        self.wrong_206(f"bytes 0-{size - 1}/{size}", self.content)

    def do_206_no_range(self):
        self.wrong_206(None, self.content[self.start or 0 :])

    def do_206_garbage_range(self):
        self.wrong_206("bytes many-more/\xff", self.content[self.start or 0 :])

    def do_206_other_bytes(self):
        """The range that was asked for, of another file, and nothing that tells."""
        start, size = self.start or 0, len(self.content)
        self.wrong_206(f"bytes {start}-{size - 1}/{size}", bytes(size - start))

    def do_206_changed(self):
        """The range that was asked for, of what the file is now, though the condition asks for the old one."""
        start, size = self.start or 0, len(self.content)
        if self.start is None:
            self.do_cut()
        else:
            lines = (f"Content-Range: bytes {start}-{size - 1}/{size}", 'ETag: "two"')
            self.whole(bytes(size - start), *lines, status=206)

    def do_416(self):
        if self.start is None:
            self.do_cut()
        else:
            self.head(416, "Content-Length: 0")

    def do_garbage(self):
        self.raw(b"\0\1\2 no HTTP\r\n\r\n")

    def do_half_a_status_line(self):
        self.raw(b"HTTP/1.1 2")

    def do_half_a_header(self):
        self.raw(b"HTTP/1.1 200 OK\r\nContent-Le")

    def do_many_headers(self):
        self.head(200, *(f"X-{i}: {i}" for i in range(5000)))

    def do_long_header(self):
        self.head(200, "X: " + "x" * 1_000_000)

    # What takes its time: these are given up after Limits.patience.

    def do_stall(self):
        self.wait()

    def do_stall_in_headers(self):
        self.raw(b"HTTP/1.1 200 OK\r\nContent-")
        self.wait()

    def do_stall_in_body(self):
        self.head(200, f"Content-Length: {len(self.content)}")
        self.body(self.content[: len(self.content) // 2])
        self.wait()

    def drip(self, data):
        for byte in data:
            if self.server.stopping.wait(0.05):
                return
            self.raw(bytes([byte]))

    def do_drip(self):
        self.head(200, f"Content-Length: {len(self.content)}")
        self.drip(self.content)

    def do_drip_headers(self):
        self.raw(b"HTTP/1.1 200 OK\r\n")
        self.drip(b"X: " + b"x" * 10_000)


_ALL = {name.removeprefix("do_").replace("_", "-") for name in dir(Answer) if name.startswith("do_")}
GOOD = {"good", "no-etag", "no-range", "no-length", "chunked", "away"}
SLOW = {"stall", "stall-in-headers", "stall-in-body", "drip", "drip-headers"}
FAULTS = STATUSES | _ALL - GOOD - SLOW
