"""The worst mistakes of a classifier: those that it is surest of, with what it thought."""

import numpy as np
import numpy.typing as npt

from mlpcli.reports.page.charts import probability_bar
from mlpcli.reports.page.layout import counted, paragraph, percent, section
from mlpcli.reports.page.markup import Markup, Node, element
from mlpcli.reports.page.measured import Measured
from mlpcli.reports.page.pictures import data_address, png

MOST_MISTAKES = 24
_LIKELIEST = 3  # classes of which the probability is shown; the true one always


def most_confident_mistakes(measured: Measured, count: int) -> npt.NDArray[np.integer]:
    """Examples (n,) that the network has wrong, the surest first.

    Of yes-or-no labels, those with the largest probability on the wrong side of any label.
    """
    truth = np.asarray(measured.truth)
    if truth.ndim == 2:
        against = np.where(truth == 1, 1.0 - measured.answers, measured.answers).max(axis=1)
        wrong = (np.asarray(measured.said) != truth).any(axis=1)
    else:
        said = np.asarray(measured.said, np.int64)
        against, wrong = measured.answers[np.arange(len(said)), said], said != truth
    examples = np.flatnonzero(wrong)
    return examples[np.argsort(-against[examples], kind="stable")][:count]


def mistakes_section(measured: Measured) -> Markup:
    """A card for each."""
    wrong = most_confident_mistakes(measured, len(measured.truth))
    examples = wrong[:MOST_MISTAKES]
    one, many = measured.things
    if not len(examples):
        every = f"There are none: all {counted(len(measured.truth), one, many)} are right."
        return section("mistakes", "Worst mistakes", paragraph(every))
    pictures = measured.pictures(examples) if measured.has_pictures else [None] * len(examples)
    cards = [_card(measured, int(example), picture) for example, picture in zip(examples, pictures, strict=True)]
    lead = (
        f"The {len(examples)} of {counted(len(wrong), 'mistake')} that the network is surest of. "
        f"Each {one} has its number, from 0, in what was measured."
    )
    return section("mistakes", "Worst mistakes", paragraph(lead), element("ol", cards, class_="cards"))


def _card(measured: Measured, example: int, picture: npt.NDArray[np.uint8] | None) -> Markup:
    names, shares = measured.model.classes, measured.answers[example]
    truth = np.asarray(measured.truth)[example]
    true = [int(truth)] if truth.ndim == 0 else np.flatnonzero(truth).tolist()
    said = [int(np.argmax(shares))] if truth.ndim == 0 else np.flatnonzero(shares > 0.5).tolist()
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
        _picture(picture, f"Image {example}: {verdict}"),
        element(
            "div",
            element("p", element("b", verdict), " ", element("span", f"number {example}", class_="index")),
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
    return ", ".join(names[i] for i in which) or "none"
