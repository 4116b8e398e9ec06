"""From a picture to what a network sees."""

import contextlib
import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mlpcli.datasets import images, strokes
from mlpcli.datasets.frame import Frame, measure_frame
from mlpcli.errors import DamagedFileError
from tests.datasets.mutants import MUTANTS
from tests.datasets.pictures import drawing, saved

MNIST_FRAME = Frame(20 / 28, (14.5 / 28, 14.5 / 28))


def prepared(path, shape=(28, 28), frame=MNIST_FRAME):
    return strokes.prepare(images.read_image(path, colour=True), shape, frame)


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
    frame = measure_frame(digits.train.X, (8, 8), 16)
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
    frame = measure_frame(data.train.X, data.shape, data.maximum)
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


def seen_as_plain(tmp_path, picture, name="picture.png", **options):
    """How alike the picture of the thick L is to the plain drawing of it, as correlation."""
    one = prepared(saved(picture, tmp_path / name, **options))
    other = prepared(saved(drawing((400, 400), ground=230, ink=50), tmp_path / "plain.png"))
    return np.corrcoef(one.ravel(), other.ravel())[0, 1]


def shaded(light, noise=3.0, ink=0.25):
    """The thick L on paper under a light of (400, 400) shares of white."""
    share = 1 - (1 - ink) * (np.asarray(drawing((400, 400)), float) == 0)
    grey = 230 * light * share + np.random.default_rng(0).normal(0, noise, (400, 400))
    return Image.fromarray(grey.clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("contrast", [-20, 20, 30, -30])
@pytest.mark.parametrize("ground", [40, 100, 200])
def test_a_clean_drawing_may_be_faint(tmp_path, ground, contrast):
    assert seen_as_plain(tmp_path, drawing((400, 400), ground=ground, ink=ground + contrast)) > 0.99


@pytest.mark.parametrize("drop", [0.2, 0.4])
@pytest.mark.parametrize("width", [2, 8, 25])
def test_the_edge_of_a_shadow_across_the_strokes_is_no_stroke(tmp_path, width, drop):
    x = np.arange(400)[np.newaxis, :]
    light = np.repeat(1 - drop / (1 + np.exp((x - 100) / width)), 400, axis=0)
    assert seen_as_plain(tmp_path, shaded(light), "photo.jpg") > 0.95


def test_a_steep_ramp_of_light_is_no_stroke(tmp_path):
    light = np.repeat(np.linspace(0.3, 1, 400)[:, np.newaxis], 400, axis=1)
    assert seen_as_plain(tmp_path, shaded(light), "photo.jpg") > 0.95


def test_an_empty_page_with_the_edge_of_a_shadow_is_blank(tmp_path):
    light = np.where(np.arange(400) < 180, 0.6, 1.0)[np.newaxis, :] * np.ones((400, 1))
    with pytest.raises(ValueError, match="no strokes"):
        prepared(saved(shaded(light, ink=1.0), tmp_path / "photo.jpg"))


@pytest.mark.parametrize("side", [28, 60])
def test_small_noisy_paper_is_blank_too(tmp_path, side):
    noise = np.random.default_rng(0).normal(200, 6, (side, side)).clip(0, 255).astype(np.uint8)
    with pytest.raises(ValueError, match="no strokes"):
        prepared(saved(Image.fromarray(noise), tmp_path / "noise.png"))


def test_a_page_cut_out_of_nothing_is_the_ground(tmp_path):
    page = Image.new("RGBA", (460, 460), (0, 0, 0, 0))
    page.paste(drawing((400, 400)).convert("RGBA"), (30, 30))
    assert seen_as_plain(tmp_path, page) > 0.99


def test_a_scanners_dark_frame_and_specks_are_no_strokes(tmp_path):
    pixels = np.asarray(drawing((400, 400), ground=230, ink=50)).copy()
    pixels[:5] = pixels[-5:] = pixels[:, :5] = pixels[:, -5:] = 0
    rng = np.random.default_rng(0)
    pixels[rng.integers(0, 400, 300), rng.integers(0, 400, 300)] = 0
    assert seen_as_plain(tmp_path, Image.fromarray(pixels)) > 0.99


@pytest.mark.parametrize("ground", [0, 255])
def test_twelve_bits_in_sixteen_keep_their_range(tmp_path, ground):
    deep = np.where(np.asarray(drawing((400, 400))) == 0, 4095 - ground * 16, ground * 16).astype(np.uint16)
    assert seen_as_plain(tmp_path, Image.fromarray(deep), "deep.tif") > 0.99


def test_damaged_metadata_do_not_cost_a_picture(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 1
    content = io.BytesIO()
    drawing((400, 400)).save(content, "JPEG", exif=exif.tobytes()[:-9] + b"\xff" * 9)
    (tmp_path / "odd.jpg").write_bytes(content.getvalue())
    with images.quiet():
        assert seen_as_plain(tmp_path, images.read_colour(tmp_path / "odd.jpg")) > 0.99


def test_mutants_raise_one_class_only(tmp_path):
    path, rng = tmp_path / "mutant", np.random.default_rng(0)
    for suffix in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"):
        buffer = io.BytesIO()
        drawing((40, 50)).save(buffer, suffix)
        original = np.frombuffer(buffer.getvalue(), np.uint8)
        for _ in range(MUTANTS // 30):
            mutant = original.copy()
            mutant[rng.integers(0, len(mutant), 4)] = rng.integers(0, 256, 4)
            path.write_bytes(mutant[: rng.integers(1, len(mutant) + 1)].tobytes())
            # Anything but a picture, damage or blankness ends this test.
            with contextlib.suppress(DamagedFileError):
                image = images.read_image(path)
                if (strokes.strokes(image) > strokes.SEEN).any():
                    seen = strokes.prepare(image, (28, 28), MNIST_FRAME)
                    assert seen.shape == (28, 28)
                    assert np.isfinite(seen).all()


def photograph(size, draw, ground=(225, 220, 210), ink=(40, 40, 45), noise=3.0):
    """A picture in colour that `draw` draws on (with the ink), at twice the size for soft edges, with noise."""
    width, height = size
    image = Image.new("RGB", (2 * width, 2 * height), ground)
    draw(ImageDraw.Draw(image), ink)
    pixels = np.asarray(image.resize(size, Image.Resampling.BOX), float)
    pixels += np.random.default_rng(0).normal(0, noise, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def thick_l(draw, ink, at=(120, 80), scale=1.0):
    """The L of `drawing`: in a photograph twice as large, from (60, 40) or from elsewhere."""
    x, y = at
    points = [(x, y), (x, y + 320 * scale), (x + 140 * scale, y + 320 * scale)]
    draw.line(points, fill=ink, width=round(32 * scale))


def rules(draw, colour, period=90, tilt=12, upright=False):
    for y in range(-400, 4000, period):
        draw.line([(0, y), (4000, y + tilt * 4)], fill=colour, width=4)
        if upright:
            draw.line([(y + tilt * 4, 0), (y, 4000)], fill=colour, width=4)


@pytest.mark.parametrize("upright", [False, True])
@pytest.mark.parametrize("colour", [(170, 190, 225), (150, 150, 150)])
@pytest.mark.parametrize("ink", [(40, 40, 45), (40, 60, 150), (110, 110, 112)])
def test_the_rules_of_paper_are_no_strokes(tmp_path, ink, colour, upright):
    def draw(draw, ink):
        rules(draw, colour, upright=upright)
        draw.line([(60, 0), (80, 1000)], fill=(225, 120, 130), width=5)
        thick_l(draw, ink)

    assert seen_as_plain(tmp_path, photograph((400, 400), draw, ink=ink), "photo.jpg") > 0.97


def test_a_small_character_in_a_large_photograph_is_found(tmp_path):
    def draw(draw, ink):
        thick_l(draw, ink, (4200, 1200), 0.4)

    assert seen_as_plain(tmp_path, photograph((2600, 1900), draw), "photo.jpg") > 0.85  # of 64 pixels


def on_a_desk(draw, ink):
    draw.rectangle([0, 0, 2000, 2000], fill=(80, 55, 40))
    for x in range(0, 2000, 23):
        draw.line([(x, 0), (x + 9, 2000)], fill=(95, 68, 50), width=9)
    draw.polygon([(130, 60), (1500, 120), (1450, 1300), (70, 1260)], fill=(225, 220, 210))
    thick_l(draw, ink, (600, 400))


def test_a_desk_beyond_the_paper_is_no_stroke(tmp_path):
    assert seen_as_plain(tmp_path, photograph((800, 700), on_a_desk), "photo.jpg") > 0.95


@pytest.mark.parametrize("turn", [Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_180])
def test_where_the_desk_lies_makes_no_difference(tmp_path, turn):
    picture = photograph((800, 700), on_a_desk)
    seen = prepared(saved(picture.transpose(turn), tmp_path / "turned.png"))
    upright = np.asarray(Image.fromarray(prepared(saved(picture, tmp_path / "a.png"))).transpose(turn))
    rows, columns = (np.flatnonzero((upright > 0.1).any(axis=axis)) for axis in (1, 0))
    cut = upright[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    rows, columns = (np.flatnonzero((seen > 0.1).any(axis=axis)) for axis in (1, 0))
    np.testing.assert_allclose(seen[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], cut, atol=0.25)


def test_a_finger_and_a_pen_at_the_border_are_no_strokes(tmp_path):
    def draw(draw, ink):
        draw.line([(0, 1400), (330, 1100)], fill=(190, 140, 115), width=130)
        draw.line([(1600, 0), (1300, 260)], fill=(20, 20, 60), width=20)
        thick_l(draw, ink, (600, 400))

    assert seen_as_plain(tmp_path, photograph((800, 700), draw), "photo.jpg") > 0.97


def test_chalk_is_light_on_dark(tmp_path):
    picture = photograph((400, 400), thick_l, ground=(40, 70, 55), ink=(220, 220, 215), noise=6.0)
    assert seen_as_plain(tmp_path, picture, "photo.jpg") > 0.95


def test_strokes_of_one_character_stay_together_and_others_far_away_do_not_count(tmp_path):
    def two_strokes(draw, ink):
        draw.line([(560, 400), (540, 600), (720, 640), (700, 820), (520, 840)], fill=ink, width=34, joint="curve")
        draw.line([(610, 390), (760, 370)], fill=ink, width=34)

    def among_others(draw, ink):
        two_strokes(draw, ink)
        thick_l(draw, ink, (1300, 1100), 0.4)
        for x, y in np.random.default_rng(1).integers(0, 1400, (60, 2)):
            draw.ellipse([x, y, x + 5, y + 5], fill=ink)

    alone = prepared(saved(photograph((800, 700), two_strokes), tmp_path / "a.png"))
    others = prepared(saved(photograph((800, 700), among_others), tmp_path / "b.png"))
    assert np.corrcoef(alone.ravel(), others.ravel())[0, 1] > 0.94
    assert alone[4:8, 17:].max() > 0.9  # the bar, upper right


def test_very_bold_strokes_are_narrowed(tmp_path):
    def ring(draw, ink):
        draw.ellipse([150, 100, 650, 700], outline=ink, width=190)

    seen = prepared(saved(photograph((400, 400), ring), tmp_path / "bold.jpg"))
    inked = np.flatnonzero(seen[14] > 0.5)
    assert 3 <= (np.diff(inked) > 1).argmax() + 1 <= 4  # MNIST's strokes are 2.5 pixels wide; these were more than 6
    assert (np.diff(inked) > 1).sum() == 1


@pytest.mark.parametrize("ground", [(225, 220, 210), (40, 70, 55)])
def test_paper_with_rules_alone_is_blank(tmp_path, ground):
    def draw(draw, ink):
        rules(draw, tuple(int(0.8 * level) for level in ground))

    with pytest.raises(ValueError, match="no strokes"):
        prepared(saved(photograph((700, 500), draw, ground=ground), tmp_path / "blank.jpg"))
