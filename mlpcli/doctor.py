"""The classic checks of a network that does not learn: before training, or of trained weights.

    for finding in mlpcli.examine(mlpcli.load_data("digits")).findings:
        print(finding.verdict, finding.check, finding.found, finding.meaning)

They are those of Karpathy, "A recipe for training neural networks" (2019), and of the Stanford notes CS231n, "Neural
networks 3": the loss before training, overfitting a few examples, a gradient check, the size of the updates, and the
activations of each layer.
"""

from typing import NamedTuple

import numpy as np

from mlpcli.config import Settings
from mlpcli.datasets.dataset import Dataset, Split
from mlpcli.datasets.describe import describe
from mlpcli.diagnosis.chance import Chance, chance_of, undecided_loss
from mlpcli.diagnosis.finding import Finding
from mlpcli.diagnosis.gradient import EXAMPLES as CHECKED
from mlpcli.diagnosis.gradient import of_gradient
from mlpcli.diagnosis.history import Course, of_history
from mlpcli.diagnosis.initial import of_initial_loss
from mlpcli.diagnosis.inputs import of_inputs
from mlpcli.diagnosis.labels import of_labels
from mlpcli.diagnosis.layers import LayerStatistics, layer_statistics, of_layers
from mlpcli.diagnosis.overfit import of_overfitting
from mlpcli.diagnosis.sample import read, some_of
from mlpcli.diagnosis.steps import first_steps, of_updates
from mlpcli.diagnosis.weights import of_weights
from mlpcli.errors import DamagedFileError
from mlpcli.evaluation import Evaluation, RegressionEvaluation
from mlpcli.model import Model
from mlpcli.nn.activations import Array
from mlpcli.nn.metrics import wilson_interval
from mlpcli.run import Run
from mlpcli.threads import blas_threads
from mlpcli.training.batches import Examples

_COMPARED = 10_000  # examples of each part on which a network is measured


class Examination(NamedTuple):
    """What the checks came to, in the order in which they are best read; layers: see LayerStatistics."""

    findings: list[Finding]
    layers: list[LayerStatistics]


def examine(data: Dataset, settings: Settings | None = None) -> Examination:
    """Check a network that would be trained on this data with these settings. Nothing is changed or written.

    Raises UsageError where the settings do not fit the data, as `Run` does.
    """
    run = Run(data, Settings(data=data.name) if settings is None else settings)
    rng = np.random.default_rng(run.settings.seed)
    with blas_threads(run.settings.threads):
        X = read(some_of(run.training))[0]
        statistics = layer_statistics(run.network, run.parameters, X)
        few = _to_check(run.training, data.task)
        findings = [
            *of_labels(describe(data)),
            *of_inputs(X, str(run.settings.scaling)),
            of_initial_loss(run),
            of_gradient(run.network, run.parameters, *few, rng),
            *_of_first_steps(run),
            *of_layers(statistics),
            of_overfitting(run),
        ]
    return Examination(findings, statistics)


def examine_model(model: Model, data: Dataset | None = None) -> Examination:
    """Check a trained network; with the data that it was trained on, its activations and what it has learnt by heart.

    Raises DamagedFileError where its history makes no sense, UsageError where it does not fit the data.
    """
    settings = model.meta.get("settings")
    settings = settings if isinstance(settings, dict) else {}
    balanced = settings.get("monitor") == "balanced-accuracy"
    try:
        course = Course.of(model.meta.get("history") or [], balanced)
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedFileError(f"the weights: their history makes no sense ({error}); use an intact copy") from None
    rng = np.random.default_rng(0)
    findings = of_weights(model.parameters)
    if data is None:
        X, targets = _made_up(model, rng)
        with blas_threads(1):
            return Examination([*findings, of_gradient(model.network, model.parameters, X, targets, rng)], [])
    model.check_fits(data)
    examples = model.examples(data.train)
    with blas_threads(1):
        X = read(some_of(examples))[0]
        chance = chance_of(model.network, some_of(examples, _COMPARED), model.task)
        # Without validation all depends on the training loss, which is of another size where it is weighted or taught.
        is_plain = not any(settings.get(name) for name in ("teacher", "class_weights", "sample_weight"))
        if is_plain or course.validation is not None:
            of_run = chance.of_classes(len(model.classes)) if balanced else chance
            findings += of_history(course, _for_validation(of_run, model))
        findings += of_inputs(X, str(settings.get("scaling")))
        statistics = layer_statistics(model.network, model.parameters, X)
        findings += of_layers(statistics)
        few = _to_check(examples, model.task)
        findings.append(of_gradient(model.network, model.parameters, *few, rng))
    findings += _gap(model, data, course)
    return Examination(findings, statistics)


