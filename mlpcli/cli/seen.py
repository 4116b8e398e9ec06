"""What a network saw: drawn in the terminal, or on a sheet beside the originals."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from mlpcli.cli import output
from mlpcli.cli.answers import in_words
from mlpcli.cli.drawing import drawing, side_by_side
from mlpcli.errors import MlpError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image

    from mlpcli.model import Model
    from mlpcli.pages import Page
    from mlpcli.predicting import Answer

_OPTION = "--save-seen"


def drawn(answer: Answer, model: Model) -> list[str]:
    """The picture of an answer, where it is one in a file, and beside it what the network saw, as lines of text.

    Below it where the terminal is too narrow for both.
    """
    import numpy as np

    seen = _seen(answer, model)
    columns = shutil.get_terminal_size().columns
    widest = max(1, min(32, columns // 2))
    drawings = [drawing(seen.mean(axis=2) if seen.ndim == 3 else seen, widest)]
    original = None if answer.row is not None else _original(answer.file)
    if original is not None:
        drawings.insert(0, drawing(np.asarray(original.convert("L"), np.float64) / 255, widest))
    beside = side_by_side(drawings)
    if max(map(len, beside), default=0) <= columns:
        return beside
    above, below = drawings
    return [*above, "", *below]


class SeenSheet:
    """Collects pictures and what a network saw of them, for one PNG."""

    def __init__(self, path: str, force: bool, model: Model, sources: tuple[str, ...]) -> None:
        """Check that `path` can be written, and is none of the `sources`: UsageError, CannotWriteError."""
        from mlpcli.pictures.contact_sheet import Pair
        from mlpcli.pictures.png import check_is_no_source, check_picture_target

        check_is_no_source(path, sources, _OPTION)
        check_picture_target(path, "contact sheet", force, _OPTION)
        self._path, self._model = path, model
        self._pairs: list[Pair] = []
        self._left_out = 0

    def add(self, answer: Answer, name: str) -> None:
        """Take in a picture, or a row of an array, called `name`."""
        from mlpcli.pictures.png import check_is_no_source

        check_is_no_source(self._path, [answer.file], _OPTION)
        if self._is_full():
            return
        where = name if answer.row is None else f"{name}:{answer.row}"
        self._take(None if answer.row is not None else _original(answer.file), answer, where)

    def add_page(self, page: Page, name: str) -> None:
        """Take in the characters of a page, called `name`."""
        original = None
        for number, character in enumerate(page.characters, 1):
            if not self._is_full():
                original = original or _original(page.file, longest=_WHOLE)
                cut = None if original is None else original.crop(character.box)
                self._take(cut, character.answer, f"{name} {number}")

    def _is_full(self) -> bool:
        from mlpcli.pictures.contact_sheet import MOST

        self._left_out += len(self._pairs) == MOST
        return len(self._pairs) == MOST

    def _take(self, original: Image.Image | None, answer: Answer, name: str) -> None:
        from mlpcli.pictures.contact_sheet import Pair

        self._pairs.append(Pair(original, _seen(answer, self._model), ("".join(in_words(answer, top=2)), name)))

    def write(self) -> None:
        """Write the sheet, if anything is on it. CannotWriteError."""
        from mlpcli.pictures.contact_sheet import contact_sheet
        from mlpcli.pictures.png import write_picture

        if self._left_out:
            output.note(f"{self._path}: the first {len(self._pairs)} pictures; {self._left_out:,} more are left out")
        if self._pairs:
            write_picture(self._path, contact_sheet(self._pairs), "contact sheet")


def _seen(answer: Answer, model: Model) -> npt.NDArray[np.float64]:
    from mlpcli.datasets.pictures import PictureInput

    return PictureInput.from_json(model.input).as_picture(model.upright(answer.seen[None])[0])


_WHOLE = 2**16  # pixels: more than any picture that is read has


def _original(path: str, longest: int = 512) -> Image.Image | None:
    """The picture in a file, small, or None where it can no longer be read."""
    from mlpcli.datasets import images

    try:
        with images.quiet():
            picture = images.read_colour(path, longest)
    except MlpError:
        return None
    if longest < _WHOLE:
        picture.thumbnail((longest, longest))
    return picture
