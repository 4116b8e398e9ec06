"""What each example counts in the loss."""

import difflib

import numpy as np
import numpy.typing as npt

from mlpcli.errors import UsageError

Weights = npt.NDArray[np.float64]


def example_weights(
    labels: npt.NDArray[np.generic],
    classes: tuple[str, ...],
    class_weights: str | dict[str, float] | None,
    sample_weights: Weights | None,
    rows: npt.NDArray[np.integer],
) -> Weights | None:
    """The weight of each example, (N,), with mean 1 over `rows`, the examples that train; None if all count alike.

    labels: (N,) positions in `classes` (not looked at without class weights). Weights of classes and of examples
    multiply. The mean of 1 leaves the meaning of the learning rate as it is. UsageError where there is no such class,
    or nothing is left to learn.
    """
    if class_weights is None and sample_weights is None:
        return None
    weights = np.ones(len(labels)) if sample_weights is None else sample_weights.astype(np.float64)
    if class_weights is not None:
        weights = weights * _of_classes(labels[rows], classes, class_weights)[labels.astype(np.int64)]
    mean = float(weights[rows].mean())
    if not mean > 0.0:
        given = "--sample-weight" if class_weights is None else "--class-weights"
        raise UsageError(f"{given}: the examples that train all have weight 0; give some of them a weight")
    return np.asarray(weights / mean)


def _of_classes(labels: npt.NDArray[np.generic], classes: tuple[str, ...], given: str | dict[str, float]) -> Weights:
    """(classes,). "balanced": in inverse proportion to how many train, so that all classes count alike."""
    if given == "balanced":
        counts = np.bincount(labels.astype(np.int64), minlength=len(classes))
        return np.where(counts > 0, len(labels) / (len(classes) * np.maximum(counts, 1)), 0.0)
    assert isinstance(given, dict)
    weights = np.ones(len(classes))
    for name, weight in given.items():
        if name not in classes:
            near = difflib.get_close_matches(name, classes, n=1)
            some = ", ".join(classes[:10]) + (", ..." if len(classes) > 10 else "")
            hint = f"did you mean {near[0]}?" if near else f"there are: {some}"
            raise UsageError(f"--class-weights: there is no class {name[:60]!r}; {hint}")
        weights[classes.index(name)] = weight
    return weights
