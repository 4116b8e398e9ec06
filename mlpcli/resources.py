"""Where the embedded digits and the named configurations are: inside an installed package, else in the checkout."""

from pathlib import Path

from mlpcli.errors import MlpError

_PACKAGE = Path(__file__).parent
_PLACES = {
    "digits": (_PACKAGE / "embedded" / "digits", _PACKAGE.parent / "data" / "digits"),
    "configs": (_PACKAGE / "embedded" / "configs", _PACKAGE.parent / "configs"),
}


def resource_folder(name: str) -> Path:
    """The folder of an embedded resource, "digits" or "configs". MlpError where the installation lacks it."""
    for place in _PLACES[name]:
        if place.is_dir():
            return place
    raise MlpError(f"{_PLACES[name][0]}: the installation is incomplete; install mlpcli again")
