"""Activations, layer by layer: dead and saturated units."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mlpcli.diagnosis.finding import Finding, Verdict
from mlpcli.nn.activations import Array
from mlpcli.nn.network import Network, Parameters

# Where an activation is within 2 % of its ends, less than a twelfth of its steepest slope is left: 0.0196 of 0.25 for
# the sigmoid, 0.0396 of 1 for tanh, which two such layers make a hundredth. Of other activations none flattens at
# both ends.
SATURATED = {"sigmoid": (0.02, 0.98), "tanh": (-0.98, 0.98)}
_SAME = 1e-6  # of the layer's largest value: a unit that varies by less says nothing


class LayerStatistics(NamedTuple):
    """The activations of one layer over some examples.

    layer: its number, 2 for the first after the input. mean, deviation: of all its values. saturated: the fraction
    of values near an end of the activation's range; None for an activation that has no two ends. dead: the fraction
    of units that give the same value for every example, such as a ReLU's 0.
    """

    layer: int
    activation: str
    units: int
    mean: float
    deviation: float
    saturated: float | None
    dead: float


def layer_statistics(network: Network, parameters: Parameters, X: Array) -> list[LayerStatistics]:
    """The statistics of each layer from the second on, for scaled examples X (n, I) of the parameters' dtype."""
    workspace = network.workspace(len(X), parameters.flat.dtype)
    with np.errstate(all="ignore"):  # what overflows shows in the figures
        network.forward(parameters, X, workspace)
        return [
            _of_layer(layer, name, A)
            for layer, (name, A) in enumerate(zip(network.activations, workspace.A, strict=True), 2)
        ]


def _of_layer(layer: int, activation: str, A: Array) -> LayerStatistics:
    ends = SATURATED.get(activation)
    spread = A.max(axis=0) - A.min(axis=0)  # (|l|,)
    return LayerStatistics(
        layer=layer,
        activation=activation,
        units=A.shape[1],
        mean=float(A.mean(dtype=np.float64)),
        deviation=float(A.std(dtype=np.float64)),
        saturated=None if ends is None else float(((ends[0] > A) | (ends[1] < A)).mean()),
        dead=float((spread <= _SAME * np.abs(A).max()).mean()),
    )


# Healthy runs on small data have up to half of their ReLUs dead in the end, and are none the worse for it; at rates
# where training begins to fail it is two thirds and more. Sigmoids of healthy runs are saturated up to a fifth; the
# article's N(0, 1) weights on raw pixels saturate three quarters.
_DEAD: tuple[tuple[float, Verdict], ...] = ((0.9, "bad"), (0.7, "doubtful"))
_SATURATED: tuple[tuple[float, Verdict], ...] = ((0.7, "bad"), (0.5, "doubtful"))


def of_layers(statistics: Sequence[LayerStatistics]) -> list[Finding]:
    """Dead and saturated units of the hidden layers; one finding for each layer that has too many, else one in all.

    An output that says the same of everything is the loss's business, and a sure one is what training is for.
    """
    hidden = statistics[:-1]
    if not hidden:
        return []
    if not all(np.isfinite((one.mean, one.deviation)).all() for one in statistics):
        what = "activations overflow"
        return [Finding("activations", "bad", what, "inputs or weights are far too large", "scale the inputs")]
    found = [one for layer in hidden for one in (*_dead(layer), *_saturated(layer))]
    return found or [_alive(hidden)]


def _alive(hidden: Sequence[LayerStatistics]) -> Finding:
    deviations = ", ".join(f"{one.deviation:.2g}" for one in hidden)
    units = sum(one.units for one in hidden)
    dead = round(sum(one.dead * one.units for one in hidden))
    shares = [one.saturated for one in hidden if one.saturated is not None]
    saturated = f", at most {max(shares):.0%} of a layer saturated" if shares else ""
    return Finding(
        "activations",
        "good",
        f"deviation {deviations} in the hidden layers, {dead} of {units:,} units dead{saturated}",
        "signals pass through, and so do gradients",
    )


def _dead(layer: LayerStatistics) -> list[Finding]:
    verdict = _graded(layer.dead, _DEAD)
    if verdict is None:
        return []
    if layer.dead == 1.0:
        consequence = (
            "nothing of the input passes the layer, and no gradient: the network can only answer always the same"
        )
    else:
        consequence = "they take no part, and no gradient reaches them to change that"
    what = "dead ReLUs" if layer.activation == "relu" else "dead units"
    return [
        Finding(
            what,
            verdict,
            f"{layer.dead:.0%} of the {layer.units:,} units of layer {layer.layer} give the same for every example",
            consequence,
            "a large step has pushed them there: lower --learning-rate"
            + (", or --activation tanh" if layer.activation == "relu" else ""),
        )
    ]


def _saturated(layer: LayerStatistics) -> list[Finding]:
    verdict = None if layer.saturated is None else _graded(layer.saturated, _SATURATED)
    if verdict is None:
        return []
    what = {"sigmoid": "saturated sigmoids", "tanh": "saturated tanh"}.get(layer.activation, "saturated units")
    return [
        Finding(
            what,
            verdict,
            f"{layer.saturated:.0%} of the values of layer {layer.layer} are at an end of {layer.activation}",
            "the slope there is nearly 0: gradients vanish, and the layers before hardly learn",
            "scale the inputs (--scaling unit or standard) and begin with small weights (--init xavier)",
        )
    ]


def _graded(share: float, grades: tuple[tuple[float, Verdict], ...]) -> Verdict | None:
    return next((verdict for least, verdict in grades if share >= least), None)
