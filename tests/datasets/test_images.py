import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mlpcli.datasets import images
from mlpcli.datasets.images import Frame
from mlpcli.errors import DamagedFileError, UsageError

MNIST_FRAME = Frame(20 / 28, (14.5 / 28, 14.5 / 28))


def drawing(size=(200, 260), ground=255, ink=0, mode="L"):
    """A thick L: its mass is low and to the left."""
    image = Image.new(mode, size, ground)
    draw = ImageDraw.Draw(image)
    draw.line([(60, 40), (60, 200), (130, 200)], fill=ink, width=16)
    return image


def saved(image, path, **options):
    image.save(path, **options)
    return path


def prepared(path, shape=(28, 28), frame=MNIST_FRAME):
    return images.prepare(images.read_image(path), shape, frame)


def centre(seen):
    rows, columns = np.indices(seen.shape) + 0.5
    return (seen * rows).sum() / seen.sum(), (seen * columns).sum() / seen.sum()


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif", "tif", "webp"])
def test_the_recipe_boxes_and_centres_every_format(tmp_path, suffix):
    seen = prepared(saved(drawing(), tmp_path / f"picture.{suffix}"))
    rows, columns = np.flatnonzero((seen > 0.1).any(axis=1)), np.flatnonzero((seen > 0.1).any(axis=0))
    assert 19 <= rows[-1] - rows[0] + 1 <= 20  # the longer side fills the box
    assert columns[-1] - columns[0] + 1 <= 12  # and the aspect ratio is kept: 86 wide, 176 tall
    assert centre(seen) == pytest.approx((14.5, 14.5), abs=0.6)
    assert seen.max() == 1.0
    assert seen[0].max() == 0.0


def test_light_on_dark_and_dark_on_light_are_seen_alike(tmp_path):
    dark = prepared(saved(drawing(), tmp_path / "dark.png"))
    light = prepared(saved(drawing(ground=0, ink=255), tmp_path / "light.png"))
    np.testing.assert_allclose(dark, light, atol=0.01)


def test_faint_strokes_are_seen_as_strong_ones(tmp_path):
    strong = prepared(saved(drawing(), tmp_path / "strong.png"))
    faint = prepared(saved(drawing(ground=200, ink=150), tmp_path / "faint.png"))
    np.testing.assert_allclose(strong, faint, atol=0.01)


@pytest.mark.parametrize("ink", [0, 255])
def test_transparency_is_ground(tmp_path, ink):
    image = drawing(ground=(0, 0, 0, 0), ink=(ink, ink, ink, 255), mode="RGBA")
    seen = prepared(saved(image, tmp_path / "picture.png"))
    np.testing.assert_allclose(seen, prepared(saved(drawing(), tmp_path / "plain.png")), atol=0.02)


def test_a_shadow_and_noise_change_little(tmp_path):
    plain = drawing((400, 400), ground=230, ink=50)
    shade = np.linspace(0, 90, 400)[np.newaxis, :] + np.random.default_rng(0).normal(0, 6, (400, 400))
    shaded = Image.fromarray(np.clip(np.asarray(plain, float) - shade, 0, 255).astype(np.uint8))
    one, other = prepared(saved(plain, tmp_path / "a.png")), prepared(saved(shaded, tmp_path / "b.jpg"))
    assert np.abs(one - other).mean() < 0.03
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.95


def test_exif_orientation_is_obeyed(tmp_path):
    upright = drawing((260, 260))
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its side: turn it 90 degrees clockwise to see it
    turned = saved(upright.transpose(Image.Transpose.ROTATE_90), tmp_path / "turned.png", exif=exif)
    np.testing.assert_allclose(prepared(turned), prepared(saved(upright, tmp_path / "upright.png")), atol=0.01)


