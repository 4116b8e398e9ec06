"""Values as TOML writes them."""

from typing import Any

from mlpcli.errors import UsageError


def toml_value(value: Any) -> str:
    """A text, number, truth value, list (or tuple) or table as TOML 1.0, in one line.

    UsageError for a text with half a character in it, such as a file name that is no UTF-8.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{toml_text(value)}"'
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{toml_value(key)} = {toml_value(each)}' for key, each in value.items())} }}"
    return repr(value)  # Python's numbers are TOML's


def toml_text(text: str) -> str:
    """A text as it stands between quotation marks; nothing that a terminal could obey is left as it is."""
    return "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    code = ord(character)
    if 0xD800 <= code < 0xE000:
        raise UsageError(f"{character!r} in a setting: TOML has no name for half a character; rename the file")
    return f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"
