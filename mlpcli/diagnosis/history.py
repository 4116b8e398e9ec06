"""What the epochs of a run tell by themselves."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mlpcli.diagnosis.chance import Chance
from mlpcli.diagnosis.finding import Finding

Figures = npt.NDArray[np.float64]

_FEWEST = 3  # epochs from which a course can be seen
# Of the loss of always the same answer: a network whose loss is no lower than this has learnt nothing to speak of.
_NOTHING = 0.97
_STANDARD_ERRORS, _CLOSE = 3.0, 2.0
_SOMEWHAT = 0.25  # of the way from chance to all right
_STILL = 0.02  # a training loss that falls by less over the whole run does not move
# A validation loss often creeps up while accuracy still grows, because a few wrong answers become ever surer. It is a
# trouble from half as much again as the lowest on, or above that of knowing nothing, and if it is a tenth of the latter
# at least. Of few validation examples one or two sure mistakes decide.
_RISE, _RISE_OF_CHANCE, _FALL = 1.5, 0.1, 0.9
_FEWEST_EXAMPLES, _FEWEST_IF_USELESS = 30, 10
_EXPLODED = 2.0  # times its own lowest
_SWING = 0.1  # of the loss of knowing nothing, up from one epoch to the next, in the mean of the second half


class Course(NamedTuple):
    """The figures of each epoch: losses (means per example) and accuracy (a fraction), (epochs,) each; None where
    there was no validation set, or where there is no accuracy."""

    training: Figures
    validation: Figures | None
    accuracy: Figures | None

    @classmethod
    def of(cls, history: Sequence[Mapping[str, Any]], balanced: bool = False) -> "Course":
        """From the entries of a checkpoint's history, or EpochResults as dictionaries. balanced: by balanced accuracy.

        ValueError, KeyError or TypeError for anything else.
        """
        training = _column(history, "training_loss")
        if training is None:
            raise ValueError("epochs without a training loss")
        accuracy = "validation_balanced_accuracy" if balanced else "validation_accuracy"
        return cls(training, _column(history, "validation_loss"), _column(history, accuracy))


def _column(history: Sequence[Mapping[str, Any]], key: str) -> Figures | None:
    values = [entry[key] for entry in history]
    if values and all(value is None for value in values):
        return None
    if not all(type(value) in (int, float) for value in values):
        raise TypeError(f"a {key} that is no number")
    return np.array(values, np.float64)


def of_history(course: Course, chance: Chance) -> list[Finding]:
    """Findings from the epochs alone: stuck, exploded, swinging, validation rising. One finding if all is good.

    chance: that of the validation set, or of the training set where there is none. [] for too few epochs to judge.
    """
    if len(course.training) < _FEWEST:
        return []
    found = [*_stuck(course, chance), *_unsteady(course, chance), *_rising(course, chance)]
    if found:
        return found
    first, last = course.training[0], course.training[-1]
    what = f"training loss from {first:.4g} to {last:.4g} in {len(course.training)} epochs"
    if course.validation is not None:
        what += f", validation loss {course.validation[-1]:.4g} (lowest {course.validation.min():.4g})"
    return [Finding("history", "good", what, f"always the same answer would give {chance.loss:.4g}")]


def _stuck(course: Course, chance: Chance) -> list[Finding]:
    first, last = course.training[0], course.training[-1]
    if not last >= _NOTHING * chance.loss:
        return []
    is_still = last > (1.0 - _STILL) * first
    accuracy = None if course.accuracy is None or chance.accuracy is None else float(course.accuracy[-1])
    # Of a loss that is weighted, or a teacher's, the size says little: then accuracy decides. Initial weights alone may
    # have it somewhat above chance.
    if accuracy is not None and chance.accuracy is not None:
        is_low = accuracy < chance.accuracy + _SOMEWHAT * (1.0 - chance.accuracy)
        # Few examples of a rare class say little of balanced accuracy: there, the loss has to be still as well.
        at_chance = chance.is_at_chance(accuracy, _STANDARD_ERRORS) and not chance.is_of_classes
        if not (at_chance or (is_still and is_low)):
            return []
    what = f"after {len(course.training)} epochs the training loss is {last:.4g} (it was {first:.4g})"
    meaning = f"always the same answer would give {chance.loss:.4g}: the network has learnt nothing"
    if accuracy is not None and chance.accuracy is not None:
        what += f", the accuracy {accuracy:.1%}"
        meaning = (
            f"always the most frequent answer would give {chance.loss:.4g} and {chance.accuracy:.1%}: "
            f"the network has learnt {'nothing' if chance.is_at_chance(accuracy, _STANDARD_ERRORS) else 'hardly more'}"
        )
    advice = "find out where it is stuck: mlp doctor DATA, with the same options"
    if is_still:
        advice = "the loss does not move: try --learning-rate ten times higher, then ten times lower, and " + advice
    return [Finding("stuck at chance", "bad", what, meaning, advice)]


def _unsteady(course: Course, chance: Chance) -> list[Finding]:
    training = course.training
    lowest = int(training.argmin())
    much = _SWING * max(chance.loss, float(training[0]))
    if training[-1] > _EXPLODED * training[lowest] and training[-1] > training[lowest] + much:
        return [
            Finding(
                "loss exploding",
                "bad",
                f"the training loss was {training[lowest]:.4g} in epoch {lowest + 1} and is {training[-1]:.4g} now",
                "steps are so large that they undo what was learnt",
                "try --learning-rate ten times lower",
            )
        ]
    moves = np.diff(training[len(training) // 2 :])
    if len(moves) >= _FEWEST and np.maximum(moves, 0.0).mean() > much:
        return [
            Finding(
                "loss swinging",
                "doubtful",
                f"in the second half the training loss goes up by {moves.max():.3g} from one epoch to the next",
                "steps are too large to settle",
                "try --learning-rate three to ten times lower, or --schedule cosine",
            )
        ]
    return []


def _rising(course: Course, chance: Chance) -> list[Finding]:
    if course.validation is None:
        return []
    lowest = int(course.validation.argmin())
    low, last = float(course.validation[lowest]), float(course.validation[-1])
    accuracy = None if course.accuracy is None else float(course.accuracy[-1])
    is_useless = last >= chance.loss and (accuracy is None or chance.is_at_chance(accuracy, _CLOSE))
    if chance.examples < (_FEWEST_IF_USELESS if is_useless else _FEWEST_EXAMPLES):
        return []
    is_worse = last > chance.loss and not chance.is_of_classes  # whose loss has to be higher than that answer's
    rose = last - low > _RISE_OF_CHANCE * chance.loss and (last > _RISE * low or is_worse)
    # Where accuracy says as well that nothing holds for new examples, it does not take a rise.
    if not (rose or (is_useless and accuracy is not None)) or course.training[-1] >= _FALL * course.training[lowest]:
        return []
    what = (
        f"validation loss lowest in epoch {lowest + 1} ({low:.4g}), {last:.4g} at the end; meanwhile the training loss "
        f"fell from {course.training[lowest]:.4g} to {course.training[-1]:.4g}"
    )
    meaning = "the network learns its training examples by heart instead of what they have in common"
    if is_useless:
        meaning += f"; always the same answer would do better ({chance.loss:.4g}): labels may be wrong, or random"
    return [
        Finding(
            "validation rising",
            "bad" if is_useless else "doubtful",
            what,
            meaning,
            "get more examples, or give a smaller --structure, fewer --epochs, more --weight-decay; check the labels",
        )
    ]
