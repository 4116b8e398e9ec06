"""Digits drawn as pens do, on lines or in squares: the truth is known, and every stroke of it is smooth."""

import math

import numpy as np
from PIL import Image, ImageDraw

FINER = 3  # pictures are drawn that much larger and reduced, for soft edges


def _bow(x, y, radius, start, stop, stretch=1.0):
    """An arc about (x, y), angles in degrees, clockwise from the right."""
    angles = np.radians(np.linspace(start, stop, 30))
    return [(x + radius * math.cos(a), y + radius * stretch * math.sin(a)) for a in angles]


# Strokes in a box one high; x from 0 to about 0.6.
STROKES = {
    "0": [_bow(0.3, 0.5, 0.28, 0, 360, 1.75)],
    "1": [[(0.1, 0.25), (0.3, 0.02), (0.3, 0.98)]],
    "2": [[*_bow(0.3, 0.28, 0.26, 190, 390), (0.03, 0.97), (0.58, 0.97)]],
    "3": [_bow(0.28, 0.27, 0.25, 200, 450) + _bow(0.28, 0.73, 0.26, 270, 510)],
    "4": [[(0.35, 0.02), (0.03, 0.62), (0.6, 0.62)], [(0.42, 0.35), (0.42, 0.98)]],
    "5": [[(0.55, 0.03), (0.12, 0.03), (0.08, 0.42), *_bow(0.28, 0.67, 0.29, 240, 510)]],
    "6": [[(0.45, 0.02), (0.1, 0.5), *_bow(0.3, 0.7, 0.26, 180, 540)]],
    "7": [[(0.03, 0.03), (0.57, 0.03), (0.22, 0.98)]],
    "8": [_bow(0.3, 0.26, 0.23, 90, 450), _bow(0.3, 0.74, 0.24, 270, 630)],
    "9": [[*_bow(0.3, 0.28, 0.25, 0, 360), (0.52, 0.98)]],
}


class Canvas:
    """Ink, (height, width) from 0 to 1, that grows by what is drawn on it."""

    def __init__(self, width, height):
        self.width, self.height = width, height
        self.ink = np.zeros((height, width), np.float32)

    def draw(self, lines, thickness, darkness):
        """Draws lines of points, (x, y), and returns the box that they take up: left, top, right, bottom."""
        points = np.array([point for line in lines for point in line])
        left, top = np.maximum(np.floor(points.min(axis=0) - thickness).astype(int), 0)
        right, bottom = np.minimum(np.ceil(points.max(axis=0) + thickness).astype(int), (self.width, self.height))
        picture = Image.new("L", ((right - left) * FINER, (bottom - top) * FINER))
        pen, r = ImageDraw.Draw(picture), thickness * FINER / 2
        for line in lines:
            moved = [((x - left) * FINER, (y - top) * FINER) for x, y in line]
            pen.line(moved, fill=255, width=round(thickness * FINER), joint="curve")
            for x, y in (moved[0], moved[-1]) if thickness > 3 else ():
                pen.ellipse((x - r, y - r, x + r, y + r), fill=255)
        drawn = np.asarray(picture.resize((right - left, bottom - top), Image.Resampling.BOX), np.float32) / 255
        part = self.ink[top:bottom, left:right]
        np.maximum(part, drawn * np.float32(darkness), out=part)
        y, x = np.nonzero(drawn > 0.5)
        return int(left + x.min()), int(top + y.min()), int(left + x.max()) + 1, int(top + y.max()) + 1

    def digit(self, name, left, top, height, thickness, darkness=0.8):
        """Draws it, and returns its box: left, top, right, bottom."""
        strokes = [[(left + x * height, top + y * height) for x, y in stroke] for stroke in STROKES[name]]
        return self.draw(strokes, thickness, darkness)

    def rules(self, gap, tilt=0.0, thickness=2.0, darkness=0.3, squares=False, offset=0.0):
        """Parallel lines right across, `tilt` degrees down to the right."""
        slope, far = math.tan(math.radians(tilt)), max(self.width, self.height)
        at = np.arange(-far, 2 * far, gap) + offset
        lines = [[(-9, y - 9 * slope), (self.width + 9, y + (self.width + 9) * slope)] for y in at]
        if squares:
            lines += [[(x + 9 * slope, -9), (x - (self.height + 9) * slope, self.height + 9)] for x in at]
        self.draw(lines, thickness, darkness)

    def photograph(self, paper=220, noise=3.0, seed=0, light=1.0, board=False):
        """As a picture: ink takes a share of the light; on a board, chalk adds it. `light`: shares, (height, width)."""
        grey = (60 + 180 * self.ink if board else paper * (1 - self.ink)) * light
        grey = grey + np.random.default_rng(seed).normal(0, noise, self.ink.shape)
        return Image.fromarray(grey.clip(0, 255).round().astype(np.uint8))
