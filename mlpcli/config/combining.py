"""Settings from a file and from the command line, which wins."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from mlpcli.config.checks import unused
from mlpcli.config.settings import Settings


def combine(base: Mapping[str, Any], given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """`base` with what is `given` in its place, both settings by name; and the names of `base` that are left out.

    A file says all about its own choice: the betas of adamw. Where another optimizer is given instead, these have
    nothing to say any more and must not stand in its way; so with every choice that others belong to.
    """
    defaults = {f.name: f.default for f in dataclasses.fields(Settings)}
    values, changed = {**base, **given}, set(given)
    left_out: list[str] = []
    while True:
        idle = {
            name
            for name, choice, _ in unused({**defaults, **values})
            if choice in changed and name not in given and values.get(name, defaults[name]) != defaults[name]
        }
        if not idle:
            return values, left_out
        for name in sorted(idle):
            del values[name]
        left_out += sorted(idle)
        changed |= idle  # which may have been a choice itself
