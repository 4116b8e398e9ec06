"""What a check comes to."""

from typing import Literal, NamedTuple

Verdict = Literal["good", "doubtful", "bad"]


class Finding(NamedTuple):
    """One check in plain words.

    check: its short name. found: the figure. meaning: what the figure says. advice: what to do; empty where all is
    good. Texts are of one line each.
    """

    check: str
    verdict: Verdict
    found: str
    meaning: str
    advice: str = ""


def troubles(findings: list[Finding]) -> list[Finding]:
    """Those that are not good, the bad ones first."""
    order: tuple[Verdict, ...] = ("bad", "doubtful")
    return [one for verdict in order for one in findings if one.verdict == verdict]
