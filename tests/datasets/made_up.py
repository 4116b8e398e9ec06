"""Public sets made up for the tests: small files, with catalog entries that pin them."""

import dataclasses
import gzip
import hashlib
import struct
import zipfile

import numpy as np

from mlpcli.datasets.catalog import CATALOG, RemoteFile


def idx(items, code=8):
    """The bytes of an IDX file, from its definition."""
    big = np.asarray(items).astype({8: ">u1", 12: ">i4"}[code])
    return struct.pack(f">HBB{big.ndim}I", 0, code, big.ndim, *big.shape) + big.tobytes()


def upright(seed, count):
    """Images (N, 28, 28), upright, as no transposed image looks."""
    return np.random.default_rng(seed).integers(0, 256, (count, 28, 28), dtype=np.uint8)


def pinned(name, content, **known):
    known = known or {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return RemoteFile(name, **known)


def mnist_like(folder, name, seed=0, count=20):
    """Put four files of the set into `folder`; its entry, pinning them."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for at, file in enumerate(CATALOG[name].files):
        items = np.arange(count) % 10 if at % 2 else upright(seed + at, count)
        content = gzip.compress(idx(items), mtime=0)
        (folder / file.name).write_bytes(content)
        files.append(pinned(file.name, content))
    return dataclasses.replace(CATALOG[name], files=tuple(files), mirrors=())


def emnist(folder, *splits, count=60, extra=()):
    """Put gzip.zip with these splits into `folder`; their entries. Images are `upright`, stored transposed."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "gzip.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for split in splits:
            entry = CATALOG[f"emnist-{split}"]
            for at, member in enumerate(entry.members):
                labels = entry.first_label + np.arange(count) % len(entry.classes)
                items = labels if at % 2 else upright(at, count).swapaxes(1, 2)
                archive.writestr(member, gzip.compress(idx(items), mtime=0))
        for name, content in extra:
            archive.writestr(name, content)
    file = pinned("gzip.zip", (folder / "gzip.zip").read_bytes())
    return [dataclasses.replace(CATALOG[f"emnist-{split}"], files=(file,), mirrors=()) for split in splits]


def qmnist(folder, columns=8, code=12, count=30, top=9):
    """Put the four files of qmnist into `folder`; its entry. Column 0 of the labels is the class."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for at, file in enumerate(CATALOG["qmnist"].files):
        labels = np.full((count, columns), 1000)
        labels[:, 0] = np.arange(count) % (top + 1)
        content = gzip.compress(idx(labels, code) if at % 2 else idx(upright(at, count)), mtime=0)
        (folder / file.name).write_bytes(content)
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        files.append(pinned(file.name, content, md5=md5))
    return dataclasses.replace(CATALOG["qmnist"], files=tuple(files), mirrors=())
