"""Reading image files that nobody vouches for."""

import io
import struct
import zlib

import pytest

from mlpcli.datasets import images
from mlpcli.errors import DamagedFileError, UsageError
from tests.datasets.pictures import drawing


def bomb(width, height):
    """A PNG of a few bytes that claims to be enormous."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def png_bytes():
    buffer = io.BytesIO()
    drawing().save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty"),
        (b"hello", "not an image"),
        (b"%PDF-1.4", "not an image"),
        (bomb(100_000, 100_000), "pixels|damaged"),
        (bomb(9_000, 9_000), "81000000|9000 x 9000 pixels"),
        (png_bytes()[:300], "damaged"),
        (b"GIF89a" + bytes(20), "damaged|not an image"),
        (b"\0\0\0\x18ftypheic" + bytes(20), "HEIC picture.*convert it to JPEG or PNG"),
        (b"\0\0\0\x18ftypmif1" + bytes(20), "HEIC picture.*convert it to JPEG or PNG"),
        (b"\0\0\0\x18ftypavif" + bytes(20), "AVIF picture.*convert it to JPEG or PNG"),
        (b"\0\0\0\x18ftypisom" + bytes(20), "not an image"),
    ],
)
def test_what_is_no_picture_is_one_error(tmp_path, content, what):
    path = tmp_path / "odd.png"
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=what) as caught:
        images.read_image(path)
    assert "\n" not in str(caught.value)


def test_an_enormous_file_is_not_even_read(tmp_path):
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.truncate(images.MAX_FILE + 1)  # sparse: takes no disk
    with pytest.raises(DamagedFileError, match="at most"):
        images.read_image(path)


@pytest.mark.parametrize("name", ["missing.png", "folder", "nul\0.png"])
def test_what_is_no_file_is_usage(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError):
        images.read_image(tmp_path / name)
