"""A photographed page, read: its characters found, and what a network says of each."""

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mlpcli.datasets.images import Grey, quiet
from mlpcli.datasets.page import find_characters
from mlpcli.datasets.pictures import PictureInput
from mlpcli.errors import MlpError, UsageError
from mlpcli.model import Model
from mlpcli.predicting import ClassAnswer, Limits, answers

UNREAD = "?"  # stands for a character that is rejected


@dataclass(frozen=True)
class ReadCharacter:
    """A character on a page.

    box: (left, top, right, bottom) in pixels of the upright picture. line: its number, from 0. after_space: whether
    there is a space before it. answer: what the network says.
    """

    box: tuple[int, int, int, int]
    line: int
    after_space: bool
    answer: ClassAnswer

    @property
    def text(self) -> str:
        """The name of its class, UNREAD where it is rejected."""
        return self.answer.label if self.answer.label is not None else UNREAD


@dataclass(frozen=True)
class Page:
    """What a page says. characters: in reading order."""

    file: str
    characters: tuple[ReadCharacter, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """The text, line by line. Classes whose names are words are set apart by spaces."""
        are_words = any(len(name) > 1 for name in self.characters[0].answer.names) if self.characters else False
        return tuple(
            "".join((" " if i and (are_words or each.after_space) else "") + each.text for i, each in enumerate(line))
            for line in (list(some) for _, some in groupby(self.characters, lambda each: each.line))
        )

    @property
    def text(self) -> str:
        """Its lines, in one string."""
        return "\n".join(self.lines)


def check_reads_pages(model: Model, name: str = "the network") -> None:
    """UsageError unless the network tells characters apart, which can be found on a page."""
    if model.input["kind"] != "image" or PictureInput.from_json(model.input).frame is None:
        raise UsageError(
            f"{name}: trained on {model.meta['data']['name']}, which is no set of characters that stand on a page; "
            "use a network of characters, such as one of mnist"
        )
    if model.task != "classification":
        raise UsageError(f"{name}: does not choose between classes ({model.task}); a page takes one that does")


def read_page(model: Model, path: str | Path, reject: float = 0.0, strange_above: float | None = 1.0) -> Page:
    """The characters on a photographed page, in reading order.

    reject, strange_above: see Limits. Raises UsageError where there is no such file and for a network that is not one
    of characters, DamagedFileError for a file that is no picture, and where no characters stand out.
    """
    check_reads_pages(model)
    limits = Limits(reject, strange_above)
    takes = PictureInput.from_json(model.input)
    assert takes.frame is not None

    def confidence(seen: Grey) -> npt.NDArray[np.floating]:
        return np.asarray(model.predict_proba(seen.reshape(len(seen), -1) * takes.maximum).max(axis=1))

    with quiet():
        found = find_characters(path, (takes.shape[0], takes.shape[1]), takes.frame, confidence)
    X = np.stack([character.seen.reshape(-1) for character in found]) * takes.maximum
    try:
        said = answers(model, X, [str(path)] * len(found), [None] * len(found), limits)
    except MlpError as error:
        raise type(error)(f"{path}: {error}") from None
    return Page(
        str(path),
        tuple(
            ReadCharacter(character.box, character.line, character.after_space, answer)
            for character, answer in zip(found, said, strict=True)
            if isinstance(answer, ClassAnswer)
        ),
    )
