"""HTML from nested calls. Text is escaped unless it is Markup, so that nothing of a stranger's becomes part of a page.

>>> element("td", "a < b", class_="name")
'<td class="name">a &lt; b</td>'
"""

import html
import json
from collections.abc import Iterable
from typing import Any

_VOID = frozenset({"br", "col", "hr", "img", "link", "meta"})
# Not printable for Python, but harmless: spaces and line ends, and what joins letters of words and parts of emoji.
_KEPT = frozenset("\n\t\N{NO-BREAK SPACE}\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Node = str | Iterable[Any] | None  # text, Markup, or any nesting of these; None is nothing
Attribute = str | int | float | bool | None


def escape(text: str) -> Markup:
    """Text as it stands in HTML, between tags or in a quoted attribute.

    What cannot be printed (control characters, halves of surrogate pairs, marks that turn the direction of all that
    follows) becomes U+FFFD.
    """
    printable = (c if c.isprintable() or c in _KEPT else "\N{REPLACEMENT CHARACTER}" for c in text)
    return Markup(html.escape("".join(printable), quote=True))


def join(*nodes: Node) -> Markup:
    """The nodes one after the other."""
    return Markup("".join(_flat(nodes)))


def element(tag: str, *children: Node, **attributes: Attribute) -> Markup:
    """An element. Of the attributes' names a last underscore goes, others become hyphens: class_, aria_label.

    An attribute that is None or False is left out; True stands without a value; numbers are written in full.
    """
    opening = f"<{tag}{''.join(_attribute(name, value) for name, value in attributes.items())}>"
    if tag in _VOID:
        return Markup(opening)
    return Markup(f"{opening}{''.join(_flat(children))}</{tag}>")


def _flat(nodes: Iterable[Node]) -> Iterable[str]:
    for node in nodes:
        if isinstance(node, Markup):
            yield node
        elif isinstance(node, str):
            yield escape(node)
        elif node is not None:
            yield from _flat(node)


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = name.removesuffix("_").replace("_", "-")
    if value is True:
        return f" {name}"
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return f' {name}="{escape(text)}"'


def json_for_script(content: Any) -> Markup:
    """JSON that can stand in a script element: ASCII alone (U+2028 ends no line), and no tag or comment in it."""
    text = json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
