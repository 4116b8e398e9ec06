"""What mlp train has to say at the end of a run, or when it diverges."""

from dataclasses import asdict

from mlpcli.diagnosis.chance import chance_of
from mlpcli.diagnosis.finding import Finding, troubles
from mlpcli.diagnosis.history import Course, of_history
from mlpcli.diagnosis.inputs import of_inputs
from mlpcli.diagnosis.layers import layer_statistics, of_layers
from mlpcli.diagnosis.sample import read, some_of
from mlpcli.diagnosis.steps import rate_to_try
from mlpcli.run import Run
from mlpcli.threads import blas_threads

_OF_VALIDATION = 10_000
_STEPS = 50  # at each of the rates that are tried: a second or two, but for the widest networks


def while_training(run: Run) -> list[Finding]:
    """What looks wrong in a run so far, bad before doubtful; [] for a healthy one. Looks at 1000 examples at most."""
    with blas_threads(run.settings.threads):
        X = read(some_of(run.training))[0]
        chance = chance_of(run.network, some_of(run.validation or run.training, _OF_VALIDATION), run.data.task)
        # Without validation all depends on the training loss, which is of another size where it is weighted or taught.
        is_plain = run.training.weights is None and run.plan.learner is None
        found = []
        if is_plain or run.validation is not None:
            balanced = run.settings.monitor == "balanced-accuracy"
            course = Course.of([asdict(result) for result in run.history], balanced)
            found = of_history(course, chance.of_classes(len(run.data.classes)) if balanced else chance)
        found += of_layers(layer_statistics(run.network, run.parameters, X))
        found += of_inputs(X, str(run.settings.scaling))
    return troubles(found)


def on_divergence(run: Run) -> str:
    """What to do about a run whose loss is not finite, in words to put after "try": rate, and scaling if it is that."""
    X = read(some_of(run.training))[0]
    bad = [one for one in of_inputs(X, str(run.settings.scaling)) if one.verdict == "bad"]
    if bad and run.settings.scaling == "raw":
        return f"--scaling {run.data.scaling}, for the inputs are unscaled ({bad[0].found})"
    if run.settings.learning_rate is None:
        return "--scaling standard, or another --init"
    return f"--learning-rate {rate_to_try(run, _STEPS):g}"
