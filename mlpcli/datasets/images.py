"""Pictures of one character: from a file to what a network trained on such pictures expects.

The recipe is that of MNIST itself (LeCun et al. 1998): grey, light strokes on a dark ground, the aspect ratio
kept, fitted with anti-aliasing into a box of 20 x 20, and placed so that its centre of mass is the centre of
28 x 28. For other sizes the same in proportion.
"""

import io
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter, ImageOps, UnidentifiedImageError

from mlpcli.errors import DamagedFileError
from mlpcli.files import read_regular

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
MAX_FILE = 64 * 2**20  # bytes
MAX_PIXELS = 50_000_000  # a large camera's; decoded as RGB that is 150 MB
WORKING_SIZE = 512  # pixels of the longer side: enough for one character, and quick

Grey = npt.NDArray[np.float32]


def read_image(path: str | Path) -> "Image.Image":
    """The picture in a file, upright, at most WORKING_SIZE pixels long: mode "L" or, with transparency, "LA".

    UsageError where there is no such file, DamagedFileError for a file that is empty, enormous or no image of
    an accepted format.
    """
    content = read_regular(path, MAX_FILE, "name a picture, scaled down if it is very large")
    if not content:
        raise DamagedFileError(f"{path}: the file is empty; give a picture")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Pillow warns of bombs and of metadata it cannot follow
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise DamagedFileError(
                        f"{path}: {width} x {height} pixels, at most {MAX_PIXELS:,} are read; scale it down"
                    )
                # A large JPEG is decoded at a fraction of its size, which costs a fraction of the memory.
                image.draft("RGB", (2 * WORKING_SIZE, 2 * WORKING_SIZE))
                image.load()
                return _simplify(image)
    except DamagedFileError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DamagedFileError(f"{path}: too many pixels, at most {MAX_PIXELS:,} are read; scale it down") from None
    except UnidentifiedImageError:
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


