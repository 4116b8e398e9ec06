"""Seconds per epoch of MNIST, mlpcli against scikit-learn's MLPClassifier, on the same work.

    python -m tests.benchmarks.sgd_epoch [--data-dir data] [--repeats 5]

784-32-10, sigmoid, squared error (scikit-learn: log-loss, it has no other for classes), plain SGD, float32, one
BLAS thread each, one epoch of each in turn: A B A B ... Both shuffle. scikit-learn is handed its examples
already scaled to float32; mlpcli scales them as it goes, and that is in its time.
"""

import argparse
import os
import statistics
import time
import warnings

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

import numpy as np

from mlpcli.config import Settings
from mlpcli.datasets.load import Dataset, load_data
from mlpcli.run import Run

BATCH_SIZES = (8, 32, 256)


def ours(data: Dataset, batch_size: int, epochs: int):
    """Yields the seconds of each epoch."""
    settings = Settings(
        activation="sigmoid",
        loss="mse",
        optimizer="sgd",
        learning_rate=0.1,
        schedule="constant",
        epochs=epochs,
        batch_size=batch_size,
        validation=0.0,
    )
    results = Run(data, settings).epochs()
    while True:
        began = time.perf_counter()
        next(results)
        yield time.perf_counter() - began


def scikit_learn(data: Dataset, batch_size: int):
    """Yields the seconds of each epoch."""
    from sklearn.neural_network import MLPClassifier

    X = (data.train.X / 255).astype(np.float32)
    classifier = MLPClassifier(
        (32,),
        activation="logistic",
        solver="sgd",
        momentum=0.0,
        alpha=0.0,
        batch_size=batch_size,
        learning_rate_init=0.1,
        random_state=0,
    )
    while True:
        began = time.perf_counter()
        classifier.partial_fit(X, data.train.y, classes=np.arange(10))
        yield time.perf_counter() - began


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", default="data", help="folder that holds the folder mnist")
    parser.add_argument("--repeats", type=int, default=5, help="epochs measured of each, after one to warm up")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    data = load_data("mnist", arguments.data_dir)
    print("| batch | mlpcli, s per epoch (least to most) | scikit-learn | ratio of medians |\n|---|---|---|---|")
    for batch_size in BATCH_SIZES:
        pair = ours(data, batch_size, arguments.repeats + 1), scikit_learn(data, batch_size)
        times = [[next(one) for one in pair] for _ in range(arguments.repeats + 1)][1:]
        mine, theirs = ([turn[i] for turn in times] for i in (0, 1))
        cells = [f"{statistics.median(t):.3f} ({min(t):.3f} to {max(t):.3f})" for t in (mine, theirs)]
        ratio = statistics.median(theirs) / statistics.median(mine)
        print(f"| {batch_size} | {cells[0]} | {cells[1]} | {ratio:.1f} |", flush=True)


if __name__ == "__main__":
    main()
