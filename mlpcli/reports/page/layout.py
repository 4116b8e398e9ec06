"""Sections, tables and lists of facts: what the parts of the page are made of."""

import math
from collections.abc import Iterable, Sequence

from mlpcli.reports.page.markup import Markup, Node, element

_NBSP = "\N{NO-BREAK SPACE}"
_MINUS = "\N{MINUS SIGN}"
_LARGE = 1e100  # beyond it nobody has a use for a figure, and axes have no ticks


def section(name: str, title: str, *content: Node) -> Markup:
    """A part of the page under a heading. name: its id, which the contents link to."""
    heading = element("h2", title, id=f"{name}-heading")
    body = element("div", *content, class_="body")
    return element("section", heading, body, id=name, aria_labelledby=f"{name}-heading")


def paragraph(*content: Node) -> Markup:
    """A paragraph of text."""
    return element("p", *content)


def table(
    caption: str, columns: Sequence[str], rows: Iterable[Sequence[Node]], *, text_columns: int = 1, heard: bool = True
) -> Markup:
    """A table in a box of its own, which scrolls where it is too wide. The first cell of each row is its heading.

    text_columns: how many of the first columns hold text; the others hold numbers. heard: the caption is for readers
    of screens alone, since the heading above says the same.
    """
    kinds = ["text" if i < text_columns else None for i in range(len(columns))]
    head = element(
        "tr", [element("th", name, scope="col", class_=kind) for name, kind in zip(columns, kinds, strict=True)]
    )
    body = [
        element(
            "tr",
            element("th", row[0], scope="row", class_=kinds[0]),
            [element("td", cell, class_=kind) for cell, kind in zip(row[1:], kinds[1:], strict=True)],
        )
        for row in rows
    ]
    described = element("caption", caption, class_="heard" if heard else None)
    return scrolling(element("table", described, element("thead", head), element("tbody", body)), caption)


def scrolling(content: Markup, label: str) -> Markup:
    """A box that scrolls sideways by itself; keys can reach it. label: what a reader of screens calls it."""
    return element("div", content, class_="scroll", tabindex=0, role="group", aria_label=f"{label}, may scroll")


def facts(pairs: Iterable[tuple[str, Node]]) -> Markup:
    """Names with what there is to say of each."""
    return element(
        "dl", [element("div", element("dt", name), element("dd", value)) for name, value in pairs], class_="facts"
    )


def finite(value: object) -> float | None:
    """A number that a file records, or None for whatever else stands in its place."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if abs(value) < _LARGE else None


def percent(fraction: float, digits: int = 2) -> str:
    """A fraction as text: 99.40 %."""
    return f"{fraction:.{digits}%}".replace("%", f"{_NBSP}%").replace("-", _MINUS)


def number(value: float, digits: int = 4) -> str:
    """A quantity in so many significant digits; "undefined" where there is none."""
    if not math.isfinite(value):
        return "undefined"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.{digits}g}".replace("-", _MINUS)


def seconds(value: float) -> str:
    """A time as one would say it: 0.52 s, 18 min 40 s, 2 h 5 min."""
    if value < 60:
        return f"{value:.3g}{_NBSP}s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes}{_NBSP}min {rest}{_NBSP}s"
    return f"{minutes // 60}{_NBSP}h {minutes % 60}{_NBSP}min"


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number with the name of what is counted: 1 image, 1,200 images."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