def _simplify(image: "Image.Image") -> "Image.Image":
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits or more: "L" would cut them off at 255
        values = np.asarray(image, np.float64)
        low, high = float(values.min()), float(values.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ValueError("pixels that are not finite")
        top = 65535.0 if image.mode.startswith("I") and 255 < high <= 65535 else max(high, 1.0)
        image = Image.fromarray(np.clip(values * (255.0 / top), 0, 255).astype(np.uint8))
    has_alpha = "A" in image.getbands() or "transparency" in image.info
    image = image.convert("RGBA" if has_alpha else "L")
    image.thumbnail((WORKING_SIZE, WORKING_SIZE), Image.Resampling.BOX)
    if not has_alpha:
        return image
    return image.convert("LA")


def strokes(image: "Image.Image") -> Grey:
    """How much of a stroke each pixel is, (height, width) from 0 to 1; all 0 for a blank picture.

    Strokes are what differs from the ground, which is level in a drawing, and in a photograph may change
    slowly, as under a shadow. They may be lighter or darker than it: the deviations of a page with strokes on
    it are skewed to their side.
    """
    grey = _grey(image)
    level = _level_ground(grey)
    ground = _smooth_ground(grey) if level is None else level
    deviation = grey - ground
    ink = np.maximum(deviation if float((deviation**3).sum()) > 0 else -deviation, 0.0)
    noise = _noise(deviation)
    if level is not None and (noise < CLEAN or max(grey.shape) <= SMALL):
        peak = float(ink.max())
        return ink / peak if peak >= MIN_CONTRAST else np.zeros_like(ink)
    smooth = _filtered(ink, ImageFilter.MedianFilter(3))
    peak = float(smooth.max())
    if peak < max(MIN_CONTRAST, 5.0 * noise):
        return np.zeros_like(ink)
    full = float(np.median(smooth[smooth > 0.5 * peak]))
    low = max(0.2 * full, 2.0 * noise)
    mask = _main_groups(smooth > 0.5 * (low + full))
    # The soft edges of the strokes that are kept belong to them; everything else is ground.
    reach = _filtered(255.0 * mask, ImageFilter.MaxFilter(5)) > 0
    return np.where(reach, np.clip((smooth - low) / max(full - low, 1.0), 0.0, 1.0), 0.0).astype(np.float32)


MIN_CONTRAST = 12.0  # of 255: less between ground and strokes is an empty page
SMALL = 64  # pixels of the longer side, up to which a picture is taken for a drawing
CLEAN = 2.0  # of 255: less noise than this is a drawing, whose greys are all meant
GROUP_SHARE = 0.15  # of the largest group's area; smaller groups are specks


def _grey(image: "Image.Image") -> Grey:
    if image.mode != "LA":
        return np.asarray(image, np.float32)
    grey, alpha = (np.asarray(band, np.float32) for band in image.split())
    opaque = alpha > 127
    if not opaque.any() or opaque.all():
        return grey * 0 if not opaque.any() else grey
    # Drawn on nothing: put a dark drawing on white, a light one on black.
    ground = 255.0 if grey[opaque].mean() < 128 else 0.0
    return (ground + (grey - ground) * (alpha / 255.0)).astype(np.float32)


def _border(grey: Grey) -> Grey:
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def _filtered(values: Grey, kind: "ImageFilter.Filter") -> Grey:
    picture = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
    return np.asarray(picture.filter(kind), np.float32)


def _noise(deviation: Grey) -> float:
    """The standard deviation of the ground, from the median, which strokes and their edges hardly move."""
    near = np.abs(deviation[np.abs(deviation) <= 32.0])
    return 1.4826 * float(np.median(near)) if near.size else 0.0


def _level_ground(grey: Grey) -> float | None:
    """The one level of the ground, or None where it has none: in a drawing, a third of all pixels are at it."""
    if max(grey.shape) <= SMALL:
        return float(np.median(_border(grey)))
    counts = np.bincount(np.clip(grey, 0, 255).astype(np.int64).reshape(-1), minlength=256)
    near = np.convolve(counts, np.ones(9, np.int64), mode="same")  # within 4 of each level
    level = int(near.argmax())
    return float(level) if near[level] > grey.size / 3 else None


def _smooth_ground(grey: Grey) -> Grey:
    """The level of the ground at each pixel: a paraboloid through all but the outliers, then a wide median.

    Strokes cover less than half of any wide neighbourhood, so that neither sees them. Done on a small copy.
    """
    height, width = grey.shape
    ratio = 64 / max(height, width)
    size = (max(2, round(width * ratio)), max(2, round(height * ratio)))
    small = np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BOX), np.float32)
    y, x = np.meshgrid(np.linspace(-1, 1, size[1]), np.linspace(-1, 1, size[0]), indexing="ij")
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).reshape(-1, 6)
    values = small.reshape(-1)
    fitted = np.full_like(values, np.median(values), np.float64)
    for _ in range(10):
        residual = np.abs(values - fitted)
        kept = residual <= max(2.5 * float(np.median(residual)), 4.0)
        fitted = terms @ np.linalg.lstsq(terms[kept], values[kept], rcond=None)[0]
    rest = (values - fitted + 128).reshape(small.shape).astype(np.float32)
    wide = _filtered(rest, ImageFilter.MedianFilter(31))
    wide = _filtered(wide, ImageFilter.GaussianBlur(5)) - 128
    ground = (fitted.reshape(small.shape) + wide).astype(np.float32)
    return np.asarray(Image.fromarray(ground).resize((width, height), Image.Resampling.BILINEAR), np.float32)


