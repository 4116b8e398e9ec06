"""An epoch over an array that is larger than the memory it is given: peak memory, and throughput beside RAM.

    python -m tests.benchmarks.larger_than_memory [--gigabytes 6] [--folder /tmp]

Writes X.npy (uint8, 784 wide, so many gigabytes) and y.npy into a new folder, and trains 784-32-10 for one epoch
with batches of 256: from the file in any order, from the file block by block, and from memory on as many of the
same rows as fit into a gigabyte. Each in a process of its own, in turn. The labels follow from the pixels, so that
there is something to learn. The file is as hot in the system's cache as the machine allows.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

WIDTH = 784
IN_MEMORY = 2**30  # bytes

CHILD = """
import json, resource, sys, time
sys.argv = ["mlp"]
import numpy as np
import mlpcli

path, shuffle, rows = {path!r}, {shuffle!r}, {rows}
began = time.perf_counter()
if rows:
    X, y = (np.load(f"{{path}}/{{name}}.npy", mmap_mode="r")[:rows].copy() for name in "Xy")
    data = mlpcli.from_arrays(X, y)
else:
    data = mlpcli.load_data(path)
loaded = time.perf_counter() - began
from mlpcli.run import Run
from mlpcli.config import Settings
run = Run(data, Settings(epochs=1, batch_size=256, validation=0.0, shuffle=shuffle))
(result,) = run.epochs()
accuracy = run.model().evaluate(data.test).accuracy
print(json.dumps({{
    "examples": len(run.training.rows),
    "seconds": result.seconds,
    "load": loaded,
    "accuracy": accuracy,
    "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
}}))
"""


def write(folder: Path, gigabytes: float) -> int:
    """Write X.npy and y.npy, and return the number of rows."""
    rows = int(gigabytes * 1e9 / WIDTH)
    rng, done = np.random.default_rng(0), 0
    labels = np.empty(rows, np.uint8)
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({rows}, {WIDTH}), }}".ljust(117) + "\n"
    with (folder / "X.npy").open("wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + header.encode())
        while done < rows:
            n = min(20_000, rows - done)
            some = rng.integers(0, 10, n, np.uint8)
            pixels = rng.integers(0, 128, (n, WIDTH), np.uint8)
            for label in range(10):  # a bright patch says which class
                pixels[some == label, 70 * label : 70 * label + 20] += 100
            file.write(pixels.tobytes())
            labels[done : done + n] = some
            done += n
    np.save(folder / "y.npy", labels)
    return rows


def measure(folder: Path, shuffle: str, rows: int) -> dict[str, float]:
    """One epoch in a process of its own."""
    code = CHILD.format(path=str(folder), shuffle=shuffle, rows=rows)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(result.stdout.splitlines()[-1])


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=6.0)
    parser.add_argument("--folder", default=None, help="where the array is made; it is removed in the end")
    parser.add_argument("--repeats", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        rows = write(folder, arguments.gigabytes)
        size = rows * WIDTH
        print(f"{rows:,} examples, {size:,} bytes\n")
        print("| from | order | examples | load, s | epoch, s | examples per s | accuracy | peak memory, MB |")
        print("|---|---|---|---|---|---|---|---|")
        for _ in range(arguments.repeats):
            for source, shuffle, some in (
                ("file", "examples", 0),
                ("file", "blocks", 0),
                ("memory", "examples", min(rows, IN_MEMORY // WIDTH)),
            ):
                found = measure(folder, shuffle, some)
                rate = found["examples"] / found["seconds"]
                print(
                    f"| {source} | {shuffle} | {found['examples']:,} | {found['load']:.1f} | {found['seconds']:.1f} "
                    f"| {rate:,.0f} | {found['accuracy']:.3f} | {found['peak'] / 1e6:.0f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
