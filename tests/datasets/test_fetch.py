"""Downloads from a hostile server on loopback."""

import gzip
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from mlpcli.datasets import fetch
from mlpcli.datasets.catalog import Entry, RemoteFile
from mlpcli.errors import CannotWriteError, DownloadError, UsageError

CONTENT = bytes(range(256)) * 400
FILE = RemoteFile("data.gz", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


class Server(BaseHTTPRequestHandler):
    """The first part of the path says how to misbehave."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[str]] = []

    def do_GET(self):
        self.asked.append(self.path)
        fault = self.path.split("/")[1]
        self.close_connection = True
        getattr(self, f"answer_{fault}")()

    def answer(self, body, status=200, length=None, **headers):
        self.send_response(status)
        self.send_header("Connection", "close")
        if length != "none":
            self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def answer_good(self):
        self.answer(CONTENT)

    def answer_nolength(self):
        self.answer(CONTENT, length="none")

    def answer_html(self):
        self.answer(b"<html>sorry</html>", Content_Type="text/html; charset=utf-8")

    def answer_disguised(self):
        self.answer(b"<html>" + bytes(len(CONTENT) - 6))

    def answer_forbidden(self):
        self.answer(b"no", 403)

    def answer_gone(self):
        self.answer(b"no", 404)

    def answer_broken(self):
        self.answer(b"no", 503)

    def answer_partial(self):
        self.answer(CONTENT, 206)

    def answer_empty(self):
        self.answer(b"")

    def answer_short(self):
        self.answer(CONTENT[:-1])

    def answer_cut(self):
        self.answer(CONTENT[:5000], length=len(CONTENT))

    def answer_cutnolength(self):
        self.answer(CONTENT[:5000], length="none")

    def answer_long(self):
        self.answer(CONTENT + b"x", length="none")

    def answer_badlength(self):
        self.answer(CONTENT, length="-5")

    def answer_altered(self):
        self.answer(CONTENT[:-1] + b"x")

    def answer_packed(self):
        self.answer(gzip.compress(CONTENT), Content_Encoding="gzip")

    def answer_circle(self):
        self.answer(b"", 302, Location=self.path)

    def answer_away(self):
        self.answer(b"", 302, Location="/good/data.gz")

    def answer_silent(self):
        self.connection.close()

    def answer_garbage(self):
        self.wfile.write(b"\0\1\2 no HTTP\r\n\r\n")

    def log_message(self, *args):
        pass


FAULTS = [name.removeprefix("answer_") for name in dir(Server) if name.startswith("answer_")]
GOOD = {"good", "nolength", "away"}


@pytest.fixture(scope="module")
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    Server.asked.clear()


def entry(*mirrors):
    return Entry("set", "", "download", "image", (1, 1), 255, ("0",), "", (FILE,), mirrors)


@pytest.mark.parametrize("fault", sorted(GOOD))
def test_a_good_file_gets_its_name(server, tmp_path, fault):
    seen = []
    paths = fetch.download(
        entry(f"{server}/{fault}/"), tmp_path / "set", on_progress=lambda file, done: seen.append(done)
    )
    assert [path.name for path in paths] == ["data.gz"]
    assert paths[0].read_bytes() == CONTENT
    assert seen == sorted(seen)
    assert seen[-1] == len(CONTENT)
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["data.gz"]


@pytest.mark.parametrize("fault", sorted(set(FAULTS) - GOOD))
def test_any_fault_means_the_next_mirror(server, tmp_path, fault):
    told = []
    fetch.download(entry(f"{server}/{fault}/", f"{server}/good/"), tmp_path, on_failure=told.append)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT
    assert len(told) == 1
    assert f"{server}/{fault}/" in told[0]
    assert "\n" not in told[0]


@pytest.mark.parametrize("fault", sorted(set(FAULTS) - GOOD))
def test_when_no_mirror_delivers_nothing_is_left(server, tmp_path, fault):
    with pytest.raises(DownloadError, match="--mirror"):
        fetch.download(entry(f"{server}/{fault}/"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_mirror_that_cannot_be_reached(server, tmp_path):
    fetch.download(entry("http://127.0.0.1:9/", "http://no-such-host.invalid/", f"{server}/good/"), tmp_path)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT


def test_a_drip_is_given_up(tmp_path, server, monkeypatch):
    class Slow(Server):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            try:
                for byte in CONTENT:
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    stopped.wait(0.05)
            except OSError:
                pass

    stopped = threading.Event()
    monkeypatch.setattr(fetch, "_PATIENCE", 0.3)
    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        with pytest.raises(DownloadError, match="too slow"):
            fetch.download(entry(f"http://127.0.0.1:{httpd.server_port}/"), tmp_path)
        stopped.set()
        httpd.shutdown()


def test_mirrors_of_the_user_come_first(server, tmp_path):
    fetch.download(entry(f"{server}/gone/"), tmp_path, mirrors=[f"{server}/good"])
    assert Server.asked == ["/good/data.gz"]


def test_what_is_there_and_intact_is_not_fetched(server, tmp_path):
    (tmp_path / "data.gz").write_bytes(CONTENT)
    assert fetch.download(entry(f"{server}/good/"), tmp_path) == []
    assert Server.asked == []


def test_what_is_there_and_damaged_is_replaced(server, tmp_path):
    (tmp_path / "data.gz").write_bytes(CONTENT[:-1] + b"x")
    fetch.download(entry(f"{server}/good/"), tmp_path)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT


def test_a_folder_that_cannot_be_made(server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CannotWriteError, match="cannot write"):
        fetch.download(entry(f"{server}/good/"), tmp_path / "file" / "set")


@pytest.mark.parametrize(
    "url", ["", "data", "ftp://example.org/", "http://", "http://host:port/", "file:///etc/", "http://a b/"]
)
def test_what_is_no_mirror(url):
    with pytest.raises(UsageError, match="no mirror"):
        fetch.check_mirror(url)