def _main_groups(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """`mask` without its small groups of connected pixels (specks, dust)."""
    height, width = mask.shape
    ratio = min(1.0, 128 / max(height, width))
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    small = np.asarray(Image.fromarray(mask.astype(np.float32)).resize(size, Image.Resampling.BOX)) > 0.2
    labels = np.where(small, np.arange(1, small.size + 1).reshape(small.shape), 0)
    while True:  # each pixel takes its neighbourhood's largest label until none changes
        spread = np.pad(labels, 1)
        for axis in (0, 1):
            spread = np.maximum(spread, np.maximum(np.roll(spread, 1, axis), np.roll(spread, -1, axis)))
        spread = np.where(small, spread[1:-1, 1:-1], 0)
        if (spread == labels).all():
            break
        labels = spread
    areas = np.bincount(labels.reshape(-1))
    areas[0] = 0
    kept = (areas >= GROUP_SHARE * areas.max())[labels] & small
    grown = Image.fromarray((255 * kept).astype(np.uint8)).filter(ImageFilter.MaxFilter(3))
    return (np.asarray(grown.resize((width, height), Image.Resampling.NEAREST)) > 0) & mask


class Frame(NamedTuple):
    """How the pictures that a network was trained on are placed: shares of the height and width.

    box: the longer side of what is drawn. centre: its centre of mass, (y, x). MNIST has 20/28 and about 14.5/28.
    """

    box: float
    centre: tuple[float, float]


def measure_frame(X: npt.NDArray[np.uint8], shape: tuple[int, ...], maximum: int) -> Frame:
    """The frame of training pictures X (N, I), light on dark, 0 to `maximum`: medians over at most 2,000 of them."""
    height, width = shape
    some = X[:: max(1, len(X) // 2000)].reshape(-1, height, width) / np.float32(maximum)
    some = some[some.max(axis=(1, 2)) > SEEN]
    if not len(some):
        return Frame(1.0, (0.5, 0.5))
    rows, columns = (some > SEEN).any(axis=2), (some > SEEN).any(axis=1)
    tall = height - rows.argmax(axis=1) - rows[:, ::-1].argmax(axis=1)
    wide = width - columns.argmax(axis=1) - columns[:, ::-1].argmax(axis=1)
    box = float(np.median(np.maximum(tall / height, wide / width)))
    mass = some.sum(axis=(1, 2))
    y = (some.sum(axis=2) @ (np.arange(height) + 0.5)) / mass
    x = (some.sum(axis=1) @ (np.arange(width) + 0.5)) / mass
    return Frame(box, (float(np.median(y)) / height, float(np.median(x)) / width))


SEEN = 0.1  # share of the brightest: less does not count as drawn


def prepare(image: "Image.Image", shape: tuple[int, int], frame: Frame) -> Grey:
    """The picture as the network should see it: (height, width) of `shape`, 0 to 1, light on dark.

    ValueError for a picture without strokes. One that is already as the training pictures are is left as it is.
    """
    ink = strokes(image)
    if not (ink > SEEN).any():
        raise ValueError("no strokes")
    if ink.shape == shape and _is_framed(ink, frame) and image.mode == "L":
        grey = np.asarray(image, np.float32)
        if np.median(_border(grey)) < 0.1 * grey.max():
            return grey / max(float(grey.max()), 1.0) if grey.max() < 200 else grey / np.float32(255)
    return fit(ink, shape, frame)


def _extent(ink: Grey) -> tuple[slice, slice]:
    """The rows and columns that what is drawn takes up."""
    seen = ink > SEEN
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _centre_of_mass(ink: Grey) -> tuple[float, float]:
    """(y, x) in pixels from the upper left corner of the picture."""
    mass = float(ink.sum())
    y = float((ink.sum(axis=1) * (np.arange(ink.shape[0]) + 0.5)).sum()) / mass
    x = float((ink.sum(axis=0) * (np.arange(ink.shape[1]) + 0.5)).sum()) / mass
    return y, x


def _is_framed(ink: Grey, frame: Frame) -> bool:
    longest = max((s.stop - s.start) / side for s, side in zip(_extent(ink), ink.shape, strict=True))
    if longest > frame.box + 0.5 / max(ink.shape) or longest < frame.box - 3 / max(ink.shape):
        return False
    return all(
        abs(at - side * centre) <= 1.0
        for at, side, centre in zip(_centre_of_mass(ink), ink.shape, frame.centre, strict=True)
    )


def fit(ink: Grey, shape: tuple[int, int], frame: Frame) -> Grey:
    """Strokes scaled into the frame's box, aspect kept, and centred by mass: (height, width) of `shape`, 0 to 1."""
    cut = ink[_extent(ink)]
    ratio = frame.box * min(shape[0] / cut.shape[0], shape[1] / cut.shape[1])
    height, width = (max(1, round(side * ratio)) for side in cut.shape)
    # Pillow widens a filter by the reduction, so that this is anti-aliased at any ratio.
    resized = Image.fromarray(np.ascontiguousarray(cut)).resize((width, height), Image.Resampling.BILINEAR)
    drawing = np.asarray(resized, np.float32)
    drawing = np.clip(drawing / max(float(drawing.max()), 1e-6), 0.0, 1.0)
    centre = _centre_of_mass(drawing)
    top, left = (
        min(max(round(side * share - at), 0), side - size)
        for side, share, at, size in zip(shape, frame.centre, centre, drawing.shape, strict=True)
    )
    placed = np.zeros(shape, np.float32)
    placed[top : top + height, left : left + width] = drawing
    return placed
