"""Open a file that may be gzip, with a bound on what comes out of it.

Python's own gzip module accepts zeros after the end, gives an empty answer for an empty file, and unpacks a
bomb for as long as there is disk. Here a file unpacks to at most FLOOR + RATIO times its size, and everything
in it belongs to a member (there may be several) whose length and CRC-32 are right.
"""

import contextlib
import io
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlpcli.errors import DamagedFileError
from mlpcli.files import open_regular

FLOOR = 2**26  # bytes that any file may unpack to: small enough to be harmless, enough for 60,000 blank images
RATIO = 200  # honest data shrink to a 5th, tables of zeros to a 100th; deflate's most is a 1,032nd
_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 14  # bytes of packed input at a time


@contextlib.contextmanager
def open_bytes(path: Path, advice: str = "check the path") -> Iterator[io.BufferedReader]:
    """The content of a regular file, unpacked where it begins as gzip does.

    The stream's `raw` is a Gunzip for a packed file. Raises UsageError, with `advice`, where there is no such
    file, DamagedFileError for an empty one and, while it is read, for damage and for a bomb.
    """
    with open_regular(path, advice) as file:
        stream: Any = file
        if file.peek(2)[:2] == _MAGIC:
            stream = io.BufferedReader(Gunzip(file, path), 1 << 16)
        if not stream.peek(1):
            raise DamagedFileError(f"{path}: the file is empty; get the file again")
        yield stream


class Gunzip(io.RawIOBase):
    """The unpacked bytes of a gzip file. Raises DamagedFileError at the first thing that is wrong.

    at_most: bytes that it can unpack to.
    """

    def __init__(self, file: io.BufferedReader, path: Path) -> None:
        self.at_most = FLOOR + RATIO * os.fstat(file.fileno()).st_size
        self._file = file
        self._path = path
        self._member = zlib.decompressobj(wbits=31)  # 31: gzip, with its header and its CRC-32
        self._pending = b""  # packed, not yet given to the member
        self._taken = 0  # bytes of packed input
        self._given = 0  # bytes unpacked

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while True:
            if not self._pending:
                self._pending = self._file.read(_CHUNK)
                self._taken += len(self._pending)
            if self._member.eof:
                if not self._pending:
                    return 0
                self._member = zlib.decompressobj(wbits=31)
            ended = not self._pending
            part = self._unpack(len(buffer))
            if part:
                buffer[: len(part)] = part
                return len(part)
            if ended and not self._member.eof:
                raise DamagedFileError(f"{self._path}: damaged gzip data (it is cut short); get the file again")

    def _unpack(self, limit: int) -> bytes:
        try:
            part = self._member.decompress(self._pending, limit)
        except zlib.error as error:
            raise DamagedFileError(f"{self._path}: damaged gzip data ({error}); get the file again") from None
        self._pending = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
        self._given += len(part)
        if self._given > FLOOR + RATIO * self._taken:
            raise DamagedFileError(
                f"{self._path}: unpacks to more than {RATIO} times its size; if it is no bomb, unpack it with gunzip"
            )
        return part
