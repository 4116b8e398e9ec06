"""Whether a classifier is right as often as it says: the reliability diagram, and its figures."""

from mlpcli.evaluation import Evaluation
from mlpcli.reports.page.axes import linear_axis
from mlpcli.reports.page.charts import Chart, bar_chart
from mlpcli.reports.page.layout import counted, paragraph, percent, section, table
from mlpcli.reports.page.markup import Markup, element


def reliability_section(result: Evaluation) -> Markup:
    """Two charts, accuracy and number of examples by confidence, and a table of both."""
    found = result.calibration
    edges = found.edges.tolist()
    bins = list(zip(edges[:-1], edges[1:], *(of.tolist() for of in found[1:]), strict=True))
    titles = [
        f"confidence {percent(low, 0)} to {percent(high, 0)}: {percent(accuracy, 1)} of {count:,} right"
        for low, high, count, _, accuracy in bins
    ]
    share = linear_axis("confidence", [0.0, 1.0], low=0.0, high=1.0)
    told = f"expected calibration error {percent(found.expected_error)}; a bar on the line is as right as it says"
    accuracies = Chart(
        "chart-reliability",
        "Accuracy by confidence",
        told,
        share,
        linear_axis("accuracy", [0.0, 1.0], low=0.0, high=1.0),
    )
    most = max(count for _, _, count, _, _ in bins)
    counts = Chart(
        "chart-confidence",
        "Examples by confidence",
        f"{counted(result.examples, 'example')}, at most {most:,} in one bar",
        share,
        linear_axis("examples", [0.0, float(most)], low=0.0, whole=True),
    )
    right = [accuracy if count else None for _, _, count, _, accuracy in bins]
    rows = [
        (
            f"{percent(low, 0)} to {percent(high, 0)}",
            f"{count:,}",
            percent(confidence),
            percent(accuracy),
        )
        for low, high, count, confidence, accuracy in bins
        if count
    ]
    return section(
        "calibration",
        "Calibration",
        paragraph(
            f"Expected calibration error {percent(found.expected_error)}: by so much the share that is right differs "
            "from the probability that the network gives to what it says, in the mean over all examples."
        ),
        element(
            "div",
            bar_chart(accuracies, edges, right, titles, diagonal=True),
            bar_chart(counts, edges, [float(count) if count else None for _, _, count, _, _ in bins], titles),
            class_="charts",
        ),
        table("Calibration", ("confidence", "examples", "mean confidence", "accuracy"), rows),
    )
