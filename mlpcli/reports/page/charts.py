"""Charts as SVG: lines, points, bars, each with axes, ticks, a title and a description for those who do not see it.

Colours come from the page's style by class, so that a chart follows the light or dark mode. Coordinates inside a chart
are in units of which the whole is WIDTH by HEIGHT; about one CSS pixel each on a phone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from mlpcli.reports.page.axes import Axis
from mlpcli.reports.page.markup import Markup, Node, element, join

WIDTH, HEIGHT = 380, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 14, 12, 44  # room for tick labels and the names of the axes
_LEGEND = 34  # more room at the top, for a legend and the name of a mark


@dataclass(frozen=True)
class Line:
    """Points to connect. style: "a", "b" or "c", see style.css; the second and third are dashed as well."""

    name: str
    points: Sequence[tuple[float, float]]
    style: str


@dataclass(frozen=True)
class Chart:
    """What every chart has. name: of the file's only chart with it, for ids. description: what there is to see."""

    name: str
    title: str
    description: str
    x: Axis
    y: Axis

    def across(self, value: float) -> float:
        """Horizontal place of a value of the x axis."""
        return round(_LEFT + self.x.at(value) * (WIDTH - _LEFT - _RIGHT), 1)

    def up(self, value: float, top: float = _TOP) -> float:
        """Vertical place of a value of the y axis, in a chart whose plot begins at `top`."""
        return round(HEIGHT - _BOTTOM - self.y.at(value) * (HEIGHT - _BOTTOM - top), 1)


def line_chart(chart: Chart, lines: Sequence[Line], mark: tuple[float, str] | None = None) -> Markup:
    """Lines over x. mark: a place on the x axis to point out, and what is there."""
    top = _TOP + _LEGEND
    drawn: list[Node] = []
    if mark is not None:
        at = chart.across(mark[0])
        is_right = at > (WIDTH + _LEFT) / 2
        drawn += [
            element("line", x1=at, x2=at, y1=top - 2, y2=HEIGHT - _BOTTOM, class_="mark"),
            element(
                "text",
                mark[1],
                x=at,
                y=top - 5,
                text_anchor="end" if is_right else "start",
                class_="note",
            ),
        ]
    for line in lines:
        places = [f"{chart.across(x):g},{chart.up(y, top):g}" for x, y in line.points]
        if len(places) == 1:
            x, y = line.points[0]
            drawn.append(element("circle", cx=chart.across(x), cy=chart.up(y, top), r=3, class_=f"dot {line.style}"))
        else:
            drawn.append(element("polyline", points=" ".join(places), class_=f"line {line.style}"))
    return _figure(chart, [_legend(lines), drawn], top)


def scatter_chart(chart: Chart, points: Sequence[tuple[float, float]]) -> Markup:
    """Points, and the diagonal on which x and y are equal."""
    low, high = max(chart.x.low, chart.y.low), min(chart.x.high, chart.y.high)
    diagonal = None
    if low < high:
        diagonal = element(
            "line",
            x1=chart.across(low),
            y1=chart.up(low),
            x2=chart.across(high),
            y2=chart.up(high),
            class_="mark",
        )
    # One path for all: a thousand circles would be ten times as long.
    dots = "".join(f"M{chart.across(x):g} {chart.up(y):g}h0" for x, y in points)
    return _figure(chart, [diagonal, element("path", d=dots, class_="points")])


def bar_chart(
    chart: Chart,
    edges: Sequence[float],
    heights: Sequence[float | None],
    titles: Sequence[str] = (),
    diagonal: bool = False,
) -> Markup:
    """Bars between neighbouring edges of the x axis; None is no bar. titles: of each bar, shown by a pointer over it.

    diagonal: with the line on which x and y are equal.
    """
    bars: list[Node] = []
    for i, ((left, right), height) in enumerate(zip(pairwise(edges), heights, strict=True)):
        if height is None:
            continue
        x, base, y = chart.across(left), chart.up(chart.y.low), chart.up(height)
        title = element("title", titles[i]) if titles else None
        width = max(0.5, round(chart.across(right) - x - 1, 1))
        bars.append(
            element("rect", title, x=x + 0.5, y=y, width=width, height=max(0.0, round(base - y, 1)), class_="bar")
        )
    line = None
    if diagonal:
        low, high = max(chart.x.low, chart.y.low), min(chart.x.high, chart.y.high)
        ends = {"x1": chart.across(low), "y1": chart.up(low), "x2": chart.across(high), "y2": chart.up(high)}
        line = element("line", class_="mark", **ends)
    return _figure(chart, [bars, line])


def probability_bar(share: float, style: str) -> Markup:
    """A small bar, filled from the left to a share of 0 to 1. What it says stands beside it, so it is hidden to readers
    of screens."""
    filled = element("rect", width=round(100 * share, 1), height=8, class_=style)
    return element(
        "svg",
        element("rect", width=100, height=8, class_="track"),
        filled,
        viewBox="0 0 100 8",
        preserveAspectRatio="none",
        class_="probability",
        aria_hidden="true",
    )


def _legend(lines: Sequence[Line]) -> list[Node]:
    drawn: list[Node] = []
    at = _LEFT
    for line in lines:
        drawn += [
            element("line", x1=at, x2=at + 22, y1=14, y2=14, class_=f"line {line.style}"),
            element("text", line.name, x=at + 28, y=18, class_="legend"),
        ]
        at += 46 + 6 * len(line.name)
    return drawn


def _figure(chart: Chart, drawn: Node, top: float = _TOP) -> Markup:
    title, description = f"{chart.name}-title", f"{chart.name}-description"
    svg = element(
        "svg",
        element("title", chart.title, id=title),
        element("desc", chart.description, id=description),
        _axes(chart, top),
        drawn,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_labelledby=f"{title} {description}",
        class_="chart",
    )
    return element("figure", svg, element("figcaption", chart.title, aria_hidden="true"))


def _axes(chart: Chart, top: float) -> Markup:
    left, right, bottom = _LEFT, WIDTH - _RIGHT, HEIGHT - _BOTTOM
    drawn: list[Node] = []
    for tick, text in zip(chart.y.ticks, chart.y.tick_labels, strict=True):
        y = chart.up(tick, top)
        drawn += [
            element("line", x1=left, x2=right, y1=y, y2=y, class_="grid"),
            element("text", text, x=left - 6, y=y + 4, text_anchor="end"),
        ]
    for tick, text in zip(chart.x.ticks, chart.x.tick_labels, strict=True):
        x = chart.across(tick)
        drawn += [
            element("line", x1=x, x2=x, y1=bottom, y2=bottom + 4, class_="axis"),
            element("text", text, x=x, y=bottom + 17, text_anchor="middle"),
        ]
    middle = (top + bottom) / 2
    return join(
        drawn,
        element("line", x1=left, x2=right, y1=bottom, y2=bottom, class_="axis"),
        element("text", chart.x.label, x=(left + right) / 2, y=HEIGHT - 8, text_anchor="middle", class_="label"),
        element(
            "text",
            chart.y.label,
            x=0,
            y=0,
            text_anchor="middle",
            class_="label",
            transform=f"translate(11 {middle:g}) rotate(-90)",
        ),
    )
