"""TLS that is refused, and proxies."""

import shutil
import ssl
import subprocess

import pytest

from mlpcli.datasets import fetch
from mlpcli.errors import DownloadError
from tests.datasets.hostile import CONTENT, Hostile, entry


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A folder with ca.pem and, by each of the names good, expired and stranger, a certificate and its key."""
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("needs openssl")
    folder = tmp_path_factory.mktemp("tls")

    def run(*args):
        subprocess.run([openssl, *args], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "rsa:2048", "-nodes", "-sha256")
    run("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=local")
    for name, address, days in (
        ("good", "127.0.0.1", "30"),
        ("expired", "127.0.0.1", "-1"),
        ("stranger", "10.9.9.9", "30"),
    ):
        (folder / f"{name}.ext").write_text(f"subjectAltName=IP:{address}\n")
        run("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", f"{name}.ext")
        run("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signed, "-days", days)
    run("req", "-x509", *key, "-keyout", "self.key", "-out", "self.pem", "-days", "30", "-subj", "/CN=127.0.0.1",
        "-addext", "subjectAltName=IP:127.0.0.1")  # fmt: skip
    return folder


def tls_server(certificates, name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
    return Hostile(CONTENT, tls=context)


def test_tls_of_a_known_authority(certificates, tmp_path, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates / "ca.pem"))
    with tls_server(certificates, "good") as server:
        fetch.download(entry(server.url("cut", "good")), tmp_path)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT


@pytest.mark.parametrize("name", ["self", "expired", "stranger", "good"])
def test_tls_that_is_refused(certificates, tmp_path, monkeypatch, name):
    if name != "good":  # which is signed by an authority that only this test knows
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates / "ca.pem"))
    with tls_server(certificates, name) as server, pytest.raises(DownloadError, match=r"TLS refused|certificate"):
        fetch.download(entry(server.url("good")), tmp_path / "set")
    assert not (tmp_path / "set").exists()
    assert server.requests == []


def test_a_redirect_from_https_to_http_is_not_followed(certificates, server, tmp_path, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates / "ca.pem"))
    with tls_server(certificates, "good") as secure:
        monkeypatch.setattr(
            "tests.datasets.hostile.Answer.do_away",
            lambda self: self.head(302, "Content-Length: 0", f"Location: {server.url('good')}data.gz"),
        )
        with pytest.raises(DownloadError, match="redirects from https to http"):
            fetch.download(entry(secure.url("away")), tmp_path)
    assert server.requests == []


def test_the_proxy_of_the_environment_is_used(server, tmp_path, monkeypatch):
    # To a proxy the whole address is asked for: http://data.example/good/data.gz
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.port}")
    monkeypatch.setattr(
        "tests.datasets.hostile.Hostile._read",
        staticmethod(lambda connection, read=Hostile._read: through_proxy(read(connection))),
    )
    fetch.download(entry("http://data.example/good/"), tmp_path)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT
    assert len(server.requests) == 1


def through_proxy(request):
    assert request.path.startswith("http://data.example/")
    request.path = request.path.removeprefix("http://data.example")
    return request
