"""What a classifier confuses: a matrix whose numbers open the examples behind them; and the figures of each class."""

import bisect
from collections.abc import Sequence

import numpy as np

from mlpcli.evaluation import Evaluation
from mlpcli.reports.page.gallery import Cell
from mlpcli.reports.page.layout import counted, paragraph, percent, scrolling, section, table
from mlpcli.reports.page.markup import Markup, Node, element
from mlpcli.reports.page.measured import Measured

MOST_CLASSES = 100  # of a matrix; of more, the pairs that are confused most often are listed
MOST_PAIRS = 40
_SHORT = 3  # characters of a name that has room over its column
_WIDEST = 80  # characters in all that longer names may have side by side; beyond, they are turned
_FEW = 26  # classes up to which numbers have room
# Shares of a class beyond which the next darker colour begins, see style.css; a single mistake always shows.
_SHADES = (0.003, 0.01, 0.05, 0.2)


def confusion_cells(result: Evaluation, names: Sequence[str]) -> list[Cell]:
    """The examples behind each number that is not 0: mistakes by confidence; of what is right, the least certain."""
    pair = result.labels * len(names) + result.said
    order = np.lexsort((-result.confidence, pair))
    starts = np.flatnonzero(np.diff(pair[order], prepend=-1))
    cells = []
    for examples in np.split(order, starts[1:]):
        true, said = divmod(int(pair[examples[0]]), len(names))
        is_right = true == said
        told = "the least certain" if is_right else "the most certain"
        title = _title(names, true, said)
        cells.append(Cell(f"{true}-{said}", title, examples[::-1] if is_right else examples, told))
    return cells


def confusion_section(measured: Measured, result: Evaluation) -> Markup:
    """The matrix, or the list of what is confused most often."""
    classes = len(measured.model.classes)
    if classes > MOST_CLASSES:
        return section("confusion", "Confusion", _pairs(measured, result))
    _, many = measured.things
    steps = ", ".join(percent(share, 1 if share < 0.01 else 0) for share in _SHADES)
    lead = paragraph(
        f"Rows are the truth, columns what the network says; mistakes are the darker the larger their share of the row "
        f"(up to {steps}, and more). Select a number to see the {many} behind it."
    )
    skip = element("a", "Skip the matrix", href="#after-matrix", class_="skip")
    end = element("span", id="after-matrix", tabindex=-1)
    return section("confusion", "Confusion", lead, skip, _matrix(measured, result), end)


def classes_section(measured: Measured, result: Evaluation) -> Markup:
    """Precision, recall, F1 and support of each class."""
    rows = [
        (name, percent(precision), percent(recall), percent(f1), f"{support:,}")
        for name, precision, recall, f1, support in zip(measured.model.classes, *result.per_class, strict=True)
    ]
    meaning = paragraph(
        "Precision: of what the network calls so, the share that is. Recall: of what is so, the share that it finds. "
        "F1: their harmonic mean."
    )
    columns = ("class", "precision", "recall", "F1", measured.things[1])
    return section("classes", "Classes", meaning, table("Figures of each class", columns, rows))


def cell_button(key: str, title: str, count: int, things: tuple[str, str]) -> Markup:
    """A number that opens the examples behind it."""
    return element(
        "button",
        f"{count:,}",
        type="button",
        data_cell=key,
        aria_haspopup="dialog",
        aria_label=f"{title}: {counted(count, *things)}",
    )


def _matrix(measured: Measured, result: Evaluation) -> Markup:
    names, confusion = measured.model.classes, result.confusion
    support = confusion.sum(axis=1).tolist()
    is_turned = any(len(name) > _SHORT for name in names) and max(map(len, names)) * len(names) > _WIDEST
    looks = [
        "matrix",
        "turned" if is_turned else "upright",
        "dense" if len(names) > _FEW else f"digits{len(str(confusion.max()))}",
    ]
    head = [element("th", element("span", name), scope="col") for name in names]
    rows = []
    for i, name in enumerate(names):
        cells = [
            element("td", _cell(measured, i, j, int(count)), class_=_shade(int(count), i == j, support[i]))
            for j, count in enumerate(confusion[i])
        ]
        rows.append(element("tr", element("th", name, scope="row"), cells))
    whole = element(
        "table",
        element("caption", "Confusion matrix", class_="heard"),
        element("thead", element("tr", element("td", element("span", "true \\ said", aria_hidden="true")), head)),
        element("tbody", rows),
        class_=" ".join(looks),
    )
    return scrolling(whole, "confusion matrix")


def _cell(measured: Measured, true: int, said: int, count: int) -> Node:
    if not count:
        return None
    return cell_button(f"{true}-{said}", _title(measured.model.classes, true, said), count, measured.things)


def _title(names: Sequence[str], true: int, said: int) -> str:
    return f"true {names[true]}, said {names[said]}"


def _shade(count: int, is_right: bool, support: int) -> str | None:
    """The darker the larger a share of the class, whatever its size. support: how many of the class there are."""
    if is_right:
        return "right"
    if not count:
        return None
    return f"wrong{1 + bisect.bisect_left(_SHADES, count / support)}"


def _pairs(measured: Measured, result: Evaluation) -> Sequence[Node]:
    names, wrong = measured.model.classes, result.confusion - np.diag(np.diag(result.confusion))
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_PAIRS]
    pairs = [(int(i), int(j)) for i, j in zip(*np.unravel_index(order, wrong.shape), strict=True) if wrong[i, j]]
    lead = paragraph(f"A matrix of {len(names):,} classes is too large to read; these are confused most often.")
    rows = [(names[i], names[j], _cell(measured, i, j, int(wrong[i, j]))) for i, j in pairs]
    return [lead, table("What is confused most often", ("true", "said", measured.things[1]), rows, text_columns=2)]
