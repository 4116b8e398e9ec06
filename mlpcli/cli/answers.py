"""Answers of a network as text, CSV, JSON and JSON lines, written as they come."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from mlpcli.cli import output

if TYPE_CHECKING:
    from mlpcli.model import Model
    from mlpcli.predicting import Answer, ClassAnswer

FORMATS = ("text", "csv", "json", "jsonl")
UNREADABLE = "!"  # in place of an answer, where answers stand alone


class Writer(Protocol):
    """Writes answers to standard output."""

    def show(self, answers: Sequence[Answer]) -> None:
        """Write some answers, after those before."""

    def fail(self) -> None:
        """Keep the place of a file that has no answer, where nothing but the place tells which answer is whose."""

    def finish(self) -> None:
        """Write what is still to be written."""


def writer(form: str, model: Model, top: int | None, all_probabilities: bool, quiet: bool) -> Writer:
    """For answers of `model` in one of FORMATS.

    top: how many classes are told of an answer, three if None, but in CSV only the likeliest. all_probabilities: tell
    those of all classes. quiet: as text, the answer alone.
    """
    if form == "csv":
        return _CsvWriter(model, top or 1, all_probabilities)
    if form == "text":
        return _TextWriter(len(model.classes) if all_probabilities else top or 3, quiet)
    return (_JsonWriter if form == "json" else _JsonLinesWriter)(top or 3, all_probabilities)


# Text


class _TextWriter:
    def __init__(self, top: int, quiet: bool) -> None:
        self._top, self._quiet = top, quiet

    def show(self, answers: Sequence[Answer]) -> None:
        output.lines(line(answer, self._top, self._quiet) for answer in answers)

    def fail(self) -> None:
        if self._quiet:
            output.line(UNREADABLE)

    def finish(self) -> None:
        pass


def line(answer: Answer, top: int, quiet: bool = False) -> str:
    """An answer as a line of text; `quiet`: without the file and details."""
    said, details = in_words(answer, top)
    if quiet:
        rejected = getattr(answer, "rejected", None)
        return rejected or said
    row = "" if answer.row is None else f":{answer.row}"
    return f"{answer.file}{row}: {said}{details}"


def in_words(answer: Answer, top: int) -> tuple[str, str]:
    """The answer, and what there is to say about it."""
    from mlpcli.predicting import ClassAnswer, LabelsAnswer, QuantitiesAnswer

    if isinstance(answer, QuantitiesAnswer):
        if len(answer.names) == 1:
            return f"{answer.values[0]:.6g}", ""
        values = zip(answer.names, answer.values, strict=True)
        return ", ".join(f"{name} {value:.6g}" for name, value in values), ""
    if isinstance(answer, LabelsAnswer):
        likely = _listed(zip(answer.names, answer.probabilities, strict=True))
        return ", ".join(answer.labels) or "(none)", f"  ({likely})"
    assert isinstance(answer, ClassAnswer)
    likeliest = answer.top(top)
    if answer.rejected == "strange":
        return "unlike anything in training", f"  (nearest {_listed(likeliest)}; strangeness {answer.strangeness:.2f})"
    if answer.rejected == "unsure":
        return "unsure", f"  ({_listed(likeliest)})"
    others = f"  (then {_listed(likeliest[1:])})" if likeliest[1:] else ""
    return answer.nearest, f"  {answer.probability:.1%}{others}"


def _listed(likely: Iterable[tuple[str, float]]) -> str:
    return ", ".join(f"{name} {p:.1%}" for name, p in likely)


# JSON


class _JsonWriter:
    """One document, a list, whose items are written as they come."""

    def __init__(self, top: int, all_probabilities: bool) -> None:
        self._top, self._all, self._list = top, all_probabilities, JsonList()

    def show(self, answers: Sequence[Answer]) -> None:
        self._list.extend(as_json(answer, self._top, self._all) for answer in answers)

    def fail(self) -> None:
        pass

    def finish(self) -> None:
        self._list.finish()


class _JsonLinesWriter:
    def __init__(self, top: int, all_probabilities: bool) -> None:
        self._top, self._all = top, all_probabilities

    def show(self, answers: Sequence[Answer]) -> None:
        output.json_lines(output.json_text(as_json(answer, self._top, self._all)) for answer in answers)

    def fail(self) -> None:
        pass

    def finish(self) -> None:
        pass


class JsonList:
    """A JSON document that is a list, written to standard output item by item, in the form of `output.document`."""

    def __init__(self) -> None:
        self._last: str | None = None  # a comma goes behind it, or not

    def extend(self, items: Iterable[Any]) -> None:
        """Write more items."""
        texts = []
        for item in items:
            texts.append("[" if self._last is None else f"{self._last},")
            self._last = "\n".join(f"  {line}" for line in output.json_text(item, indent=2).split("\n"))
        output.json_lines(texts)

    def finish(self) -> None:
        """Write the end."""
        output.json_lines(["[]"] if self._last is None else [self._last, "]"])


def as_json(answer: Answer, top: int, all_probabilities: bool = False) -> dict[str, Any]:
    """An answer as JSON takes it."""
    from mlpcli.predicting import ClassAnswer, LabelsAnswer, QuantitiesAnswer

    found: dict[str, Any] = {"file": answer.file}
    if answer.row is not None:
        found["row"] = answer.row
    if isinstance(answer, QuantitiesAnswer):
        if len(answer.names) == 1:
            return found | {"value": float(answer.values[0])}
        return found | {"values": _by_name(answer.names, answer.values)}
    if isinstance(answer, LabelsAnswer):
        return found | {"labels": answer.labels, "probabilities": _by_name(answer.names, answer.probabilities)}
    assert isinstance(answer, ClassAnswer)
    likeliest = [{"label": label, "probability": probability} for label, probability in answer.top(top)]
    found |= {**class_fields(answer), "top": likeliest}
    if all_probabilities:
        found["probabilities"] = _by_name(answer.names, answer.probabilities)
    return found


def class_fields(answer: ClassAnswer) -> dict[str, Any]:
    """What every format tells of a class: its fields by name."""
    return {
        "label": answer.label,
        "nearest": answer.nearest,
        "probability": answer.probability,
        "strangeness": answer.strangeness,
        "rejected": answer.rejected,
    }


def _by_name(names: Sequence[str], values: Iterable[float]) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, values, strict=True)}


# CSV


class _CsvWriter:
    """A header, and a row for each answer: the columns depend on the network and the options alone."""

    def __init__(self, model: Model, top: int, all_probabilities: bool) -> None:
        self._top, self._all = min(top, len(model.classes)), all_probabilities
        columns = ["file", "row"]
        if model.task == "regression":
            columns += model.classes
        elif model.task == "multi-label":
            columns += ["labels", *(f"p_{name}" for name in model.classes)]
        else:
            columns += CLASS_COLUMNS
            for place in range(2, self._top + 1):
                columns += [f"label_{place}", f"probability_{place}"]
            if all_probabilities:
                columns += [f"p_{name}" for name in model.classes]
        output.csv_rows([csv_row(columns)])

    def show(self, answers: Sequence[Answer]) -> None:
        output.csv_rows(csv_row([safe_name(answer.file), answer.row, *self._cells(answer)]) for answer in answers)

    def fail(self) -> None:
        pass

    def finish(self) -> None:
        pass

    def _cells(self, answer: Answer) -> list[Any]:
        from mlpcli.predicting import ClassAnswer, LabelsAnswer, QuantitiesAnswer

        if isinstance(answer, QuantitiesAnswer):
            return [float(value) for value in answer.values]
        if isinstance(answer, LabelsAnswer):
            return [";".join(answer.labels), *map(float, answer.probabilities)]
        assert isinstance(answer, ClassAnswer)
        cells = list(class_fields(answer).values())
        for each in answer.top(self._top)[1:]:
            cells += each
        return cells + ([float(p) for p in answer.probabilities] if self._all else [])


CLASS_COLUMNS = ["label", "nearest", "probability", "strangeness", "rejected"]
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet may take a cell for


def csv_row(cells: Iterable[Any]) -> str:
    """A row as RFC 4180 has it, without its end: quoted where it must be, None empty.

    A text that a spreadsheet would run as a formula gets an apostrophe before it.
    """
    text = io.StringIO()
    # With an empty end, Python up to 3.12 would not quote line ends in cells.
    csv.writer(text, lineterminator="\n").writerow(
        [_defused(cell) if isinstance(cell, str) else cell for cell in cells]
    )
    return text.getvalue().removesuffix("\n")


def safe_name(file: str) -> str:
    """The name of a file, by which it can still be opened, but no spreadsheet takes for a formula.

    One with control characters, or bytes that are no text, is written as shells have it, $'a\\x1b.png'; a line end
    stays, for CSV to quote.
    """
    if not all(c.isprintable() or c == "\n" for c in file):
        return f"$'{''.join(map(_escaped, file))}'"
    return f"./{file}" if file.startswith((*_FORMULA, "$'")) and file != "-" else file


def _escaped(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    if character.isprintable():
        return character
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(character))


def _defused(text: str) -> str:
    if not text.startswith(_FORMULA) or text == "-":
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text
