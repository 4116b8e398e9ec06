"""What there is to learn: balance, and examples that contradict each other."""

from collections.abc import Mapping
from typing import Any

from mlpcli.diagnosis.finding import Finding

_UNBALANCED = 10  # times as many examples of the largest class as of the smallest


def of_labels(described: Mapping[str, Any]) -> list[Finding]:
    """Findings from what `mlpcli.datasets.describe.describe` says of a data set."""
    found = []
    twice = described["contradictions"]
    if twice:
        found.append(
            Finding(
                "labels",
                "doubtful",
                f"{twice:,} training examples stand there again with another label",
                "no network can have both right",
                "correct the labels, or add the inputs that tell the examples apart",
            )
        )
    leaks = {part: count for part, count in described["in_training_too"].items() if count}
    if leaks:
        copies = ", ".join(f"{count:,} of {described['examples'][part]:,} in {part}" for part, count in leaks.items())
        found.append(
            Finding(
                "labels",
                "doubtful",
                f"examples that stand in the training part, too: {copies}",
                "figures on them say too much",
                "take copies out before the data is split",
            )
        )
    if "classes" not in described:
        return found
    counts = {name: parts["train"] for name, parts in described["classes"].items()}
    judge = _of_yes_or_no if described["task"] == "multi-label" else _of_classes
    balance = judge(counts, described["examples"]["train"])
    return found if found and balance.verdict == "good" else [*found, balance]


def _of_classes(counts: Mapping[str, int], total: int) -> Finding:
    least, most = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    what = f"{counts[least]:,} ({least}) to {counts[most]:,} ({most}) of {total:,} training examples in a class"
    if not counts[least]:
        meaning = f"nothing can be learnt of {least}"
        return Finding("labels", "bad", what, meaning, "add examples of it, or leave the class out")
    if counts[most] >= _UNBALANCED * counts[least]:
        meaning = f"whoever always says {most} has {counts[most] / total:.0%} right: accuracy alone tells little"
        return Finding("labels", "doubtful", what, meaning, "look at the recall of each class: mlp evaluate")
    return Finding("labels", "good", what, "no class is rare, and no two examples contradict each other")


def _of_yes_or_no(counts: Mapping[str, int], total: int) -> Finding:
    same = [name for name, count in counts.items() if count in (0, total)]
    if same:
        what = f"{', '.join(same[:5])}: the same for all {total:,} training examples"
        return Finding("labels", "bad", what, "nothing can be learnt of it", "leave the label out, or add examples")
    low, high = min(counts.values()), max(counts.values())
    what = f"each label is yes for {low:,} to {high:,} of {total:,} training examples"
    if low * _UNBALANCED < total or (total - high) * _UNBALANCED < total:
        meaning = "whoever always gives the more frequent answer is mostly right: accuracy alone tells little"
        return Finding("labels", "doubtful", what, meaning, "look at the recall of each label: mlp evaluate")
    return Finding("labels", "good", what, "no answer is rare, and no two examples contradict each other")
