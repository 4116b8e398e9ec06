"""Yes-or-no labels: how each does, with the examples that are missed or called so wrongly."""

from collections.abc import Sequence

import numpy as np

from mlpcli.evaluation import MultiLabelEvaluation
from mlpcli.reports.page.classes import cell_button
from mlpcli.reports.page.gallery import Cell
from mlpcli.reports.page.layout import paragraph, percent, section, table
from mlpcli.reports.page.markup import Markup
from mlpcli.reports.page.measured import Measured

_KINDS = ("found", "missed", "wrongly said")


def label_cells(result: MultiLabelEvaluation, names: Sequence[str]) -> list[Cell]:
    """For each label the examples where it is found, missed, and wrongly said; the most telling ones first."""
    truth, said, shares = result.labels == 1, result.said, result.probabilities
    cells = []
    for k, name in enumerate(names):
        chosen = (truth[:, k] & said[:, k], truth[:, k] & ~said[:, k], ~truth[:, k] & said[:, k])
        for number, (kind, which) in enumerate(zip(_KINDS, chosen, strict=True)):
            examples = np.flatnonzero(which)
            falls = kind == "wrongly said"  # by probability, the highest first
            order = examples[np.argsort(-shares[examples, k] if falls else shares[examples, k], kind="stable")]
            told = "the least certain" if kind == "found" else "the most certain"
            if len(order):
                cells.append(Cell(f"{k}-{number}", f"{name}: {kind}", order, told))
    return cells


def labels_section(measured: Measured, result: MultiLabelEvaluation, cells: list[Cell]) -> Markup:
    """A row for each label."""
    counts = {cell.key: (cell.title, len(cell.examples)) for cell in cells}
    rows = []
    for k, (name, precision, recall, f1, _) in enumerate(
        zip(measured.model.classes, *result.per_label, strict=True),
    ):
        keys = [f"{k}-{number}" for number in range(len(_KINDS))]
        numbers = [cell_button(key, *counts[key], measured.things) if key in counts else "0" for key in keys]
        rows.append((name, *numbers, percent(precision), percent(recall), percent(f1)))
    columns = ("label", *_KINDS, "precision", "recall", "F1")
    lead = paragraph(f"Select a number to see the {measured.things[1]} behind it.")
    return section("labels", "Labels", lead, table("Figures of each label", columns, rows))
