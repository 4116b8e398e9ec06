"""What the figures share: their style and palette, text from strangers, and how one becomes the bytes of a file.

Matplotlib is imported when a figure is drawn. pyplot, which keeps figures of its own and wants a display, is imported
by `show` alone.
"""

from __future__ import annotations

import functools
import importlib.util
import io
import math
import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec

from mlpcli.errors import MlpError, UsageError
from mlpcli.files import open_regular, write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 10.0  # inches
DPI = 120  # so that a PNG is 1200 pixels wide
FORMATS = ("png", "svg", "pdf")

# The palette of Okabe and Ito ("Color universal design", 2008), told apart also by the colour-blind; yellow, which is
# pale on white, comes last.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
SIGNED = "bwr"  # blue, white, red, as in the article's figure 5: for weights, about 0

_STYLE = {
    "figure.dpi": DPI,
    "savefig.dpi": "figure",
    "font.size": 11,
    "axes.titlesize": 12,
    "figure.titlesize": 14,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "image.cmap": "gray",
    "text.parse_math": False,  # a class may be called $x$
    "text.usetex": False,
    "svg.hashsalt": "mlpcli",  # else identifiers are random
    "svg.fonttype": "path",
}
# For letters that Matplotlib's own font lacks, such as the classes of kmnist: what systems bring along.
_FALLBACK_FONTS = ("Noto Sans CJK JP", "Hiragino Sans", "Yu Gothic", "Microsoft YaHei", "Malgun Gothic", "Noto Sans")
_LETTER_WIDTH = 0.6  # of its size, about
_MARK = "mlpcli plot"  # in each file, by which it is known again
# No dates: the same figure is the same bytes.
_METADATA = {
    "png": {"Software": _MARK},
    "svg": {"Creator": _MARK, "Date": None},
    "pdf": {"Creator": _MARK, "CreationDate": None},
}
_MARK_WITHIN = 2**13  # bytes from the beginning, or from the end

_Arguments = ParamSpec("_Arguments")


def has_matplotlib() -> bool:
    """Whether figures can be drawn, without importing what draws them."""
    try:
        return importlib.util.find_spec("matplotlib") is not None
    except ValueError:  # a module without a specification
        return False


def need_matplotlib() -> None:
    """MlpError, which names the extra, where Matplotlib is not installed."""
    if not has_matplotlib():
        raise MlpError("figures need Matplotlib; install it with: pip install 'mlpcli[plot]'")


def figure_function(draw: Callable[_Arguments, Figure]) -> Callable[_Arguments, Figure]:
    """A function that draws a figure, made to draw it in the style of this module, whatever the user's own style.

    MlpError where Matplotlib is not installed.
    """

    @functools.wraps(draw)
    def in_style(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> Figure:
        need_matplotlib()
        with _style():
            figure = draw(*args, **kwargs)
            for axes in figure.axes:  # labels of ticks are made when first asked for, in the style of that moment
                axes.get_xticklabels(), axes.get_yticklabels()
        return figure

    return in_style


@contextmanager
def _style() -> Iterator[None]:
    from matplotlib import style

    fonts = {"font.family": ["DejaVu Sans", *_fallback_fonts()]}
    with style.context(["default", _STYLE, fonts]), warnings.catch_warnings():
        # A name may be in letters that no font here has, which are then drawn as boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


@functools.cache
def _fallback_fonts() -> tuple[str, ...]:
    """Those of _FALLBACK_FONTS that are installed."""
    from matplotlib import font_manager

    there = set(font_manager.get_font_names())
    return tuple(name for name in _FALLBACK_FONTS if name in there)


def turned(names: Sequence[str], room: float, size: float) -> int:
    """By how many degrees names below an axis are turned, where each has so much room, in points like their size."""
    return 90 if max(map(len, names)) * size * _LETTER_WIDTH > 0.9 * room else 0


def blank(height: float, width: float = WIDTH, layout: str | None = "constrained") -> Figure:
    """An empty figure; width and height in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, layout=layout)
    if layout is not None:
        figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12)  # inches
    return figure


def plain(text: str, most: int = 40) -> str:
    """A name as it can be drawn: control characters as their escapes, and the middle of a long one left out."""
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    if len(shown) <= most:
        return shown
    kept = max(1, most - 1)
    return f"{shown[: math.ceil(kept / 2)]}…{shown[len(shown) - kept // 2 :]}"


def distinct(names: Sequence[str], most: int = 24) -> list[str]:
    """Names as they can be drawn; those that are alike when their middle is left out get their numbers, from 0."""
    shown = [plain(name, most) for name in names]
    counts = Counter(shown)
    return [f"{name} ({i})" if counts[name] > 1 else name for i, name in enumerate(shown)]


def format_of(path: str | Path) -> str:
    """ "png", "svg" or "pdf", by the ending. UsageError for any other."""
    ending = Path(path).suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        raise UsageError(f"{path}: not a figure's ending; give a name that ends in .png, .svg or .pdf")
    return ending


def encode(figure: Figure, kind: str) -> bytes:
    """The bytes of a figure as "png", "svg" or "pdf"; the same each time."""
    buffer = io.BytesIO()
    with _style():
        figure.savefig(buffer, format=kind, metadata=_METADATA[kind])
    return buffer.getvalue()


def save(figure: Figure, path: str | Path, replace: bool = True) -> None:
    """Write a figure as PNG, SVG or PDF, by the ending of `path`, atomically.

    A file of that name is replaced if `replace`. UsageError for another ending, CannotWriteError.
    """
    write_bytes(path, encode(figure, format_of(path)), replace)


def is_figure(path: str | Path) -> bool:
    """Whether a file was written by `save`."""
    try:
        with open_regular(path, "") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            head = file.read(_MARK_WITHIN)
            file.seek(max(0, size - _MARK_WITHIN))
            tail = file.read()  # where a PDF has it
    except (UsageError, OSError):
        return False
    begins = (b"\x89PNG\r\n", b"<?xml", b"%PDF-")
    return head.startswith(begins) and (_MARK.encode() in head or _MARK.encode() in tail)


def need_display() -> None:
    """UsageError where there is nothing to show a window on."""
    named = ("DISPLAY", "WAYLAND_DISPLAY")
    if sys.platform not in ("win32", "darwin") and not any(os.environ.get(name) for name in named):
        raise UsageError("--show: there is no display here; leave it out to have the figure in a file")


def show(figure: Figure) -> None:
    """Show a figure in a window, until that is closed. UsageError where no window can be opened."""
    need_display()
    need_matplotlib()
    import matplotlib
    from matplotlib import pyplot

    try:
        with _style():
            pyplot.figure(FigureClass=lambda **_: figure)
            if matplotlib.get_backend().lower() in _WITHOUT_WINDOWS:
                raise ImportError("the display does not answer, or no toolkit such as tkinter is installed")
            pyplot.show()
    except ImportError as error:  # also what a toolkit raises that finds no display
        raise UsageError(f"--show: no window can be opened ({error}); leave it out to have it in a file") from None
    finally:
        pyplot.close("all")


_WITHOUT_WINDOWS = ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template")
