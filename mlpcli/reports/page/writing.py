"""A report on a trained network, written to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlpcli.datasets.dataset import Dataset
from mlpcli.evaluation import Evaluation, MultiLabelEvaluation, RegressionEvaluation
from mlpcli.files import check_target, write_bytes
from mlpcli.model import Model
from mlpcli.reports.page.about import again_section, data_section, settings_section
from mlpcli.reports.page.classes import classes_section, confusion_cells, confusion_section
from mlpcli.reports.page.curves import curves_section
from mlpcli.reports.page.document import GENERATOR, Section, document
from mlpcli.reports.page.first_layer import first_layer_section
from mlpcli.reports.page.gallery import gallery
from mlpcli.reports.page.headline import headline
from mlpcli.reports.page.labels import label_cells, labels_section
from mlpcli.reports.page.measured import Measured, measure
from mlpcli.reports.page.mistakes import mistakes_section
from mlpcli.reports.page.quantities import quantities_section, worst_section
from mlpcli.reports.page.reliability import reliability_section

_ROOM = 2_000_000  # bytes that a report takes, near enough: to find a full disk before the work
_BEGIN = 1024  # bytes of a file in which a report is known by its generator


def report(
    model: Model,
    data: Dataset | None,
    path: str | Path = "report.html",
    *,
    weights: str = "weights.npy",
    named: str | None = None,
    data_dir: str | Path | None = None,
    force: bool = False,
) -> Measured | None:
    """Write a report on a network as one HTML file that needs nothing else; return what was measured.

    data: measured on its test part, or all of it where the network has not seen it and it has none; None: nothing is
    measured. weights: the network's file, as the report calls it. named: the data, as the commands in the report are
    to name it, where that is not what the network was trained on. data_dir: where they are to look for data, if
    not in the default folder. A report that is there is replaced; any other file with `force` alone.

    Raises CannotWriteError, the old file intact; UsageError for data that the network does not fit.
    """
    check_report_target(path, force)
    if data is not None:
        model.check_fits(data, weights)
    measured = None if data is None else measure(model, data)
    text = page(model, measured, weights=weights, path=path, named=named, data_dir=data_dir)
    # Without lone surrogates, which `escape` replaces, all text has bytes.
    write_bytes(path, text.encode())
    return measured


def check_report_target(path: str | Path, force: bool = False) -> None:
    """CannotWriteError where a report cannot be written there, or would replace something else."""
    check_target(path, force or is_report(path), size=_ROOM)


def is_report(path: str | Path) -> bool:
    """Whether a file begins as a report does."""
    place = Path(path)
    try:
        if not place.is_file():
            return False
        with place.open("rb") as file:
            begin = file.read(_BEGIN)
    except (OSError, ValueError):
        return False
    return begin.startswith(b"<!doctype html>") and f'name="generator" content="{GENERATOR}'.encode() in begin


def page(
    model: Model,
    measured: Measured | None,
    *,
    weights: str,
    path: str | Path = "report.html",
    named: str | None = None,
    data_dir: str | Path | None = None,
) -> str:
    """The report as text; see `report`."""
    results, behind = _results(measured)
    data = None if measured is None else measured.data
    sections = [
        *results,
        ("training", "Training", curves_section(model)),
        ("weights", "Weights", first_layer_section(model)),
        ("data", "Data", data_section(model, data)),
        ("settings", "Settings", settings_section(model, weights)),
        ("again", "Do it again", again_section(model, weights, str(path), named, data_dir)),
    ]
    title = Path(weights).name
    return document(f"Report on {title}", headline(model, title, measured), sections, behind)


def _results(measured: Measured | None) -> tuple[list[Section], dict[str, Any] | None]:
    """The sections on what was measured, and what opens from them."""
    if measured is None:
        return [], None
    result = measured.evaluation
    if isinstance(result, RegressionEvaluation):
        return [
            ("quantities", "True and said", quantities_section(measured, result)),
            ("mistakes", "Worst mistakes", worst_section(measured, result)),
        ], None
    mistakes = ("mistakes", "Worst mistakes", mistakes_section(measured, result))
    names = measured.model.classes
    if isinstance(result, MultiLabelEvaluation):
        cells = label_cells(result, names)
        labels = ("labels", "Labels", labels_section(measured, result, cells))
        return [labels, mistakes], gallery(measured, result, cells)
    assert isinstance(result, Evaluation)
    return [
        ("confusion", "Confusion", confusion_section(measured, result)),
        mistakes,
        ("classes", "Classes", classes_section(measured, result)),
        ("calibration", "Calibration", reliability_section(result)),
    ], gallery(measured, result, confusion_cells(result, names))
