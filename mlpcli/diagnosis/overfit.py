"""Can a fresh network of this kind learn twenty examples by heart?"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from mlpcli.diagnosis.chance import chance_of
from mlpcli.diagnosis.finding import Finding
from mlpcli.diagnosis.sample import read, unhindered
from mlpcli.errors import DivergedError
from mlpcli.run import Run
from mlpcli.training.batches import Examples, SeededOrder

EXAMPLES = 20
_MOST_STEPS, _FEWEST_STEPS, _WORK = 4000, 300, 2e9  # _WORK: steps times parameters; half a minute at worst
_BY_HEART = 0.05  # of the loss of always the same answer: 95 % of the variance of a quantity


_CAN_LEARN = "network, loss and rate can learn; if training fails all the same, look at the data"


def pick(run: Run, most: int = EXAMPLES) -> npt.NDArray[np.integer]:
    """Positions of at most so many training examples: in turn one of each class, else evenly spaced."""
    rows = run.training.rows
    if run.data.task != "classification":
        return rows[:: max(1, -(-len(rows) // most))]
    labels = run.training.y[rows].astype(np.int64)
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], labels[order])
    within = np.arange(len(rows)) - starts  # the example's number in its class
    return rows[np.sort(order[np.lexsort((labels[order], within))[:most]])]


def of_overfitting(run: Run) -> Finding:
    """Train a network with the run's settings, but nothing that holds it back, on twenty examples until it has them."""
    rows = pick(run)
    n = len(rows)
    limit = int(min(_MOST_STEPS, max(_FEWEST_STEPS, _WORK / run.parameters.flat.size)))
    fresh = unhindered(run, epochs=limit, batch_size=None if run.settings.optimizer == "lbfgs" else n)
    examples = fresh.training._replace(rows=rows)
    fresh.training = fresh.validation = examples
    fresh.plan = replace(fresh.plan, order=SeededOrder(n, run.settings.seed))
    chance = chance_of(run.network, examples, run.data.task)
    best, loss, steps = 0.0, float("inf"), 0
    try:
        for result in fresh.epochs():
            assert result.validation_loss is not None
            steps, loss = steps + 1, min(loss, result.validation_loss)
            best = max(best, result.validation_accuracy or 0.0)
            if (best == 1.0) if result.validation_accuracy is not None else loss <= _BY_HEART * chance.loss:
                break
    except DivergedError:
        return Finding(
            "overfit",
            "bad",
            f"loss not finite after {steps} steps on {n} examples",
            "training diverges even on few examples",
            "lower --learning-rate, and look at the scaling of the inputs",
        )
    if run.data.task == "regression":
        return _of_quantities(loss / chance.loss if chance.loss else 0.0, n, steps)
    what = f"{best:.0%} of {n} examples right after {steps:,} steps"
    if best == 1.0:
        return Finding("overfit", "good", what, _CAN_LEARN)
    clashes = _clashes(examples)
    if clashes:
        return Finding(
            "overfit",
            "bad",
            f"{what}; {clashes} of them stand there again with another label",
            "no network can have both right: labels contradict each other",
            "correct the labels, or add the inputs that tell the examples apart",
        )
    return _too_weak("doubtful" if best >= 0.9 else "bad", what)


def _of_quantities(share: float, n: int, steps: int) -> Finding:
    what = f"{max(0.0, 1.0 - share):.0%} of the variation of {n} examples explained after {steps:,} steps"
    if share <= _BY_HEART:
        return Finding("overfit", "good", what, _CAN_LEARN)
    return _too_weak("doubtful" if share <= 5 * _BY_HEART else "bad", what)


def _too_weak(verdict: str, what: str) -> Finding:
    return Finding(
        "overfit",
        "bad" if verdict == "bad" else "doubtful",
        what,
        "what cannot learn twenty examples cannot learn all: rate, size of the network, or the inputs are at fault",
        "see the update ratio for the rate; else a larger --structure, or inputs that tell the labels apart",
    )


def _clashes(examples: Examples) -> int:
    """How many examples have the inputs of another one and other targets."""
    X, targets = read(examples, np.float64)
    same_inputs = (X[:, np.newaxis] == X[np.newaxis]).all(axis=2)
    same_targets = (targets[:, np.newaxis] == targets[np.newaxis]).all(axis=2)
    return int((same_inputs & ~same_targets).any(axis=1).sum())
