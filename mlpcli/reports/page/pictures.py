"""Arrays as PNG, in data: addresses that stand in the page itself."""

import base64
import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

LONGEST = 64  # pixels to a side of a picture in the page; a larger one is made smaller

Pixels = npt.NDArray[np.uint8]


def as_pixels(X: npt.NDArray[np.generic], shape: Sequence[int], maximum: float) -> Pixels:
    """Raw examples X (N, I) as pictures (N, H, W) or (N, H, W, 3), at most LONGEST pixels to a side."""
    raw = X.reshape(len(X), *shape).astype(np.float64)
    pixels = np.rint(np.clip(raw / maximum, 0.0, 1.0) * 255).astype(np.uint8)
    height, width = shape[:2]
    if max(height, width) <= LONGEST:
        return pixels
    ratio = LONGEST / max(height, width)
    size = max(1, round(width * ratio)), max(1, round(height * ratio))
    small = [np.asarray(Image.fromarray(one).resize(size, Image.Resampling.BOX)) for one in pixels]
    return np.stack(small) if small else np.empty((0, size[1], size[0], *shape[2:]), np.uint8)


def sheet(pictures: npt.NDArray[np.uint8], columns: int, gap: int = 0, ground: int = 0) -> Pixels:
    """Pictures (N, H, W, ...) in rows of so many, as one picture. gap: pixels between them, of the value `ground`."""
    count, height, width, *rest = pictures.shape
    rows = -(-count // columns)
    tall, wide = rows * (height + gap) - gap * bool(rows), columns * (width + gap) - gap
    whole = np.full((tall, wide, *rest), ground, np.uint8)
    for i, picture in enumerate(pictures):
        y, x = (i // columns) * (height + gap), (i % columns) * (width + gap)
        whole[y : y + height, x : x + width] = picture
    return whole


def png(pixels: Pixels, palette: npt.NDArray[np.uint8] | None = None, transparent: int | None = None) -> bytes:
    """A grey (H, W) or colour (H, W, 3) picture as PNG. palette: (K, 3), the colours that grey values stand for.

    transparent: the value that is seen through.
    """
    image = Image.fromarray(pixels)
    if palette is not None:
        image.putpalette(np.ascontiguousarray(palette, np.uint8).tobytes())
    file = io.BytesIO()
    options = {} if transparent is None else {"transparency": transparent}
    image.save(file, "PNG", optimize=True, **options)
    return file.getvalue()


def data_address(content: bytes) -> str:
    """What an `img` takes as its source."""
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"
