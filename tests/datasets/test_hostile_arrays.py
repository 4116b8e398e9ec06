"""Pickles, bombs and enormous claims, each read in a process of its own that is watched or bounded."""

import gzip
import io
import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile
import zlib

import numpy as np
import pytest

from tests.conftest import ROOT

MIB = 2**20
SIZE = 160 * MIB  # of a bomb, unpacked: more than the process may have

# Reads every file of a folder twice: once to have all modules loaded, once under watch or bounds.
CHILD = """
import json, sys
from pathlib import Path
from mlpcli.datasets.arrays import read_array
from mlpcli.datasets.compressed import open_bytes
from mlpcli.datasets.npz import read_npz
from mlpcli.errors import MlpError

def stream(path):
    with open_bytes(path) as file:
        while file.read(1 << 16):
            pass

def read(path):
    readers = {".npz": read_npz, ".csv": stream}
    try:
        readers.get(path.suffix, read_array)(path)
    except MlpError as error:
        return [type(error).__name__, str(error)]
    return ["read", ""]

files = sorted(Path(sys.argv[1]).iterdir())
results = {}
"""

BOUNDED = (
    CHILD
    + """
import resource
warm = Path(sys.argv[2])
for file in sorted(warm.iterdir()):
    assert read(file)[0] == "read", read(file)
with open("/proc/self/statm") as statm:
    size = int(statm.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + 150 * 2**20,) * 2)
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
import time
for file in files:
    start = time.perf_counter()
    results[file.name] = read(file) + [time.perf_counter() - start]
print(json.dumps(results))
"""
)

WATCHED = (
    CHILD
    + """
for file in files:
    read(file)
seen = []
watched = ("import", "exec", "compile", "pickle.", "os.system", "os.exec", "os.posix_spawn", "subprocess.", "socket.")
sys.addaudithook(lambda event, args: seen.append(event) if event.startswith(watched) else None)
for file in files:
    results[file.name] = read(file)
by_us = list(seen)
if len(sys.argv) > 2:  # the watch itself is tested: NumPy is told to unpickle
    import numpy
    numpy.load(sys.argv[2], allow_pickle=True)
print(json.dumps([results, by_us, seen]))
"""
)


def run(script, *args):
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", script, *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def npy(descr, shape, content=b""):
    header = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + content


def idx(shape, content=b"", code=8):
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, code, len(shape), *shape) + content


def zeros(size, wbits, head=b""):
    """`head` and `size` bytes of 0, packed as tightly as deflate can."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    block = bytes(MIB)
    parts = [packer.compress(head)] + [packer.compress(block) for _ in range(size // MIB)]
    return b"".join([*parts, packer.flush()])


def archive(name, content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        file.writestr(name, content)
    return buffer.getvalue()


def archived_zeros(head, size):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file, file.open("X.npy", "w") as member:
        member.write(head)
        for _ in range(size // MIB):
            member.write(bytes(MIB))
    return buffer.getvalue()


def lying(content, size):
    """The archive, with another unpacked size of its one member in its directory."""
    at = content.index(b"PK\1\2") + 24
    return content[:at] + struct.pack("<I", size) + content[at + 4 :]


BOMBS = {
    "honest-claim-idx3-ubyte.gz": lambda: zeros(SIZE, 31, idx((SIZE // MIB, 1024, 1024))),
    "small-claim-idx3-ubyte.gz": lambda: zeros(SIZE, 31, idx((1, 28, 28))),
    "claims-2-31-idx3-ubyte": lambda: idx((2**31, 28, 28), b"x" * 100),
    "claims-2-31-idx1-ubyte.gz": lambda: gzip.compress(idx((2**31,), b"x" * 100)),
    "claims-2-256-idx8-double.gz": lambda: gzip.compress(idx((2**32 - 1,) * 8, b"x" * 100, code=14)),
    "claims-2-31.npy": lambda: npy("<f4", f"({2**31},)", bytes(100)),
    "claims-2-63.npy": lambda: npy("<f8", f"({2**63 - 1},)", bytes(100)),
    "wraps-to-0.npy": lambda: npy("|u1", f"({2**32}, {2**32})"),
    "claims-2-31.npz": lambda: archive("X.npy", npy("<f4", f"({2**31},)", bytes(100))),
    "claims-2-63.npz": lambda: archive("X.npy", npy("<f8", f"({2**63 - 1},)", bytes(100))),
    "honest-claim.npz": lambda: archived_zeros(npy("|u1", f"({SIZE},)"), SIZE),
    "small-claim.npz": lambda: lying(archived_zeros(npy("|u1", "(10,)"), SIZE), len(npy("|u1", "(10,)")) + 10),
    "stream.csv": lambda: zeros(SIZE, 31),
    "many-members.csv": lambda: gzip.compress(bytes(MIB), 9) * (SIZE // MIB),
}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_bombs_and_claims_are_refused_within_150_mib(tmp_path):
    hostile, warm = tmp_path / "hostile", tmp_path / "warm"
    hostile.mkdir()
    warm.mkdir()
    for name, made in BOMBS.items():
        (hostile / name).write_bytes(made())
    (warm / "a-idx1-ubyte.gz").write_bytes(gzip.compress(idx((3,), b"abc")))
    (warm / "a-idx1-ubyte").write_bytes(idx((3,), b"abc"))
    np.savez_compressed(warm / "a.npz", X=np.zeros(3))
    np.save(warm / "a.npy", np.zeros(3))
    results = run(BOUNDED, hostile, warm)
    assert set(results) == set(BOMBS)
    for name, (kind, message, seconds) in results.items():
        print(f"{name}: {seconds:.3f} s, {message}")  # shown by pytest -s; no test depends on it
        assert kind == "DamagedFileError", (name, kind, message)
        assert message.isprintable()


class Attack:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_nothing_is_unpickled_run_or_imported(tmp_path, protocol):
    files, marker = tmp_path / "files", tmp_path / "was here"
    files.mkdir()
    attack = pickle.dumps(Attack(marker), protocol)
    as_array = npy("|O", "(1,)", attack)
    contents = {
        "X.npy": as_array,
        "scalar.npy": npy("|O", "()", attack),
        "record.npy": npy([("a", "|O")], "(1,)", attack),
        "bare.npy": attack,
        "bare-idx1-ubyte": attack,
        "packed-idx1-ubyte.gz": gzip.compress(attack),
        "a.npz": archive("X.npy", as_array),
        "b.npz": archive("X.npy", attack),
        "c.npz": archive("X", attack),
    }
    for name, content in contents.items():
        (files / name).write_bytes(content)
    control = tmp_path / "control.npy"
    control.write_bytes(npy("|O", "(1,)", pickle.dumps(np.array([Attack(tmp_path / "control")], object), protocol)))
    results, by_us, seen = run(WATCHED, files, control)
    assert set(results) == set(contents)
    assert {kind for kind, _ in results.values()} == {"DamagedFileError"}
    assert not any("allow_pickle" in message for _, message in results.values())
    assert by_us == []
    assert not marker.exists()
    assert "pickle.find_class" in seen, "the watch does not see what it is there for"
    assert (tmp_path / "control").exists()
