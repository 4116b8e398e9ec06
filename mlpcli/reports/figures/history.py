"""The course of a training: loss, accuracy, learning rate and length of the gradient, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mlpcli.errors import UsageError
from mlpcli.history import check_history
from mlpcli.model import Model
from mlpcli.reports.figures.canvas import PALETTE, WIDTH, blank, figure_function, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DASHES = ("-", "--", "-.", ":")


class Course(NamedTuple):
    """One training. epochs: as `Model.history` has them. best: the epoch whose weights were kept, from 0. finished:
    False where the run did not come to its end."""

    name: str
    epochs: Sequence[Mapping[str, Any]]
    best: int | None = None
    finished: bool = True

    @classmethod
    def of(cls, model: Model, name: str = "network") -> Course:
        """That of a network. DamagedFileError where it makes no sense."""
        epochs, best = model.meta.get("history", []), model.meta.get("best_epoch")
        check_history(name, epochs, best)
        return cls(name, epochs, best, model.meta.get("finished") is not False)


class _Panel(NamedTuple):
    label: str
    series: tuple[tuple[str, str], ...]  # key of an epoch's figures, name of the line
    logarithmic: bool = False
    percent: bool = False


_PANELS = (
    _Panel("loss (mean per example)", (("training_loss", "training"), ("validation_loss", "validation")), True),
    _Panel(
        "accuracy (%)",
        (("validation_accuracy", "validation"), ("validation_balanced_accuracy", "validation, mean over classes")),
        percent=True,
    ),
    _Panel("learning rate (of the last step)", (("learning_rate", "learning rate"),)),
    _Panel("length of the gradient (mean)", (("gradient_norm", "gradient"),), True),
)


@figure_function
def history(trained: Model | Sequence[Course]) -> Figure:
    """Curves over the epochs, a panel for each kind of figure that there is; the kept epoch is marked.

    Several trainings are laid over one another, a colour for each. UsageError where there is no epoch to draw.
    """
    courses = [Course.of(trained)] if isinstance(trained, Model) else trained
    for course in courses:
        if not course.epochs:
            raise UsageError(f"{course.name}: has no history; give a network that was trained, or a table of --history")
    panels = [panel for panel in _PANELS if any(_values(course, key) for course in courses for key, _ in panel.series)]
    figure = blank(7.5 if len(panels) > 2 else 4.5, WIDTH)
    grid = figure.subplots(-(-len(panels) // 2), min(2, len(panels)), squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    for axes, panel in zip(grid.flat, panels, strict=False):
        _draw(axes, panel, courses)
    if len(courses) == 1:
        figure.suptitle(f"{plain(courses[0].name)}: {_course_in_words(courses[0])}")
    else:
        figure.suptitle(f"Training of {len(courses)} networks")
        handles = [_legend_line(number, course) for number, course in enumerate(courses)]
        figure.legend(handles=handles, loc="outside lower center", ncols=min(3, len(courses)))
    return figure


def _course_in_words(course: Course) -> str:
    epochs = len(course.epochs)
    kept = "" if course.best is None else f"; weights of epoch {course.best + 1} kept"
    return f"training, {epochs} epoch{'s' if epochs > 1 else ''}{_whether_cut(course)}{kept}"


def _whether_cut(course: Course) -> str:
    return "" if course.finished else ", unfinished"


def _colour(number: int) -> str:
    return PALETTE[number % len(PALETTE)]


def _legend_line(number: int, course: Course) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], color=_colour(number), label=plain(course.name, 50) + _whether_cut(course))


def _values(course: Course, key: str) -> list[tuple[int, float]]:
    """The epochs, from 1, that have such a figure, with it."""
    found = [(i + 1, epoch.get(key)) for i, epoch in enumerate(course.epochs)]
    return [(epoch, float(value)) for epoch, value in found if value is not None and math.isfinite(value)]


def _draw(axes: Axes, panel: _Panel, courses: Sequence[Course]) -> None:
    from matplotlib.ticker import FormatStrFormatter, LogLocator, MaxNLocator, NullFormatter

    factor = 100.0 if panel.percent else 1.0
    ratios: list[float] = []
    labelled: set[str] = set()
    for number, course in enumerate(courses):
        for line, (key, name) in enumerate(panel.series):
            points = _values(course, key)
            if not points:
                continue
            at, values = zip(*((epoch, factor * value) for epoch, value in points), strict=True)
            ratios += [value for value in values if value > 0]
            alone = len(courses) == 1
            axes.plot(
                at,
                values,
                color=_colour(line if alone else number),
                # Of several, one line is in the colour of each, and the kind of line says which of its figures it is.
                linestyle=DASHES[line if len(panel.series) > 1 else 0],
                linewidth=1.6,
                marker="o" if len(at) < 3 else None,
                markersize=5,
                label=name if name not in labelled else None,
            )
            labelled.add(name)
            _mark(axes, course, dict(zip(at, values, strict=True)), _colour(line if alone else number))
    if courses[0].best is not None and len(courses) == 1:
        axes.axvline(courses[0].best + 1, color="#888888", linewidth=1, linestyle=":", label="kept epoch")
    if panel.logarithmic and ratios and max(ratios) > 10 * min(ratios):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))  # Matplotlib's own is in mathematical letters
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set(title=panel.label.split(" (")[0], xlabel="epoch", ylabel=panel.label)
    if axes.get_yscale() == "linear":
        axes.ticklabel_format(axis="y", useOffset=False)
    axes.grid(visible=True)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    if len(panel.series) > 1:
        legend = axes.legend(fontsize=9)
        if len(courses) > 1:
            for handle in legend.legend_handles:
                handle.set_color("#444444")


def _mark(axes: Axes, course: Course, values: dict[int, float], colour: str) -> None:
    """A ring where the kept epoch is."""
    if course.best is not None and course.best + 1 in values:
        axes.plot(
            [course.best + 1], [values[course.best + 1]], "o", color=colour, markersize=6, markerfacecolor="white"
        )
