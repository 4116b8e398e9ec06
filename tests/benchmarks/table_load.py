"""Seconds and peak memory to read a CSV file of ten million cells; pandas beside it, where it is installed.

    python -m tests.benchmarks.table_load [--rows 1000000] [--columns 10]

Every fifth column is text of 20 categories, the others are numbers of 7 digits. Each reader runs in a process of
its own; the memory is what the process had at its peak beyond what it had after its imports.
"""

import argparse
import importlib.util
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def write(path: Path, rows: int, columns: int) -> None:
    """A table with a header: random numbers, and random texts."""
    rng = np.random.default_rng(0)
    with path.open("w") as file:
        file.write(",".join(f"c{i}" for i in range(columns)) + "\n")
        for _ in range(0, rows, 1000):
            values = rng.standard_normal((1000, columns))
            texts = rng.integers(0, 20, (1000, columns))
            for row in range(1000):
                pairs = zip(values[row], texts[row], strict=True)
                cells = [f"text{t}" if i % 5 == 4 else f"{v:.7g}" for i, (v, t) in enumerate(pairs)]
                file.write(",".join(cells) + "\n")


def measure(reader: str, path: Path) -> None:
    """Read the file with one reader and print a line of a Markdown table."""
    if reader == "pandas":
        from pandas import read_csv as read
    else:
        from mlpcli.datasets.table import read_table as read
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    table = read(path)
    seconds = time.perf_counter() - began
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"| {reader} | {len(table):,} | {seconds:.2f} | {peak:.0f} |", flush=True)


def main() -> None:
    """Write the file, and measure each reader in a child process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="a multiple of 1,000")
    parser.add_argument("--columns", type=int, default=10)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure[0], Path(arguments.measure[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        write(path, arguments.rows, arguments.columns)
        print(f"{path.stat().st_size:,} bytes, {arguments.rows:,} rows of {arguments.columns} cells\n")
        print("| reader | rows | seconds | peak memory, MiB |\n|---|---|---|---|", flush=True)
        readers = ["mlpcli", "pandas"] if importlib.util.find_spec("pandas") else ["mlpcli"]
        for reader in readers:
            subprocess.run(
                [sys.executable, "-m", "tests.benchmarks.table_load", "--measure", reader, str(path)], check=True
            )


if __name__ == "__main__":
    main()
