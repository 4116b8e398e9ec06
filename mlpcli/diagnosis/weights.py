"""The weights themselves."""

import numpy as np

from mlpcli.diagnosis.finding import Finding
from mlpcli.nn.network import Parameters

_LARGE = 10.0  # root mean square of a layer's weights; N(0, 1) is the largest that anybody begins with
_TINY = 1e-6


def of_weights(parameters: Parameters) -> list[Finding]:
    """Judge the size of each layer's weights, and whether its units differ. One finding if all is good."""
    found = []
    with np.errstate(over="ignore"):
        sizes = [float(np.sqrt(np.square(W, dtype=np.float64).mean())) for W in parameters.W]
    for layer, (W, size) in enumerate(zip(parameters.W, sizes, strict=True), start=2):
        what = f"root mean square {size:.2g} in layer {layer}"
        if not np.isfinite(W).all() or not np.isfinite(parameters.b[layer - 2]).all():
            meaning = "training went on after it had diverged"
            found.append(Finding("weights", "bad", f"not finite in layer {layer}", meaning, "lower --learning-rate"))
        elif size > _LARGE:
            meaning = "weights have run away: outputs are sure of everything, and training is about to diverge"
            found.append(Finding("weights", "doubtful", what, meaning, "lower --learning-rate, or more --weight-decay"))
        elif size < _TINY:
            meaning = "the layer passes nothing on: decay or a dead layer has taken its weights away"
            found.append(Finding("weights", "bad", what, meaning, "less --weight-decay, or lower --learning-rate"))
        elif len(W) > 1 and not np.ptp(W, axis=0).any():
            what, meaning = f"all units of layer {layer} are alike", "equal weights get equal gradients for ever"
            found.append(Finding("weights", "bad", what, meaning, "begin with random weights: --init he or xavier"))
    if found:
        return found
    listed = ", ".join(f"{size:.2g}" for size in sizes)
    return [Finding("weights", "good", f"root mean square {listed} by layer, all finite", "of a usual size")]