def _of_first_steps(run: Run) -> list[Finding]:
    """The update ratio of the first steps, where the optimizer has a rate to judge: lbfgs has none."""
    rate = run.settings.learning_rate
    if rate is None:
        return []
    return [of_updates(first_steps(run), rate, undecided_loss(run.network, some_of(run.training)))]


def _to_check(examples: Examples, task: str) -> tuple[Array, Array]:
    """A few examples for a gradient check, X (n, I) and wrong targets (n, O), in float64.

    Of right ones a trained network has a loss near 0, and a slope that is lost in rounding.
    """
    X, targets = read(some_of(examples, CHECKED), np.float64)
    one_of_several = task == "classification" and targets.shape[1] > 1
    return X, np.roll(targets, 1, axis=1) if one_of_several else 1.0 - targets


def _made_up(model: Model, rng: np.random.Generator) -> tuple[Array, Array]:
    """Examples for a gradient check where there is no data: X (n, I) from N(0, 1), and targets (n, O) of the task."""
    outputs = model.network.structure[-1]
    X = rng.standard_normal((CHECKED, model.network.structure[0]))
    if model.task == "regression":
        return X, rng.standard_normal((CHECKED, outputs))
    if model.task == "multi-label" or outputs == 1:
        return X, rng.integers(0, 2, (CHECKED, outputs)).astype(np.float64)
    return X, np.eye(outputs)[rng.integers(0, outputs, CHECKED)]


def _for_validation(chance: Chance, model: Model) -> Chance:
    """Chance as it is on as few examples as the run had to validate on."""
    n = model.meta["data"].get("validation_examples")
    return chance._replace(examples=n) if type(n) is int and n > 0 else chance


_GAP, _GAP_OF_LOSS = 0.1, 0.2  # of all right; of the variance of a quantity


def _gap(model: Model, data: Dataset, course: Course) -> list[Finding]:
    """Training against validation examples, as the run measured them; the test part is for the last word alone."""
    epoch = model.meta.get("best_epoch")
    if course.validation is None or type(epoch) is not int or not 0 <= epoch < len(course.validation):
        return []
    try:
        result = model.evaluate(_first(data.train))
    except DamagedFileError:  # as the activations tell, too
        what, meaning = "the answers are not finite", "weights or inputs are far too large"
        advice = "train again, with scaled inputs or at a lower --learning-rate"
        return [Finding("validation gap", "bad", what, meaning, advice)]
    if isinstance(result, RegressionEvaluation):
        name, trained, validated = "loss", result.loss, float(course.validation[epoch])
        is_wide = validated - trained > _GAP_OF_LOSS
    else:
        assert course.accuracy is not None
        is_balanced = isinstance(result, Evaluation) and model.meta["settings"].get("monitor") == "balanced-accuracy"
        name = "balanced accuracy" if is_balanced else "accuracy"
        trained = result.balanced_accuracy if is_balanced else result.accuracy  # type: ignore[union-attr]
        validated = float(course.accuracy[epoch])
        n = model.meta["data"].get("validation_examples")
        _, at_best = wilson_interval(round(validated * n), n) if type(n) is int and n > 0 else (0.0, validated)
        is_wide = trained - at_best > _GAP
    what = f"{name} {trained:.4g} on training examples, {validated:.4g} on validation examples"
    if not is_wide:
        return [Finding("validation gap", "good", what, "what was learnt holds for new examples as well")]
    return [
        Finding(
            "validation gap",
            "doubtful",
            what,
            "the network knows its training examples by heart; new ones it knows less well",
            "get more examples, or give a smaller --structure, fewer --epochs, more --weight-decay",
        )
    ]


def _first(split: Split) -> Split:
    """At most _COMPARED examples of a split, evenly spaced."""
    if len(split) <= _COMPARED:
        return split
    return Split(split.X, split.y, split.positions[:: -(-len(split) // _COMPARED)])
