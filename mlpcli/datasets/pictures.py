"""Pictures in files as the examples of a network that was trained on images."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mlpcli.datasets import images, strokes
from mlpcli.datasets.frame import MNIST_STROKE, Frame
from mlpcli.errors import DamagedFileError


@dataclass(frozen=True)
class PictureInput:
    """How a network takes pictures.

    shape: (H, W), or (H, W, 3) in colour. maximum: the value of white, or of full ink. frame: where characters stand
    in its training pictures; None for a network of pictures as they are.
    """

    shape: tuple[int, ...]
    maximum: float
    frame: Frame | None

    @classmethod
    def from_json(cls, described: dict[str, Any]) -> "PictureInput":
        """From a checked description of an input of kind "image", as a checkpoint holds it."""
        frame = None
        if described.get("preprocess", "strokes") == "strokes":
            y, x = described["centre"]
            frame = Frame(described["box"], (y, x), described.get("stroke", MNIST_STROKE))
        return cls(tuple(described["shape"]), float(described["maximum"]), frame)

    def read(self, path: str | Path, preprocess: bool = True) -> npt.NDArray[np.floating]:
        """The picture in a file as a raw example, (I,) from 0 to `maximum`.

        Where the network knows characters, the strokes are found and put into its frame. Without `preprocess`, and for
        other networks, the picture is taken as it is: upright, in grey or colour, what is transparent on white, and
        stretched to the shape where it has another.

        Raises UsageError where there is no such file, DamagedFileError for one that is no picture, or blank. Pillow's
        warnings are the caller's to silence, with `images.quiet`.
        """
        if self.frame is None or not preprocess:
            pixels = images.resized(images.read_colour(path, max(self.shape[:2])), self.shape)
            return np.asarray(pixels.reshape(-1) * (self.maximum / 255.0))
        picture = images.read_image(path, colour=True)
        try:
            seen = strokes.prepare(picture, (self.shape[0], self.shape[1]), self.frame)
        except ValueError:
            raise DamagedFileError(
                f"{path}: blank, no strokes stand out from the ground; give another picture; for a page of many "
                "characters, give --page"
            ) from None
        return np.asarray(seen.reshape(-1) * self.maximum)

    @staticmethod
    def remark(path: str | Path) -> str | None:
        """What there is to know about how the picture in a file is read, or None."""
        frames = images.count_frames(path)
        if frames == 1:
            return None
        return f"the first of {'several' if frames is None else frames} pages or frames is read"

    def as_picture(self, example: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """A raw example (I,) as a picture of `shape`, 0 to 1."""
        return np.clip(np.asarray(example, np.float64).reshape(self.shape) / self.maximum, 0.0, 1.0)
