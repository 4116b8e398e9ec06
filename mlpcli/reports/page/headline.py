"""The head of the page: what was measured on what, and how good it is."""

from mlpcli.evaluation import Evaluation, MultiLabelEvaluation
from mlpcli.model import Model
from mlpcli.reports.page.layout import counted, finite, number, percent, seconds
from mlpcli.reports.page.markup import Markup, Node, element
from mlpcli.reports.page.measured import Measured

Stat = tuple[str, str]  # a figure, and what it is


def headline(model: Model, title: str, measured: Measured | None) -> Markup:
    """The heading with the button for light and dark, the most important figures, and what is to be known first."""
    head = element(
        "div", element("h1", title), element("p", _subtitle(model, measured), class_="subtitle"), class_="title"
    )
    theme = element("button", "Dark mode", id="theme", type="button", hidden=True)
    stats = [*(_recorded(model) if measured is None else _measured(measured)), *_about(model)]
    listed = [element("div", element("dt", what), element("dd", figure)) for figure, what in stats]
    notices = [element("p", text, class_="notice") for text in _notices(model, measured)]
    return element("header", head, theme, element("dl", listed, class_="stats"), notices)


def shape_of(model: Model) -> str:
    """784-800-10."""
    return "-".join(map(str, model.network.structure))


def _subtitle(model: Model, measured: Measured | None) -> str:
    hidden = list(dict.fromkeys(model.network.activations[:-1]))
    activations = "/".join([*hidden, model.network.activations[-1]])
    name = model.meta["data"]["name"]
    trained = f"A {shape_of(model)} network ({activations}), trained on {name}"
    if measured is None:
        return f"{trained}; not measured here."
    count = counted(measured.evaluation.examples, *measured.things)
    same = measured.data.name == name
    whose = "its" if same else "the"
    part = "test " if measured.part == "test" else ""
    where = "" if same else f" of {measured.data.name}"
    return f"{trained}; measured on {whose} {count.replace(' ', f' {part}', 1)}{where}."


def _measured(measured: Measured) -> list[Stat]:
    result = measured.evaluation
    if isinstance(result, Evaluation):
        stats = [
            (percent(result.accuracy), f"accuracy, 95\N{NO-BREAK SPACE}% interval {_interval(result.interval)}"),
            (f"{int((~result.right).sum()):,}", f"wrong of {result.examples:,}"),
        ]
        if result.is_unbalanced:
            stats.append((percent(result.balanced_accuracy), "balanced accuracy: the mean over classes"))
        if result.roc_auc is not None:
            stats.append((f"{result.roc_auc:.4f}", f"area under the ROC curve of {measured.model.classes[1]}"))
    elif isinstance(result, MultiLabelEvaluation):
        stats = [
            (percent(result.exact), f"all labels right, 95\N{NO-BREAK SPACE}% interval {_interval(result.interval)}"),
            (percent(result.accuracy), "single labels right"),
            (f"{result.f1_micro:.3f}", f"F1 pooled; {result.f1_macro:.3f} in the mean over labels"),
        ]
    else:
        stats = [
            (number(result.r2), "R\N{SUPERSCRIPT TWO}, the share of the variance that is explained"),
            (number(result.mae), "mean absolute error"),
            (number(result.rmse), "root mean squared error"),
        ]
    return [*stats, (number(result.loss), f"loss ({measured.model.network.loss})")]


def _recorded(model: Model) -> list[Stat]:
    """What the file itself says of the test part."""
    known = {
        "test_accuracy": ("accuracy", percent),
        "test_exact": ("all labels right", percent),
        "test_r2": ("R\N{SUPERSCRIPT TWO}", number),
        "test_loss": ("loss", number),
    }
    found = []
    for name, (what, text) in known.items():
        value = finite(model.metrics.get(name))
        if value is not None:
            found.append((text(value), f"{what}, as recorded after training"))
    return found


def _about(model: Model) -> list[Stat]:
    stats = [(f"{model.parameters.flat.size:,}", "parameters")]
    took = finite(model.meta.get("training_seconds"))
    if took is not None:
        stats.append((seconds(took), f"training, {counted(len(model.history), 'epoch')}"))
    return stats


def _interval(ends: tuple[float, float]) -> str:
    return f"{percent(ends[0])} to {percent(ends[1])}"


def _notices(model: Model, measured: Measured | None) -> list[Node]:
    notices: list[Node] = []
    if model.meta.get("finished") is False:
        notices.append("This run is not finished: mlp train --resume goes on with it.")
    stopped = model.meta.get("stopped_by")
    if isinstance(stopped, str) and stopped:
        notices.append(f"The run was stopped by {stopped}.")
    if measured is None:
        notices.append("Made without the data: what would be measured is left out.")
    elif measured.note:
        notices.append(measured.note)
    return notices
