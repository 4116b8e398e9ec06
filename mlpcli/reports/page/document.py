"""The page as a whole: its parts in order, its style and script, and the policy that lets nothing else in."""

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import mlpcli
from mlpcli.reports.page.markup import Markup, Node, element, json_for_script

GENERATOR = "mlpcli report"  # by which a report is known again


Section = tuple[str, str, Markup]  # its id, how the contents call it, and itself


def document(title: str, head: Node, sections: Sequence[Section], gallery: dict[str, Any] | None) -> str:
    """The HTML file. gallery: what opens, see gallery.py.

    Its policy allows pictures that stand in it, its own style and its own script, told by their SHA-256: no address is
    ever looked up, and nothing that slipped into the page as text could run.
    """
    style, script = _own("style.css"), _own("script.js")
    policy = "; ".join(
        (
            "default-src 'none'",
            "img-src data:",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    contents = [element("li", element("a", heading, href=f"#{name}")) for name, heading, _ in sections]
    written = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    body = element(
        "div",
        head,
        element("nav", element("ul", contents), aria_label="Contents"),
        element("main", [content for _, _, content in sections], id="content"),
        element("footer", element("p", f"Written by mlpcli {mlpcli.__version__}, {written}.")),
        class_="page",
    )
    page = element(
        "html",
        element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", name="generator", content=f"{GENERATOR} {mlpcli.__version__}"),
            element("meta", http_equiv="Content-Security-Policy", content=policy),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("meta", name="color-scheme", content="light dark"),
            element("title", title),
            element("style", style),
        ),
        element(
            "body",
            element("a", "Skip to the results", href="#content", class_="skip"),
            body,
            _dialog(gallery),
            element("script", script),
        ),
        lang="en",
    )
    return f"<!doctype html>\n{page}\n"


def _own(name: str) -> Markup:
    """A file that comes with this package; it stands in the page as it is."""
    return Markup(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _dialog(gallery: dict[str, Any] | None) -> Node:
    if gallery is None:
        return None
    heading = element("div", element("h2", id="gallery-title"), element("p", id="gallery-note"))
    close = element("button", "Close", id="close", type="button", autofocus=True)
    return (
        element(
            "dialog",
            element("div", heading, close, class_="head"),
            element("div", id="examples", tabindex=0, role="group", aria_label="Examples"),
            id="gallery",
            aria_labelledby="gallery-title",
            aria_describedby="gallery-note",
        ),
        element("script", json_for_script(gallery), type="application/json", id="gallery-data"),
    )
