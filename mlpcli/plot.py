"""Figures, as `mlp plot` draws them (extra: plot): each function gives a Matplotlib figure.

    import mlpcli

    mlpcli.plot.save(mlpcli.plot.weights(mlpcli.load("weights.npy")), "weights.png")

The names are those of the subcommands. `save` writes PNG, SVG or PDF, the same bytes each time; `show` opens a window.
"""

from mlpcli.reports.figures.augmented import augmented
from mlpcli.reports.figures.boundary import boundary
from mlpcli.reports.figures.calibration import calibration
from mlpcli.reports.figures.canvas import save, show
from mlpcli.reports.figures.confusion import confusion
from mlpcli.reports.figures.history import Course, history
from mlpcli.reports.figures.mistakes import mistakes
from mlpcli.reports.figures.network import network
from mlpcli.reports.figures.samples import samples
from mlpcli.reports.figures.weights import weights

__all__ = [
    "Course",
    "augmented",
    "boundary",
    "calibration",
    "confusion",
    "history",
    "mistakes",
    "network",
    "samples",
    "save",
    "show",
    "weights",
]
