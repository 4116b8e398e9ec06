"""Are the inputs of the size that initial weights are made for?"""

import numpy as np

from mlpcli.diagnosis.finding import Finding
from mlpcli.nn.activations import Array

# He's and Xavier's weights keep the size of signals: inputs of a mean square near 1 give activations near 1. Pixels
# divided by their maximum have a root mean square of 0.3 to 0.6, standardised columns 1, raw pixels about 80.
LARGE, VERY_LARGE, SMALL = 3.0, 10.0, 0.01
_APART = 100.0  # the deviation of the widest input over the median: the others hardly count beside it
_CONSTANT = 0.5


def of_inputs(X: Array, scaling: str) -> list[Finding]:
    """Findings from scaled examples X (n, I); `scaling` is the setting that made them. One finding if all is good."""
    X = X.astype(np.float64)
    size = float(np.sqrt(np.square(X).mean()))
    deviation = X.std(axis=0)  # (I,)
    varies = deviation > 0
    found = []
    advice = "leave --scaling at its default, or give unit or standard"
    if size > LARGE:
        found.append(
            Finding(
                "inputs",
                "bad" if size > VERY_LARGE else "doubtful",
                f"root mean square {size:.3g} with --scaling {scaling}",
                "initial weights are made for inputs near 1: with these, units saturate or die, and the loss explodes",
                advice,
            )
        )
    elif 0 < size < SMALL:
        found.append(
            Finding(
                "inputs",
                "doubtful",
                f"root mean square {size:.2g} with --scaling {scaling}",
                "inputs are so small that the first layer hardly sees them, and learns slowly",
                "give --scaling standard",
            )
        )
    if not varies.any():
        what = "every input is the same in all examples that were looked at"
        return [*found, Finding("inputs", "bad", what, "there is nothing to learn from", "look at the data: mlp data")]
    apart = float(deviation.max() / np.median(deviation[varies]))
    if apart > _APART:
        found.append(
            Finding(
                "inputs",
                "doubtful",
                f"input {int(deviation.argmax())} (from 0) varies {apart:,.0f} times as much as the median input",
                "beside it the others hardly count",
                "give --scaling standard",
            )
        )
    constant = float(1.0 - varies.mean())
    if constant > _CONSTANT:
        found.append(
            Finding(
                "inputs",
                "doubtful",
                f"{constant:.0%} of the {X.shape[1]:,} inputs are the same in all examples that were looked at",
                "they carry nothing; the weights that they have are wasted",
                "see that the data is what you think: mlp data",
            )
        )
    return found or [
        Finding(
            "inputs",
            "good",
            f"root mean square {size:.2g}, {X.min():.3g} to {X.max():.3g} with --scaling {scaling}",
            "of the size that initial weights are made for",
        )
    ]
