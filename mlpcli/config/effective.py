"""What a run would take for each setting, and where that comes from."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mlpcli.config.checks import AUGMENTATION, unused
from mlpcli.config.resolving import FROM_DATA, DataFacts
from mlpcli.config.settings import DATA_SETTINGS, GROUPS, Settings
from mlpcli.config.toml_text import toml_text, toml_value

DEFAULT, CHOSEN, COMMAND_LINE = "default", "chosen from the data", "command line"
IDLE = "has no part in this run"
_WIDTH = 100  # of comments
_VALUE_WIDTH = 34  # columns up to the comments, where a line is not longer


class Effective(NamedTuple):
    """A setting and its value, None where it is left open or off; where it comes from; by which rule; what it is."""

    name: str
    value: Any
    source: str
    rule: str
    group: str
    help: str


def effective(
    settings: Settings, sources: Mapping[str, str], facts: DataFacts | None, is_named: bool
) -> list[Effective]:
    """Every setting of a run with these, resolved for data of which these are the facts, or left open without.

    sources: where the settings that were given come from, by name. is_named: the data is a named set.
    UsageError where settings and data do not fit.
    """
    resolved = settings if facts is None else settings.resolve(**facts._asdict())
    if settings.time_budget is not None and settings.epochs is None:
        resolved = dataclasses.replace(resolved, epochs=None)  # known when the run begins
    idle = {name for name, _, _ in unused(vars(resolved))} | _idle_for_data(resolved, facts, is_named)
    found = []
    for f in dataclasses.fields(Settings):
        value, rule = getattr(resolved, f.name), f.metadata["auto"] or ""
        source = sources.get(f.name) or (CHOSEN if f.name in FROM_DATA else DEFAULT)
        if f.name in idle:
            value, source = None, IDLE
        if f.name in sources or f.name in idle or rule == str(value):
            rule = ""
        found.append(Effective(f.name, value, source, rule, f.metadata["group"], f.metadata["help"]))
    return found


def _idle_for_data(s: Settings, facts: DataFacts | None, is_named: bool) -> set[str]:
    """Settings that have no part in a run on such data."""
    idle = set(DATA_SETTINGS) if is_named else set()
    if facts is None:
        return idle
    if facts.kind != "image":
        idle |= {*AUGMENTATION, "elastic_sigma"}
    if facts.task == "regression":
        idle |= {"class_weights", "label_smoothing", "teacher"}
    if facts.task == "multi-label":
        idle |= {"class_weights"}
    if facts.own_validation:
        idle |= {"validation"}
    if s.structure is not None and len(s.structure) == 2:
        idle |= {"activation", "dropout"}
    return idle


def as_toml(settings: Sequence[Effective], explained: bool) -> Iterator[str]:
    """The lines of a TOML file that runs the same, each with where its value comes from.

    TOML has nothing for None: what is left open is a comment, and what has no part comes last. explained: with what
    each setting is.
    """
    yield '# All settings of a run; "mlp train --config FILE" runs them.'
    for group in GROUPS:
        there = [one for one in settings if one.group == group and one.source != IDLE]
        if there:
            yield ""
            yield f"# {group}"
        for one in there:
            if explained:
                yield from _comment(one.help)
            set_to = f"{one.name} = {toml_value(one.value)}" if one.value is not None else f"# {one.name} ="
            rule = f" ({one.rule})" if one.rule else ""
            is_file = one.source not in (DEFAULT, CHOSEN, COMMAND_LINE)
            yield f"{set_to:<{_VALUE_WIDTH}}  # {'from ' if is_file else ''}{toml_text(one.source)}{rule}"
    idle = [one.name for one in settings if one.source == IDLE]
    if idle:
        yield ""
        yield from _comment(f"Without a part in this run: {', '.join(idle)}")


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_long_words=False)
