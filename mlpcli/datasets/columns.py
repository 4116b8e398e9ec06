"""Columns of a table by name and by number, as files and users write them."""

import difflib
import re
from collections.abc import Collection, Sequence
from pathlib import Path

from mlpcli.errors import UsageError

_LONG = 64  # characters of a name, and
_MANY = 2000  # names, beyond which no near name is searched for: the search is slow


def shown(text: str) -> str:
    """Text of the file as messages show it: on one line, in quotes, at most 40 characters of it."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def listed(items: Sequence[str], limit: int = 5) -> str:
    """'a, b and 3 more': at most `limit` items in full."""
    rest = len(items) - limit
    return ", ".join(items[:limit]) + (f" and {rest:,} more" if rest > 0 else "")


def nearest(name: str, names: Sequence[str]) -> str:
    """The names most like `name`, as ' (did you mean ...?)', or nothing."""
    if len(name) > _LONG:
        return ""
    lower = {each.casefold(): each for each in names[:_MANY] if len(each) <= _LONG}
    near = difflib.get_close_matches(name.casefold(), list(lower), n=3)
    return f" (did you mean {' or '.join(shown(lower[each]) for each in near)}?)" if near else ""


def unique_names(cells: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(names, notes): the cells of a header as names, each on one line, none empty, no two the same."""
    names: dict[str, None] = {}  # a set that keeps the order
    last: dict[str, int] = {}  # the number last given to each name that occurs more than once
    empty, repeated = [], []
    for number, cell in enumerate(cells, 1):
        base = name = " ".join("".join(c if c.isprintable() else " " for c in cell).split()) or f"column {number}"
        while name in names:
            last[base] = last.get(base, 1) + 1
            name = f"{base} ({last[base]})"
        names[name] = None
        if not cell.strip():
            empty.append(shown(name))
        elif name != base:
            repeated.append(shown(name))
    notes = []
    if empty:
        notes.append(f"columns without a name are called {listed(empty)}")
    if repeated:
        notes.append(f"names that stand twice in the header are told apart as {listed(repeated)}")
    return tuple(names), tuple(notes)


def resolve_columns(
    names: Sequence[str], spec: str | int | Collection[str | int], path: str | Path | None = None
) -> list[int]:
    """Positions, from 0 on and each once, of the columns that a user means by `spec`.

    A column is given by its name (as it is, else in any case), or by its number, 1 for the first and -1 for the
    last; a text that is both means the name. A text may list several with commas, unless it is itself a name. An
    int is always a number. `path`: the table's, for the message.

    Raises UsageError for a column that is not there (with the nearest names), 0, or a name that fits two.
    """
    index = {name: position for position, name in reversed(list(enumerate(names)))}
    parts: list[str | int] = []
    for part in [spec] if isinstance(spec, str | int) else spec:
        if isinstance(part, int) or part in index:
            parts.append(part)
        else:
            parts.extend(piece.strip() for piece in part.split(","))
    prefix = f"{path}: " if path is not None else ""
    return list(dict.fromkeys(_position(names, index, part, prefix) for part in parts))


def _position(names: Sequence[str], index: dict[str, int], part: str | int, prefix: str) -> int:
    if isinstance(part, str):
        if part in index:
            return index[part]
        alike = [position for position, name in enumerate(names) if name.casefold() == part.casefold()]
        if len(alike) == 1:
            return alike[0]
        if alike:
            both = " and ".join(shown(names[position]) for position in alike[:2])
            raise UsageError(f"{prefix}column {shown(part)} may be {both}; write it as the header does")
        if not re.fullmatch("[+-]?[0-9]{1,9}", part):
            what = f"no column {shown(part)}{nearest(part, names)}" if part else "a column without a name is asked for"
            raise UsageError(f"{prefix}{what}; the columns are {listed([shown(name) for name in names], 8)}")
    number = int(part)
    if number == 0:
        raise UsageError(f"{prefix}there is no column 0; 1 is the first, -1 the last")
    if abs(number) > len(names):
        raise UsageError(f"{prefix}no column {number}; give a number from 1 to {len(names)}, or -1 for the last")
    return number - 1 if number > 0 else len(names) + number
