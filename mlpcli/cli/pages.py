"""mlp predict --page: what is written on photographed pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlpcli.cli import output
from mlpcli.cli.answers import CLASS_COLUMNS, UNREADABLE, JsonList, class_fields, csv_row, safe_name
from mlpcli.errors import MlpError, UsageError

if TYPE_CHECKING:
    from mlpcli.cli.predict import Sources
    from mlpcli.cli.seen import SeenSheet
    from mlpcli.model import Model
    from mlpcli.pages import Page
    from mlpcli.predicting import Limits

_COLUMNS = ["file", "line", "left", "top", "right", "bottom", "after_space", *CLASS_COLUMNS]


def read_pages(
    model: Model,
    sources: Sources,
    limits: Limits,
    form: str,
    quiet: bool,
    annotate: str | None,
    force: bool,
    sheet: SeenSheet | None,
) -> None:
    """Read the pages and print them in a format; a page that cannot be read does not keep the others back.

    annotate: where to draw what was read, of one page. Raises UsageError, CannotWriteError.
    """
    from mlpcli.datasets.images import quiet as quiet_pillow
    from mlpcli.datasets.pictures import PictureInput
    from mlpcli.pages import check_reads_pages, read_page

    check_reads_pages(model, "--page")
    names = list(sources.names())
    if annotate is not None:
        _check_annotated(annotate, names, force)
    show = _Shower(form, with_headings=len(names) > 1 and not quiet)
    for name in names:
        try:
            page = read_page(model, name, limits.reject, limits.strange_above)
        except MlpError as error:
            sources.fail(error)
            if form == "text" and quiet:
                output.line(UNREADABLE)
            continue
        with quiet_pillow():
            remark = PictureInput.remark(name)
        if remark is not None:
            sources.remark(name, remark)
        show(page, sources.named(name))
        if sheet is not None:
            sheet.add_page(page, sources.named(Path(name).name))
        if annotate is not None:
            _annotate(annotate, page)
    show.finish()


def _check_annotated(path: str, names: list[str], force: bool) -> None:
    from mlpcli.pictures.png import check_is_no_source, check_picture_target

    if len(names) > 1:
        raise UsageError(f"--annotate: draws one page, {len(names)} are given; give them one by one")
    check_is_no_source(path, names, "--annotate")
    check_picture_target(path, "annotated page", force, "--annotate")


def _annotate(path: str, page: Page) -> None:
    from mlpcli.datasets import images
    from mlpcli.pictures.annotated_page import Mark, annotated
    from mlpcli.pictures.png import write_picture

    with images.quiet():
        picture = images.read_colour(page.file, longest=2**16)
    marks = [Mark(each.box, each.text, each.answer.rejected is None) for each in page.characters]
    write_picture(path, annotated(picture, marks), "annotated page")


class _Shower:
    """Prints pages as they come."""

    def __init__(self, form: str, with_headings: bool) -> None:
        self._form, self._with_headings, self._list, self._count = form, with_headings, JsonList(), 0
        if form == "csv":
            output.csv_rows([csv_row(_COLUMNS)])

    def __call__(self, page: Page, name: str) -> None:
        if self._form == "csv":
            output.csv_rows(csv_row(cells) for cells in _rows(page, name))
        elif self._form == "json":
            self._list.extend([_as_json(page, name)])
        elif self._form == "jsonl":
            output.json_lines([output.json_text(_as_json(page, name))])
        else:
            heading = ["" if self._count else None, f"==> {name} <=="] if self._with_headings else []
            output.lines([text for text in (*heading, *page.lines) if text is not None])
        self._count += 1

    def finish(self) -> None:
        if self._form == "json":
            self._list.finish()


def _rows(page: Page, name: str) -> list[list[Any]]:
    return [
        [safe_name(name), each.line, *each.box, int(each.after_space), *class_fields(each.answer).values()]
        for each in page.characters
    ]


def _as_json(page: Page, name: str) -> dict[str, Any]:
    characters = [
        {"box": list(each.box), "line": each.line, "after_space": each.after_space, **class_fields(each.answer)}
        for each in page.characters
    ]
    return {"file": name, "text": page.text, "characters": characters}
