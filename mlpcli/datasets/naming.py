"""What the names of files and arrays say: their kind, and which hold examples and which labels, of which part.

X and y, x_train and y_test, images and labels, train-images-idx3-ubyte.gz, iris_X.npy: a name is split into
words; one of them is the role, one may be the part, and the rest is the family that its partner shares.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal[".npy", ".npz", "IDX"]

TRAIN, VALIDATION, TEST = "train", "validation", "test"
_PARTS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation"), VALIDATION),
    **dict.fromkeys(("test", "testing", "t10k"), TEST),
}
# The words for a role, the strongest first: data_y holds labels, and data is its family.
_ROLES = (
    {"x": "X", "y": "y"},
    {"images": "X", "labels": "y", "label": "y", "target": "y", "targets": "y"},
    {"data": "X", "features": "X"},
)
TABLE_ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
_SYSTEM_FILES = ("thumbs.db", "desktop.ini", "__macosx")
_GLUED = re.compile(rf"([xy])({'|'.join(_PARTS)})|({'|'.join(_PARTS)})([xy])")  # Xtrain, testY
_IDX = re.compile(r"(?:^|[-._])idx[1-8]?(?:[-._](?:u?byte|short|int|float|double))?$|[-._]ubyte$")
_IDX_BARE = re.compile(r"(?:.*[-_])?(?:images|labels)")


class Place(NamedTuple):
    """part: TRAIN, VALIDATION, TEST, or "" where the name does not say. role: "X" or "y"."""

    family: str
    part: str
    role: str


def kind_of(name: str) -> Kind | None:
    """The kind of array file that has such a name; None for any other file, and for hidden ones."""
    lower = name.lower()
    if lower.startswith("."):
        return None
    if lower.endswith(".npy"):
        return ".npy"
    if lower.endswith(".npz"):
        return ".npz"
    stem = lower.removesuffix(".gz")
    return "IDX" if _IDX.search(stem) or _IDX_BARE.fullmatch(stem) else None


def is_picture(name: str) -> bool:
    """Whether a file is taken for a picture, and not for rows of numbers."""
    return kind_of(name) is None and not name.lower().endswith(TABLE_ENDINGS)


def is_hidden(name: str) -> bool:
    """Whether a file or folder is passed over: hidden, or put there by the system itself."""
    return name.startswith(".") or name.lower() in _SYSTEM_FILES


def place_of(name: str) -> Place | None:
    """What the name of an array, or of an array file, says of it; None where that is not clear."""
    words = _words(name)
    if len(words) == 1 and (glued := _GLUED.fullmatch(words[0])):
        words = [word for word in glued.groups() if word]
    parts = [word for word in words if word in _PARTS]
    roles: list[str] = []
    for known in _ROLES:
        roles = roles or [word for word in words if word in known]
    if len(roles) != 1 or len(parts) > 1:
        return None
    family = " ".join(word for word in words if word not in (*parts, *roles))
    role = next(known[roles[0]] for known in _ROLES if roles[0] in known)
    return Place(family, _PARTS[parts[0]] if parts else "", role)


def _words(name: str) -> list[str]:
    stem = name.lower().removesuffix(".gz").removesuffix(".npy")
    return re.split(r"[\W_]+", _IDX.sub("", stem))


def counterparts(name: str, names: Iterable[str]) -> dict[str, str]:
    """The arrays of VALIDATION and TEST that are called like this one, by part: w_test for w_train, or for w.

    Only where exactly one is.
    """

    def family(words: list[str]) -> list[str]:
        return [word for word in words if word not in _PARTS]

    found: dict[str, list[str]] = {VALIDATION: [], TEST: []}
    for other in names:
        words = _words(other)
        parts = [_PARTS[word] for word in words if word in _PARTS]
        if other != name and len(parts) == 1 and parts[0] in found and family(words) == family(_words(name)):
            found[parts[0]].append(other)
    return {part: alike[0] for part, alike in found.items() if len(alike) == 1}


@dataclass(frozen=True)
class Pairs:
    """parts: (name of X, name of y) of TRAIN and of what else there is. unused: the names left over."""

    parts: Mapping[str, tuple[str, str]]
    unused: tuple[str, ...]


def pair_up(names: Iterable[str], named: str | None = None) -> Pairs | None:
    """Which of these names belong together; with `named`, those that belong to this array of examples.

    None where there is no pair to train on. Where a plain and a .gz file have one name, the plain one is taken.
    Raises ValueError, with the reason in words, where more than one interpretation is possible.
    """
    known = set(names)
    plain = [name for name in sorted(known) if not (name.endswith(".gz") and name.removesuffix(".gz") in known)]
    places: dict[Place, list[str]] = {}
    for name in plain:
        if place := place_of(name):
            places.setdefault(place, []).append(name)
    if named is None:
        first = [(family, part) for family, part, role in places if role == "X" and part in ("", TRAIN)]
        first = [(family, part) for family, part in first if Place(family, part, "y") in places]
    else:
        own = place_of(named)
        if own is None or own.role != "X":
            return None
        places[own] = [named]
        first = [(own.family, own.part)]
    if len(first) > 1:
        raise ValueError("more than one pair of examples and labels")
    parts = {}
    for family, own_part in first:
        uses = [(TRAIN, own_part)]
        if own_part in ("", TRAIN):
            uses += [(VALIDATION, VALIDATION), (TEST, TEST)]
        for use, part in uses:
            X, y = (places.get(Place(family, part, role), []) for role in ("X", "y"))
            if X and y:
                parts[use] = _only(X), _only(y)
    if TRAIN not in parts:
        return None
    unused = set(plain) - {name for pair in parts.values() for name in pair}
    if named is not None:  # what else is in its folder need not be its own
        unused = {name for name in unused if (place := place_of(name)) and place.family == first[0][0]}
    return Pairs(parts, tuple(sorted(unused)))


def _only(names: list[str]) -> str:
    if len(names) > 1:
        raise ValueError(f"{' and '.join(names[:2])} could both be meant")
    return names[0]
