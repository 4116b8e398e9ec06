"""The course of the training: loss, accuracy, learning rate by epoch."""

from collections.abc import Sequence
from typing import Any

from mlpcli.model import Model
from mlpcli.reports.page.axes import Axis, linear_axis, log_axis
from mlpcli.reports.page.charts import Chart, Line, line_chart
from mlpcli.reports.page.layout import counted, finite, number, paragraph, percent, section
from mlpcli.reports.page.markup import Markup, element

MOST_POINTS = 400  # of a line; more cannot be told apart
_SEEN = 0.01  # of accuracy
_WIDE = 30.0  # largest loss by smallest from which a logarithmic axis shows more

Points = list[tuple[float, float]]


def curves_section(model: Model) -> Markup:
    """The section, also for a network that has no history."""
    history = model.history
    charts = [chart for chart in (_loss(model), _accuracy(model), _rate(model)) if chart is not None]
    if not charts:
        return section("training", "Training", paragraph("The file holds no history of its training."))
    epochs = counted(len(history), "epoch")
    kept = _kept(model)
    text = f"{epochs}." if kept is None else f"{epochs}; the weights of epoch {kept} were kept."
    return section("training", "Training", paragraph(text), element("div", charts, class_="charts"))


def points_of(history: Sequence[dict[str, Any]], name: str) -> Points:
    """(epoch from 1, figure) of the epochs that have a figure of this name, at most about MOST_POINTS of them.

    Of a long history the lowest and the highest figure of each stretch are kept, so that no spike is lost.
    """
    there: Points = []
    for epoch, result in enumerate(history, start=1):
        value = finite(result.get(name)) if isinstance(result, dict) else None
        if value is not None:
            there.append((float(epoch), value))
    if len(there) <= MOST_POINTS:
        return there
    kept = {0, len(there) - 1}
    stretches = MOST_POINTS // 2
    for i in range(stretches):
        stretch = range(i * len(there) // stretches, (i + 1) * len(there) // stretches)
        kept |= {min(stretch, key=lambda at: there[at][1]), max(stretch, key=lambda at: there[at][1])}
    return [there[at] for at in sorted(kept)]


def _kept(model: Model) -> int | None:
    """The epoch, from 1, whose weights these are."""
    best = model.meta.get("best_epoch")
    return best + 1 if type(best) is int and 0 <= best < len(model.history) else None


def _lines(model: Model, *named: tuple[str, str, str]) -> list[Line]:
    lines = (Line(text, points_of(model.history, name), style) for name, text, style in named)
    return [line for line in lines if line.points]


def _epochs(lines: Sequence[Line]) -> Axis:
    last = max(x for line in lines for x, _ in line.points)
    return linear_axis("epoch", [1.0, last], low=1.0, high=max(2.0, last), whole=True)


def _chart(model: Model, name: str, title: str, lines: list[Line], y: Axis, told: str) -> Markup:
    kept = _kept(model)
    mark = None if kept is None or name == "rate" else (float(kept), f"kept: {kept}")
    return line_chart(Chart(f"chart-{name}", title, told, _epochs(lines), y), lines, mark)


def _course(line: Line, text: Any) -> str:
    (_, first), (_, last) = line.points[0], line.points[-1]
    return f"{line.name}: from {text(first)} to {text(last)}"


def _loss(model: Model) -> Markup | None:
    lines = _lines(model, ("training_loss", "training", "a"), ("validation_loss", "validation", "b"))
    if not lines:
        return None
    values = [y for line in lines for _, y in line.points]
    unit = ", nats per example" if "cross-entropy" in model.network.loss else ""
    label = f"{model.network.loss}{unit}"
    if min(values) > 0 and max(values) / min(values) > _WIDE:
        axis = log_axis(label, values)
    else:
        axis = linear_axis(label, values, low=0.0 if min(values) >= 0 else None)
    told = [_course(line, number) for line in lines]
    if lines[-1].name == "validation":
        at, least = min(lines[-1].points, key=lambda point: point[1])
        told.append(f"lowest validation loss: {number(least)} in epoch {at:.0f}")
    return _chart(model, "loss", "Loss by epoch", lines, axis, "; ".join(told))


def _accuracy(model: Model) -> Markup | None:
    lines = _lines(
        model,
        ("validation_accuracy", "validation", "b"),
        ("validation_balanced_accuracy", "balanced over classes", "c"),
    )
    if not lines:
        return None
    if len(lines) == 2 and _are_alike(*lines):
        del lines[1]
    values = [100 * y for line in lines for _, y in line.points]
    scaled = [Line(line.name, [(x, 100 * y) for x, y in line.points], line.style) for line in lines]
    top = 100.0 if max(values) > 90 else None
    axis = linear_axis("accuracy, %", values, high=top)
    told = "; ".join(_course(line, percent) for line in lines)
    return _chart(model, "accuracy", "Accuracy on the validation examples by epoch", scaled, axis, told)


def _are_alike(one: Line, other: Line) -> bool:
    """Whether two lines over the same epochs differ by less than one would see."""
    away = [abs(a - b) for (_, a), (_, b) in zip(one.points, other.points, strict=False)]
    return sum(away) / len(away) < _SEEN


def _rate(model: Model) -> Markup | None:
    lines = _lines(model, ("learning_rate", "learning rate", "a"))
    if not lines or not any(y > 0 for _, y in lines[0].points):
        return None
    axis = linear_axis("learning rate", [y for _, y in lines[0].points], low=0.0)
    return _chart(model, "rate", "Learning rate by epoch", lines, axis, _course(lines[0], number))
