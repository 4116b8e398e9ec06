"""The worst mistakes of a classifier: those that it is surest of, with what it thought."""

import numpy as np
import numpy.typing as npt

from mlpcli.evaluation import Evaluation
from mlpcli.reports.page.charts import probability_bar
from mlpcli.reports.page.layout import counted, paragraph, percent, section
from mlpcli.reports.page.markup import Markup, Node, element
from mlpcli.reports.page.measured import Judged, Measured, said_classes, true_classes
from mlpcli.reports.page.pictures import data_address, png

MOST_MISTAKES = 24
_SHORT = 3  # characters of names beside which the bars have more room
_LIKELIEST = 3  # classes of which the probability is shown; the true one always


def surest_mistakes(result: Judged, count: int) -> list[int]:
    """At most so many of the examples that the network has wrong, the surest first.

    Of yes-or-no labels, those with the largest probability on the wrong side of any label.
    """
    if isinstance(result, Evaluation):
        return [mistake.index for mistake in result.mistakes(count)]
    against = np.where(result.labels == 1, 1.0 - result.probabilities, result.probabilities).max(axis=1)
    wrong = np.flatnonzero(~result.right)
    return [int(i) for i in wrong[np.argsort(-against[wrong], kind="stable")][:count]]


def mistakes_section(measured: Measured, result: Judged) -> Markup:
    """A card for each."""
    one, many = measured.things
    wrong = int((~result.right).sum())
    if not wrong:
        every = f"There are none: all {counted(result.examples, one, many)} are right."
        return section("mistakes", "Worst mistakes", paragraph(every))
    examples = surest_mistakes(result, MOST_MISTAKES)
    pictures = measured.pictures(np.array(examples)) if measured.has_pictures else [None] * len(examples)
    is_short = all(len(name) <= _SHORT for name in measured.model.classes)
    cards = [_card(measured, result, at, picture) for at, picture in zip(examples, pictures, strict=True)]
    which = f"The {len(examples)} of {wrong:,} that the network is surest of"
    if len(examples) == wrong:
        which = f"All {wrong:,}, those first that the network is surest of" if wrong > 1 else "The only one"
    lead = f"{which}, with the probabilities that it gave; the true class is blue. {measured.places_in_words}"
    return section(
        "mistakes",
        "Worst mistakes",
        paragraph(lead),
        element("ol", cards, class_="cards short" if is_short else "cards"),
    )


def _card(measured: Measured, result: Judged, example: int, picture: npt.NDArray[np.uint8] | None) -> Markup:
    names, shares = measured.model.classes, result.probabilities[example]
    true, said = true_classes(result, example), said_classes(result, example)
    shown = np.argsort(-shares, kind="stable")[:_LIKELIEST].tolist()
    shown += [i for i in true if i not in shown][: _LIKELIEST - 1]
    verdict = f"true {_listed(names, true)}, said {_listed(names, said)}"
    bars = [
        element(
            "li",
            element("span", names[i], class_="name"),
            probability_bar(float(shares[i]), "true" if i in true else "said"),
            element("span", percent(float(shares[i]), 1), class_="share"),
        )
        for i in shown
    ]
    return element(
        "li",
        _picture(picture, f"Image {measured.place(example)}: {verdict}"),
        element(
            "div",
            element("p", element("b", verdict), " ", element("span", measured.placed(example), class_="index")),
            element("ul", bars, class_="bars"),
            _values(measured, example),
        ),
    )


def _picture(pixels: npt.NDArray[np.uint8] | None, alt: str) -> Node:
    if pixels is None:
        return None
    height, width = pixels.shape[:2]
    longest = 84
    scale = longest / max(height, width)
    return element(
        "img",
        src=data_address(png(pixels)),
        width=max(1, round(width * scale)),
        height=max(1, round(height * scale)),
        alt=alt,
        class_="pixels" if scale > 1.5 else None,
    )


def _values(measured: Measured, example: int) -> Node:
    pairs = list(zip(measured.value_names, measured.values(example), strict=True))
    if not pairs:
        return None
    listed = [element("div", element("dt", name), element("dd", value)) for name, value in pairs]
    left_out = measured.values_left_out
    more = element("p", f"and {counted(left_out, 'more input')}", class_="index") if left_out else None
    return [element("dl", listed, class_="values"), more]


def _listed(names: tuple[str, ...], which: list[int]) -> str:
    return " + ".join(names[i] for i in which) or "none"
