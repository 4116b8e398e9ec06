"""Quantities: what the network says against the truth, and how far it is away."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mlpcli.evaluation import RegressionEvaluation
from mlpcli.nn.metrics import RESIDUAL_PERCENTILES
from mlpcli.reports.page.axes import linear_axis
from mlpcli.reports.page.charts import Chart, bar_chart, scatter_chart
from mlpcli.reports.page.layout import counted, number, paragraph, section, table
from mlpcli.reports.page.markup import Markup, element
from mlpcli.reports.page.measured import Measured

MOST_QUANTITIES = 6  # that are drawn; the tables have all
MOST_POINTS = 2000
_BARS = 30  # at most
_FIT = ("quantity", "R\N{SUPERSCRIPT TWO}", "mean absolute error", "root mean squared error")
_PERCENTILES = {0: "lowest", 50: "median", 100: "highest"}


def quantities_section(measured: Measured, result: RegressionEvaluation) -> Markup:
    """Two charts and a row of each table for each quantity."""
    names = measured.model.classes
    truth, said = result.labels, result.said
    away = said - truth
    charts = [
        chart
        for k, name in enumerate(names[:MOST_QUANTITIES])
        for chart in (_scatter(k, name, truth[:, k], said[:, k]), _residuals(k, name, away[:, k]))
    ]
    fit = [
        (name, number(float(r2)), number(float(mae)), number(float(rmse)))
        for name, r2, mae, rmse in zip(names, *result.per_quantity, strict=True)
    ]
    residuals = result.residual_percentiles.T
    spread = [(name, *(number(float(value)) for value in of)) for name, of in zip(names, residuals, strict=True)]
    headings = [_PERCENTILES.get(p, f"{p} %") for p in RESIDUAL_PERCENTILES]
    is_more = len(names) > MOST_QUANTITIES
    note = paragraph(f"The first {MOST_QUANTITIES} are drawn; the tables have all.") if is_more else None
    return section(
        "quantities",
        "True and said",
        element("div", charts, class_="charts"),
        note,
        table(
            "Fit of each quantity",
            ("quantity", "R\N{SUPERSCRIPT TWO}", "mean absolute", "root mean squared"),
            fit,
            heard=False,
        ),
        table("Percentiles of what was said less the truth", ("quantity", *headings), spread, heard=False),
    )


def worst_predictions(result: RegressionEvaluation, count: int) -> list[int]:
    """At most so many examples, those that are farthest away first, each quantity by its own deviation."""
    spread = result.labels.std(axis=0)
    away = np.abs(result.said - result.labels) / np.where(spread > 0, spread, 1.0)
    return [int(i) for i in np.argsort(-away.max(axis=1), kind="stable")[:count]]


def worst_section(measured: Measured, result: RegressionEvaluation, count: int = 20) -> Markup:
    """A row for each of the worst examples."""
    names = measured.model.classes[:MOST_QUANTITIES]
    rows = [
        (
            measured.place(example),
            *(number(float(of[example, k])) for k in range(len(names)) for of in (result.labels, result.said)),
            *measured.values(example),
        )
        for example in worst_predictions(result, count)
    ]
    kinds = [f"{name}, {what}" for name in names for what in ("true", "said")]
    columns = (measured.place_kind, *kinds, *measured.value_names)
    left_out = f"; {measured.values_left_out} more inputs are left out" if measured.values_left_out else ""
    lead = paragraph(f"The {len(rows)} that are farthest off{left_out}. {measured.places_in_words}")
    return section("mistakes", "Worst mistakes", lead, table("Worst mistakes", columns, rows))


def _scatter(k: int, name: str, truth: npt.NDArray[np.float64], said: npt.NDArray[np.float64]) -> Markup:
    step = max(1, -(-len(truth) // MOST_POINTS))
    some = np.stack([truth[::step], said[::step]], axis=1).tolist()
    ends = _ends(truth[::step], said[::step])
    told = f"{counted(len(some), 'example')}; on the line the network is right"
    title = f"{name}: said by true"
    chart = Chart(f"chart-scatter-{k}", title, told, linear_axis("true", ends), linear_axis("said", ends))
    return scatter_chart(chart, [(x, y) for x, y in some])


def _residuals(k: int, name: str, away: npt.NDArray[np.float64]) -> Markup:
    low, high = _ends(away)
    bars = min(_BARS, max(5, round(len(away) ** 0.5)))
    counts, edges = np.histogram(away, bars, (low, high) if low < high else (low - 1, high + 1))
    x = linear_axis("said less true", edges.tolist())
    y = linear_axis("examples", [0.0, float(counts.max())], low=0.0, whole=True)
    told = f"median {number(float(np.median(away)))}, from {number(low)} to {number(high)}"
    titles = [
        f"{number(a)} to {number(b)}: {counted(int(count), 'example')}"
        for a, b, count in zip(edges[:-1].tolist(), edges[1:].tolist(), counts, strict=True)
    ]
    heights: Sequence[float | None] = [float(count) if count else None for count in counts]
    chart = Chart(f"chart-residuals-{k}", f"{name}: said less true", told, x, y)
    return bar_chart(chart, edges.tolist(), heights, titles)


def _ends(*values: npt.NDArray[np.float64]) -> tuple[float, float]:
    return min(float(v.min()) for v in values), max(float(v.max()) for v in values)
