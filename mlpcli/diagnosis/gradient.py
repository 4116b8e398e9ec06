"""Is the gradient right, for this network and these examples?"""

import numpy as np

from mlpcli.diagnosis.finding import Finding
from mlpcli.nn.activations import Array
from mlpcli.nn.gradcheck import THRESHOLD, GradientCheck, check_gradient
from mlpcli.nn.network import Network, Parameters

EXAMPLES = 10
_TRIES = 3
_AWAY = 1e-3  # of a layer's root mean square weight
_WRONG = 1e-4  # a mistake is off by more than 0.5; between is a kink within the step, or numbers out of range


def of_gradient(
    network: Network, parameters: Parameters, X: Array, targets: Array, rng: np.random.Generator
) -> Finding:
    """Compare back-propagation with central differences, in float64, on a few examples X (n, I), targets (n, O).

    The parameters are moved a little at random: at zero biases an example of zeros sits on every ReLU's kink, where
    there is no derivative to compare with. Other kinks may be hit by chance: the best of three draws counts, and a
    wrong derivative is wrong in all.
    """
    entries = 8 if parameters.flat.size < 200_000 else 2
    results = []
    with np.errstate(all="ignore"):  # what overflows shows in the errors
        for _ in range(_TRIES):
            results.append(check_gradient(network, _moved(parameters, network, rng), X, targets, rng, entries))
            if results[-1].passed:
                break
    best = min(results, key=lambda result: np.nan_to_num(result.worst, nan=np.inf))
    return _judged(best)


def _moved(parameters: Parameters, network: Network, rng: np.random.Generator) -> Parameters:
    moved = Parameters(parameters.flat.astype(np.float64), network.structure)
    for W, b in zip(moved.W, moved.b, strict=True):
        size = _AWAY * (float(np.sqrt(np.square(W).mean())) or 1.0)
        W += size * rng.standard_normal(W.shape)
        b += size * rng.standard_normal(b.shape)
    return moved


def _judged(result: GradientCheck) -> Finding:
    what = f"relative error {result.worst:.1e} at most, against central differences in float64"
    if result.passed:
        return Finding("gradient", "good", what, f"back-propagation is right (a right one is below {THRESHOLD:.0e})")
    groups = [name for name, error in result.per_group.items() if not error < THRESHOLD]
    where = f"; off in {', '.join(groups[:6])}" if groups else ""
    if result.worst < _WRONG:
        return Finding(
            "gradient",
            "doubtful",
            f"{what}{where}",
            "too much for rounding, too little for a mistake: inputs or weights are of an extreme size",
            "scale the inputs, and check again",
        )
    return Finding(
        "gradient",
        "bad",
        f"{what}{where}",
        "back-propagation does not give the slope of the loss: a derivative is wrong, or the numbers are out of range",
        "scale the inputs; if it stays, please report it, with the settings",
    )