def test_sixteen_bits_keep_their_range(tmp_path):
    deep = Image.fromarray(np.asarray(drawing(), np.uint16) * 257)
    np.testing.assert_allclose(
        prepared(saved(deep, tmp_path / "deep.png")), prepared(saved(drawing(), tmp_path / "plain.png")), atol=0.01
    )


def test_a_training_picture_is_left_as_it_is(tmp_path, digits):
    frame = images.measure_frame(digits.train.X, (8, 8), 16)
    assert frame.box == 1.0
    unchanged = 0
    for i in range(50):
        pixels = digits.test.X[i].reshape(8, 8)
        path = saved(Image.fromarray((pixels * 15).astype(np.uint8)), tmp_path / "digit.png")
        unchanged += np.abs(prepared(path, (8, 8), frame) - pixels * 15 / 255).max() < 1e-6
    assert unchanged >= 48


def test_mnist_is_measured_as_its_authors_describe_it(mnist_folder):
    from mlpcli.datasets.load import load_data

    data = load_data("mnist", mnist_folder)
    frame = images.measure_frame(data.train.X, data.shape, data.maximum)
    assert frame.box * 28 == 20
    assert frame.centre[0] * 28 == pytest.approx(14.5, abs=0.1)


@pytest.mark.parametrize(
    "image", [Image.new("L", (50, 50), 255), Image.new("L", (900, 700), 0), Image.new("RGBA", (90, 90))]
)
def test_a_blank_picture_has_no_strokes(tmp_path, image):
    with pytest.raises(ValueError, match="no strokes"):
        prepared(saved(image, tmp_path / "blank.png"))


def test_noise_is_no_stroke(tmp_path):
    noise = np.random.default_rng(0).normal(200, 8, (300, 300)).clip(0, 255).astype(np.uint8)
    with pytest.raises(ValueError, match="no strokes"):
        prepared(saved(Image.fromarray(noise), tmp_path / "noise.png"))


def bomb(width, height):
    """A PNG of a few bytes that claims to be enormous."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def png_bytes():
    buffer = io.BytesIO()
    drawing().save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty"),
        (b"hello", "not an image"),
        (b"%PDF-1.4", "not an image"),
        (bomb(100_000, 100_000), "pixels|damaged"),
        (bomb(9_000, 9_000), "81000000|9000 x 9000 pixels"),
        (png_bytes()[:300], "damaged"),
        (b"GIF89a" + bytes(20), "damaged|not an image"),
    ],
)
def test_what_is_no_picture_is_one_error(tmp_path, content, what):
    path = tmp_path / "odd.png"
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=what) as caught:
        images.read_image(path)
    assert "\n" not in str(caught.value)


def test_an_enormous_file_is_not_even_read(tmp_path):
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.truncate(images.MAX_FILE + 1)  # sparse: takes no disk
    with pytest.raises(DamagedFileError, match="at most"):
        images.read_image(path)


@pytest.mark.parametrize("name", ["missing.png", "folder", "nul\0.png"])
def test_what_is_no_file_is_usage(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError):
        images.read_image(tmp_path / name)


def test_mutants_raise_one_class_only(tmp_path):
    path, rng = tmp_path / "mutant", np.random.default_rng(0)
    for suffix in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"):
        buffer = io.BytesIO()
        drawing((40, 50)).save(buffer, suffix)
        original = np.frombuffer(buffer.getvalue(), np.uint8)
        for _ in range(60):
            mutant = original.copy()
            mutant[rng.integers(0, len(mutant), 4)] = rng.integers(0, 256, 4)
            path.write_bytes(mutant[: rng.integers(1, len(mutant) + 1)].tobytes())
            # Anything but a picture, damage or blankness ends this test.
            with contextlib.suppress(DamagedFileError):
                image = images.read_image(path)
                if (images.strokes(image) > images.SEEN).any():
                    seen = images.prepare(image, (28, 28), MNIST_FRAME)
                    assert seen.shape == (28, 28)
                    assert np.isfinite(seen).all()
