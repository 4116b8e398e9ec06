"""Image files that nobody vouches for: their size, and their pixels, upright and of at most eight bits a channel."""

import contextlib
import io
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from mlpcli.errors import DamagedFileError
from mlpcli.files import read_regular

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
MAX_FILE = 64 * 2**20  # bytes
MAX_PIXELS = 50_000_000  # a large camera's; decoded as RGB that is 150 MB
WORKING_SIZE = 1280  # pixels of the longer side: enough for a small character in a large photograph, and quick

# The brand in the first box of a file of the ISO base media format, and what such a file is.
_FOREIGN = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "a HEIC picture"),
    **dict.fromkeys((b"avif", b"avis"), "an AVIF picture"),
}

Grey = npt.NDArray[np.float32]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Inside, Pillow's warnings of metadata that it cannot follow are not shown: the picture counts.

    For the whole process, as Python's warnings are; so it is put around a pool of threads, not into each.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read_image(path: str | Path, longest: int = WORKING_SIZE, colour: bool = False) -> "Image.Image":
    """The picture in a file, upright, at most `longest` pixels long: mode "L" or, with transparency, "LA".

    colour: "RGB" or "RGBA" where the picture has colours.

    UsageError where there is no such file, DamagedFileError for a file that is empty, enormous or no image of
    an accepted format.
    """
    return _read(path, lambda image: _simplify(image, longest, colour), longest)


def read_colour(path: str | Path, longest: int = 2 * WORKING_SIZE) -> "Image.Image":
    """The picture in a file, upright: mode "L" or "RGB", what is transparent on white.

    longest: pixels of the longer side that are enough. Raises as `read_image` does.
    """
    return _read(path, _flatten, 2 * longest)


def measure_image(path: str | Path) -> tuple[int, int, bool]:
    """(height, width, whether it may be in colour) of the picture in a file, upright, from its header alone.

    Raises as `read_image` does.
    """

    def measure(image: "Image.Image") -> tuple[int, int, bool]:
        width, height = image.size
        with contextlib.suppress(Exception):  # damaged EXIF data says nothing of the pixels
            if image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8):  # on its side
                width, height = height, width
        return height, width, image.mode not in ("1", "L", "LA", "F") and not image.mode.startswith("I")

    return _read(path, measure, None)


def count_frames(path: str | Path) -> int | None:
    """How many pages or frames the picture in a file has, of which `read_image` reads the first.

    1 also for what cannot be read; None for several in a file so large that counting them would take its time.
    """
    try:
        with Path(path).open("rb") as file:
            if not file.read(4).startswith(_OF_SEVERAL):
                return 1
            with Image.open(file, formats=FORMATS) as image:
                if not getattr(image, "is_animated", False):
                    return 1
                return int(getattr(image, "n_frames", 1)) if os.fstat(file.fileno()).st_size <= _COUNTED else None
    except Exception:  # whatever Pillow raises on damaged frames, the first one is judged by whoever reads it
        return 1


_OF_SEVERAL = (b"GIF8", b"II*\0", b"MM\0*", b"RIFF")  # first bytes of formats that hold several: GIF, TIFF, WebP
_COUNTED = 2**20  # bytes of a file whose frames are counted
_ORIENTATION = 0x0112  # the EXIF tag
Result = TypeVar("Result")


def _read(path: str | Path, use: "Callable[[Image.Image], Result]", draft: int | None) -> Result:
    """What `use` makes of the picture in a file; `draft`: a side that is enough, or None to read the header only."""
    content = read_regular(path, MAX_FILE, "check the name of the picture", if_longer="scale it down")
    if not content:
        raise DamagedFileError(f"{path}: the file is empty; give a picture")
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise DamagedFileError(
                    f"{path}: {width} x {height} pixels, at most {MAX_PIXELS:,} are read; scale it down"
                )
            if draft is not None:
                # A large JPEG is decoded at a fraction of its size, which costs a fraction of the memory.
                image.draft("RGB", (draft, draft))
                image.load()
            return use(image)
    except DamagedFileError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DamagedFileError(f"{path}: too many pixels, at most {MAX_PIXELS:,} are read; scale it down") from None
    except UnidentifiedImageError:
        if content[4:8] == b"ftyp" and content[8:12] in _FOREIGN:
            kind = _FOREIGN[content[8:12]]
            raise DamagedFileError(f"{path}: {kind}, which is not read; convert it to JPEG or PNG") from None
        raise DamagedFileError(f"{path}: not an image; give {', '.join(FORMATS)}") from None
    # Pillow raises all of these on damaged files, and no common class.
    except (OSError, ValueError, SyntaxError, Warning, EOFError) as error:
        raise DamagedFileError(f"{path}: damaged image ({_first_line(error)}); use another copy") from None
    except (
        MemoryError,
        RuntimeError,
        IndexError,
        KeyError,
        TypeError,
        OverflowError,
        ZeroDivisionError,
    ) as error:
        raise DamagedFileError(f"{path}: damaged image ({type(error).__name__}); use another copy") from None


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:100]


def _eight_bits(image: "Image.Image", alone: bool) -> "Image.Image":
    """Upright, and of at most 8 bits a channel.

    alone: nothing is compared with this picture, so that its own range may tell how deep it is; in a set of
    pictures, brightness must mean the same in all.
    """
    with contextlib.suppress(Exception):  # whatever Pillow raises on damaged EXIF data, the pixels are good
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits or more: "L" would cut them off at 255
        values = np.asarray(image, np.float64)
        low, high = float(values.min()), float(values.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ValueError("pixels that are not finite")
        # Of the depths that cameras and scanners have, the one that holds it: 10, 12, 14 or 16 bits.
        depths = (8, 10, 12, 14, 16) if alone else (16,)
        top = next((2.0**bits - 1 for bits in depths if high < 2**bits), high)
        if image.mode == "F":
            top = 1.0 if high <= 1 else 255.0 if high <= 255 else high
        image = Image.fromarray(np.clip(values * (255.0 / top), 0, 255).astype(np.uint8))
    return image


def _has_alpha(image: "Image.Image") -> bool:
    return "A" in image.getbands() or "transparency" in image.info


def _flatten(image: "Image.Image") -> "Image.Image":
    image = _eight_bits(image, alone=False)
    if _has_alpha(image):
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def resized(image: "Image.Image", shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """The picture at (height, width) or (height, width, 3), stretched to fit, anti-aliased: uint8 of that shape."""
    image = image.convert("RGB" if len(shape) == 3 else "L")
    if image.size != (shape[1], shape[0]):
        image = image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)  # Pillow widens it by the reduction
    return np.asarray(image, np.uint8)


def _simplify(image: "Image.Image", longest: int, colour: bool) -> "Image.Image":
    image = _eight_bits(image, alone=True)
    has_alpha = _has_alpha(image)
    is_grey = image.mode in ("1", "L", "LA") or not colour
    image = image.convert("RGBA" if has_alpha else "L" if is_grey else "RGB")
    image.thumbnail((longest, longest), Image.Resampling.BOX)
    return image.convert("LA") if has_alpha and is_grey else image
