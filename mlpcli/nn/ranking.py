"""How well scores put the positive examples above the others, whatever the threshold. Fractions, never percent."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Truth = npt.NDArray[np.generic]
Scores = npt.NDArray[np.floating]


class _Steps(NamedTuple):
    """For each distinct score, from the highest on: the positive and the negative examples that have at least it."""

    positive: npt.NDArray[np.int64]
    negative: npt.NDArray[np.int64]


def _steps(truth: Truth, scores: Scores) -> _Steps:
    order = np.argsort(-scores, kind="stable")
    descending, is_positive = scores[order], truth[order].astype(bool)
    last_of_its_score = np.append(np.flatnonzero(np.diff(descending)), len(descending) - 1)
    positive = np.cumsum(is_positive)[last_of_its_score]
    return _Steps(positive, last_of_its_score + 1 - positive)


def roc_auc(truth: Truth, scores: Scores) -> float | None:
    """The area under the ROC curve: how often a positive example scores above a negative one (Hanley, McNeil 1982).

    A tie counts half (Mann-Whitney). truth: (N,) of 0 and 1; scores: (N,), finite. None where one of both is missing.
    """
    if not 0 < np.count_nonzero(truth) < len(truth):
        return None
    positive, negative = _steps(truth, scores)
    new = np.diff(negative, prepend=0)  # negatives of each score: below the positives above it, level with its own
    above = np.append(0, positive[:-1])
    won = (new * (above + positive)).sum(dtype=np.float64) / 2
    return float(won / (float(positive[-1]) * float(negative[-1])))


def average_precision(truth: Truth, scores: Scores) -> float | None:
    """The area under the precision-recall curve, without interpolation: the mean precision over the positive examples,
    each at the threshold that just lets it in.

    truth, scores: as for `roc_auc`. None where there is no positive or no negative example.
    """
    if not 0 < np.count_nonzero(truth) < len(truth):
        return None
    positive, negative = _steps(truth, scores)
    precision = positive / (positive + negative)
    return float((np.diff(positive, prepend=0) * precision).sum() / positive[-1])


def rank_of_truth(scores: Scores, truth: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """(N,): how many classes come before the true one, by scores (N, O); of equal ones the first, as in argmax."""
    of_truth = np.take_along_axis(scores, truth[:, np.newaxis].astype(np.int64), axis=1)
    before = np.arange(scores.shape[1]) < truth[:, np.newaxis]
    return np.asarray(((scores > of_truth) | ((scores == of_truth) & before)).sum(axis=1))
