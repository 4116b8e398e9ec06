"""Whether a classifier is right as often as it says: the reliability diagram."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpcli.errors import UsageError
from mlpcli.evaluation import Evaluation
from mlpcli.reports.figures.canvas import PALETTE, blank, figure_function, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mlpcli.evaluation import AnyEvaluation


@figure_function
def calibration(result: AnyEvaluation, name: str = "network") -> Figure:
    """The fraction that is right against the mean confidence in each bin; below, how many examples the bins have.

    UsageError for other than classes.
    """
    from matplotlib.ticker import FormatStrFormatter

    if not isinstance(result, Evaluation):
        raise UsageError(f"{name}: does not choose between classes; it has no confidence to calibrate")
    found = result.calibration
    there = found.examples > 0
    figure = blank(8.0)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    widths = np.diff(found.edges)
    left = found.edges[:-1]
    above.bar(
        100 * left[there],
        100 * found.accuracy[there],
        100 * widths[there],
        align="edge",
        color=PALETTE[5],
        edgecolor="white",
        label="fraction right",
    )
    above.plot([0, 100], [0, 100], color="#555555", linestyle="--", linewidth=1, label="as often as it says")
    above.plot(
        100 * found.confidence[there],
        100 * found.accuracy[there],
        "o",
        color=PALETTE[1],
        label="mean confidence of a bin",
    )
    above.set(xlim=(0, 100), ylim=(0, 102), ylabel="right (%)")
    above.legend(loc="upper left")
    above.grid(visible=True)
    below.bar(100 * left, found.examples, 100 * widths, align="edge", color=PALETTE[0], edgecolor="white")
    below.set_yscale("symlog", linthresh=1)
    below.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    below.set(xlabel="confidence: probability of the answer (%)", ylabel="examples")
    above.set_title(f"expected calibration error {found.expected_error:.2%}, {result.examples:,} examples")
    figure.suptitle(f"{plain(name)}: calibration")
    return figure
