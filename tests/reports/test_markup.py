"""Whatever a stranger's text holds, it stays text: read back by Python's own HTML and JSON parsers."""

import json
from html.parser import HTMLParser

import pytest

from mlpcli.reports.page.markup import Markup, element, escape, join, json_for_script

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onclick='x",
    "</script><script>x</script>",
    "<!-- <script>",
    "]]>",
    "a & b &amp; &lt;",
    "line\nend",
    "\u2028\u2029",
]


class Parsed(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.text = [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, attrs))

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("text", HOSTILE[:-1])
def test_text_and_attributes_come_back_as_they_were(text):
    parsed = Parsed(element("p", text, title=text))
    assert parsed.tags == [("p", [("title", text)])]
    assert parsed.text == text


def test_what_cannot_be_printed_is_replaced():
    assert escape("a\x00b\x1bc\u202ed\ud800e\u2028f") == "a\ufffdb\ufffdc\ufffdd\ufffde\ufffdf"
    kept = "é 漢 👩\u200d👩 \u00a0 می\u200cخواهم\n\t"
    assert escape(kept) == kept


def test_markup_is_not_escaped_again():
    inner = element("b", "<")
    assert element("p", inner, [inner, ("&", None)]) == "<p><b>&lt;</b><b>&lt;</b>&amp;</p>"
    assert join("<", Markup("<br>")) == "&lt;<br>"


def test_attributes():
    assert element("img", alt="", width=3, class_="a", aria_label=None, hidden=True, inert=False) == (
        '<img alt="" width="3" class="a" hidden>'
    )
    assert element("rect", x=0.1 + 0.2) == '<rect x="0.3"></rect>'


@pytest.mark.parametrize("text", [*HOSTILE, "\ud800"])
def test_json_in_a_script_comes_back_and_ends_nothing(text):
    written = json_for_script({text: [text, 1.5, None]})
    assert json.loads(written) == {text: [text, 1.5, None]}
    assert written.isascii()
    assert not set("<>&") & set(written)


def test_json_has_no_numbers_that_are_none():
    with pytest.raises(ValueError, match="JSON"):
        json_for_script(float("nan"))
