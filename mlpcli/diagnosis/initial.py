"""The loss before the first step, against that of knowing nothing."""

import math

from mlpcli.diagnosis.chance import undecided_loss
from mlpcli.diagnosis.finding import Finding
from mlpcli.diagnosis.sample import some_of
from mlpcli.run import Run
from mlpcli.training.loop import measure

# An undecided network is a little above: He's weights give outputs of variance 2, which adds about 0.4 times the loss
# to cross-entropy, and 2 times to the squared error of a standardised quantity.
_OF_CLASSES, _OF_QUANTITIES = (4.0, 10.0), (8.0, 20.0)


def of_initial_loss(run: Run) -> Finding:
    """Judge the loss of the initial weights of a run that has not begun."""
    some = some_of(run.training)
    loss, undecided = measure(run.network, run.parameters, some)[0], undecided_loss(run.network, some)
    s, outputs = run.network, run.network.structure[-1]
    name = "knowing nothing"
    if s.activations[-1] == "softmax" and s.loss == "cross-entropy":
        name = f"ln({outputs})"
    elif s.activations[-1] == "sigmoid" and s.loss.endswith("cross-entropy"):
        name = "ln(2)" if outputs == 1 else f"{outputs} ln(2)"
    elif run.data.task == "regression":
        name = "always the mean"
    what = f"{loss:.4g}; {name} gives {undecided:.4g}"
    doubtful, bad = _OF_QUANTITIES if run.data.task == "regression" else _OF_CLASSES
    ratio = loss / undecided if undecided > 0 else 1.0
    if math.isfinite(ratio) and ratio <= doubtful:
        return Finding("initial loss", "good", what, "the network starts out undecided, as it should")
    return Finding(
        "initial loss",
        "doubtful" if ratio <= bad else "bad",
        what,
        "before it has learnt anything the network is sure, and wrong: inputs or initial weights are too large",
        "leave --scaling and --init at their defaults",
    )
