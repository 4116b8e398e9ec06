"""Seconds and peak memory to predict many pictures in one call of `mlp predict`, against one call each.

    python -m tests.benchmarks.predict_throughput [--files 1000 10000] [--calls 20] [--side 100] [--weights FILE]

The pictures are embedded digits, dark on light, `side` pixels wide and high. The calls of one picture each are a
sample, whose mean is multiplied. Every call is a process of its own; its memory is what it had at its peak.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from mlpcli.api import train
from mlpcli.datasets.load import load_data

_CALL = (
    "import resource, sys; from mlpcli import cli; code = cli.run(sys.argv[1:]);"
    "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr); sys.exit(code)"
)


class Measured(NamedTuple):
    """seconds: of the whole process. memory: its peak, in MiB."""

    seconds: float
    memory: float


def write_pictures(folder: Path, files: int, side: int) -> None:
    """Digits in PNG files, named by number."""
    digits = load_data("digits")
    folder.mkdir()
    for i in range(files):
        pixels = digits.test.X[i % len(digits.test.X)].reshape(8, 8) * (255 / 16)
        image = Image.fromarray((255 - pixels).astype(np.uint8))
        image.resize((side, side), Image.Resampling.BICUBIC).save(folder / f"{i}.png")


def call(weights: Path, path: Path, files: int) -> Measured:
    """One call of `mlp predict`, which must answer for all files."""
    command = [sys.executable, "-c", _CALL, "predict", "--weights", str(weights), str(path), "--format", "jsonl"]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - began
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == files, f"{len(answers)} answers for {files} files"
    return Measured(seconds, int(done.stderr.splitlines()[-1]) / 1024)


def main() -> None:
    """Draw the pictures, measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--calls", type=int, default=20, help="of one picture each")
    parser.add_argument("--side", type=int, default=100, help="pixels")
    parser.add_argument("--weights", type=Path, help="a network of pictures; by default one of digits is trained")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        weights = arguments.weights
        if weights is None:
            weights = Path(folder) / "weights.npy"
            train("digits", epochs=10).save(weights)
        sets = {files: Path(folder) / str(files) for files in arguments.files}
        for files, path in sets.items():
            write_pictures(path, files, arguments.side)
        first = sets[arguments.files[0]]
        call(weights, first / "0.png", 1)  # warms the disk's cache
        alone = [call(weights, first / f"{i}.png", 1) for i in range(arguments.calls)]
        mean = sum(one.seconds for one in alone) / len(alone)
        print("| pictures | seconds | ms each | peak MiB | times faster than one call each |")
        print("|---|---|---|---|---|")
        print(f"| 1 | {mean:.3f} | {1000 * mean:.0f} | {max(one.memory for one in alone):.0f} | 1 |")
        for files, path in sets.items():
            one = call(weights, path, files)
            each = one.seconds / files
            print(f"| {files:,} | {one.seconds:.2f} | {1000 * each:.2f} | {one.memory:.0f} | {mean / each:.0f} |")


if __name__ == "__main__":
    main()
