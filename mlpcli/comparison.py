"""Several networks on the same examples, each against the first."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlpcli.datasets.dataset import Dataset, Split, same_examples
from mlpcli.errors import UsageError
from mlpcli.evaluation import AnyEvaluation, RegressionEvaluation
from mlpcli.model import Model
from mlpcli.nn.paired import Difference, McNemar, holm, mcnemar, paired_difference


@dataclass(frozen=True)
class Compared:
    """A network beside the first one, of which the rest is None.

    test: of whether both are right equally often (of yes-or-no labels: have all of them right), with its p. p_holm: the
    same p, adjusted for the number of networks compared. errors: for each quantity, the mean of |this one's error| -
    |the first's|, negative where this one is better; None but for quantities, as `test` is for these.
    """

    evaluation: AnyEvaluation
    test: McNemar | None = None
    p_holm: float | None = None
    errors: tuple[Difference, ...] | None = None


def compare(models: Sequence[Model], split: Split) -> list[Compared]:
    """Measure networks on the same examples, such as `load_data("digits").test`, and test each against the first.

    The examples should be unseen by all of them. UsageError where they do not fit, or the networks have other classes.
    """
    for model in models[1:]:
        check_comparable(models[0], model, "the first network", "another")
    return compare_evaluations([model.evaluate(split) for model in models])


def check_comparable(first: Model, other: Model, first_name: str, other_name: str) -> None:
    """UsageError unless two networks say the same kind of thing."""
    if (first.task, first.classes) != (other.task, other.classes):
        raise UsageError(
            f"{other_name}: its classes are not those of {first_name}; compare networks for the same task"
            if first.task == other.task
            else f"{other_name}: for {other.task}, {first_name} for {first.task}; compare networks for the same task"
        )


def have_same_examples(first: tuple[Dataset, Split], other: tuple[Dataset, Split]) -> bool:
    """Whether two parts of data sets have the same examples, though networks may encode these in different ways."""
    (first_data, first_split), (other_data, other_split) = first, other
    if first_split is other_split:
        return True
    places, other_places = first_split.places, other_split.places
    if places is None or other_places is None:
        return same_examples(first_data.fingerprint(), other_data.fingerprint())
    return np.array_equal(places, other_places) and np.array_equal(first_split.labels, other_split.labels)


def compare_evaluations(evaluations: Sequence[AnyEvaluation]) -> list[Compared]:
    """Test each evaluation against the first. UsageError unless all are of the same examples, as far as labels tell."""
    if len(evaluations) < 2:
        raise UsageError(f"{len(evaluations)} networks to compare; give two or more")
    first, *others = evaluations
    if any(not np.array_equal(first.labels, other.labels) for other in others):
        raise UsageError("the networks were measured on different examples; compare them on the same")
    if isinstance(first, RegressionEvaluation):
        errors = [np.abs(one.said - first.labels) for one in evaluations]
        return [
            Compared(first),
            *(
                Compared(other, errors=tuple(map(paired_difference, errors[0].T, away.T)))
                for other, away in zip(others, errors[1:], strict=True)
            ),
        ]
    right = [one.right for one in evaluations if not isinstance(one, RegressionEvaluation)]
    tests = [mcnemar(right[0], one) for one in right[1:]]
    adjusted = holm([test.p for test in tests])
    return [Compared(first), *(Compared(*one) for one in zip(others, tests, adjusted, strict=True))]
