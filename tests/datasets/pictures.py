"""A picture that several tests draw."""

from PIL import Image, ImageDraw


def drawing(size=(200, 260), ground=255, ink=0, mode="L"):
    """A thick L: its mass is low and to the left."""
    image = Image.new(mode, size, ground)
    draw = ImageDraw.Draw(image)
    draw.line([(60, 40), (60, 200), (130, 200)], fill=ink, width=16)
    return image


def saved(image, path, **options):
    image.save(path, **options)
    return path
