"""Reading pictures that anybody may have made."""

import io
import struct
import zlib

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from ferflow.core.errors import DataError
from ferflow.core.face_shape import GREY_48
from ferflow.images.decode import decode_grey, decode_grey_and_kind, decode_rgb, recolour
from ferflow.images.size import MAX_PIXELS
from ferflow.recognition import pictures
from ferflow.recognition.pictures import FORMATS, read_picture

pillow_heif.register_heif_opener()  # for the tests to write HEIC

# brighter to the right, darker downwards: each corner is another
RAMP = (np.arange(60)[None] * 3 + np.arange(40)[::-1, None]).astype(np.uint8)
NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60), dtype=np.uint8))


def encode(image, form="PNG", **options):
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def grey_of(source):
    return recolour(read_picture(source).pixels, GREY_48)


def is_ramp(grey, tolerance=2):
    return grey.shape == RAMP.shape and np.abs(grey.astype(int) - RAMP).max() <= tolerance


@pytest.mark.parametrize("form", ["PNG", "BMP", "GIF", "PPM", "TIFF"])
def test_every_exact_format_gives_the_pixels_back(form):
    assert is_ramp(grey_of(encode(Image.fromarray(RAMP), form)), tolerance=0)


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "AVIF", "HEIF"])
def test_and_every_lossy_one_nearly(form):
    assert is_ramp(grey_of(encode(Image.fromarray(RAMP), form, quality=100)), tolerance=6)


def test_a_path_its_text_its_bytes_and_an_array_are_the_same_picture(tmp_path):
    path = tmp_path / "ramp.png"
    Image.fromarray(RAMP).save(path)
    for source in (path, str(path), path.read_bytes(), RAMP):
        assert np.array_equal(read_picture(source).pixels, RAMP)


def test_colour_stays_in_the_order_red_green_blue():
    colour = np.zeros((5, 5, 3), np.uint8)
    colour[..., 0] = 200
    assert np.array_equal(read_picture(encode(Image.fromarray(colour))).pixels, colour)
    assert np.array_equal(read_picture(colour).pixels, colour)


@pytest.mark.parametrize("form", ["JPEG", "AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_honoured(orientation, form):
    turns = {  # what the camera stored, for the upright picture to come out
        1: RAMP,
        2: RAMP[:, ::-1],
        3: RAMP[::-1, ::-1],
        4: RAMP[::-1],
        5: RAMP.T,
        6: np.rot90(RAMP),
        7: np.rot90(RAMP, 2).T,
        8: np.rot90(RAMP, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(turns[orientation]))
    content = encode(stored, form, quality=100, exif=exif.tobytes())
    assert is_ramp(grey_of(content), tolerance=6)
    read_by_pillow = Image.open(io.BytesIO(content))
    assert is_ramp(grey_of(read_by_pillow), tolerance=6)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "PPM", "HEIF"])
def test_16_bits_become_8(form):
    deep = Image.fromarray(RAMP.astype(np.uint16) * 257)
    options, apart = ({"quality": -1}, 1) if form == "HEIF" else ({}, 0)  # HEIC has 10 or 12 bits
    assert is_ramp(grey_of(encode(deep, form, **options)), tolerance=apart)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "PPM"])
def test_16_bits_become_what_they_become_in_a_data_set(form):
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    content = encode(Image.fromarray(levels), form)
    assert (grey_of(content) == decode_grey(content)).all()


def test_cmyk_becomes_rgb():
    picture = Image.merge("RGB", [Image.fromarray(RAMP)] * 3).convert("CMYK")
    assert is_ramp(grey_of(encode(picture, "JPEG", quality=100)), tolerance=6)


def test_transparent_pixels_are_white():
    colour = np.zeros((4, 4, 4), np.uint8)
    colour[0, 0] = 10, 20, 30, 255
    picture = Image.fromarray(colour)
    for source in (encode(picture), encode(picture, "WEBP", lossless=True, exact=True), picture):
        pixels = read_picture(source).pixels
        assert pixels[0, 0].tolist() == [10, 20, 30]
        assert (pixels.reshape(-1, 3)[1:] == 255).all()


@pytest.mark.parametrize("form", ["AVIF", "HEIF"])
def test_what_is_transparent_in_a_telephones_format_is_white(form):
    colour = np.full((64, 64, 4), (10, 20, 30, 255), np.uint8)
    colour[:, 32:, 3] = 0
    pixels = read_picture(encode(Image.fromarray(colour), form, quality=95)).pixels
    assert (pixels[:, 40:] > 250).all() and (pixels[:, :24] < 60).all()


def test_a_transparent_colour_of_a_palette_is_white():
    palette = Image.fromarray(RAMP % 4).convert("P")
    content = encode(palette, transparency=0)
    pixels = read_picture(content).pixels
    assert (pixels[RAMP % 4 == 0] == 255).all()
    assert not (pixels[RAMP % 4 != 0] == 255).any()


@pytest.mark.parametrize("form", ["GIF", "WEBP", "AVIF", "HEIF"])
def test_of_an_animation_the_first_frame_is_read_and_the_others_counted(form):
    first, *others = (Image.fromarray(np.roll(RAMP, shift, 1)) for shift in (0, 10, 20))
    content = encode(first, form, save_all=True, append_images=others, quality=95)
    picture = read_picture(content)
    assert (picture.n_frames, picture.frame) == (3, 0)
    assert is_ramp(recolour(picture.pixels, GREY_48), tolerance=0 if form == "GIF" else 12)


def test_of_a_heic_sequence_its_main_picture_is_read():
    other = Image.fromarray(RAMP[::-1].copy())
    options = {"save_all": True, "append_images": [Image.fromarray(RAMP)], "primary_index": 1}
    picture = read_picture(encode(other, "HEIF", quality=95, **options))
    assert (picture.n_frames, picture.frame) == (2, 1)
    assert is_ramp(recolour(picture.pixels, GREY_48), tolerance=6)


def png_of_size(width, height):
    """A PNG whose header announces a size, and which holds next to nothing."""

    def chunk(name, content):
        checksum = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 100))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(20_000, 20_000), (9_000, 9_000), (10**6, 89)])
def test_too_many_pixels_are_refused_before_anything_is_decoded(width, height, monkeypatch):
    monkeypatch.setattr(pictures, "_decode", lambda _: pytest.fail("decoded"))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda _: pytest.fail("loaded"))
    with pytest.raises(DataError, match=f"{MAX_PIXELS:,}") as caught:
        read_picture(png_of_size(width, height))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", ["AVIF", "HEIF"])
def test_a_telephones_format_has_the_same_limit(form, monkeypatch):
    content = encode(NOISE, form, quality=50)
    size = content.index(b"ispe") + 8
    vast = content[:size] + struct.pack(">II", 9_000, 9_000) + content[size + 8 :]
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda _: pytest.fail("loaded"))
    with pytest.raises(DataError) as caught:
        read_picture(vast)
    assert "9,000 x 9,000" in str(caught.value)


def test_a_heic_whose_header_says_less_than_it_holds_is_not_decoded():
    content = encode(Image.fromarray(RAMP).resize((3000, 2000)), "HEIF", quality=10)
    size = content.index(b"ispe") + 8
    with pytest.raises(DataError, match="damaged"):
        read_picture(content[:size] + struct.pack(">II", 64, 48) + content[size + 8 :])


def test_heic_without_its_codec_is_a_line_that_names_the_extra(without):
    content = encode(NOISE, "HEIF")
    without("pillow_heif")
    with pytest.raises(DataError, match=r"^is a HEIC picture.*pip install 'ferflow\[media\]'\.$"):
        read_picture(content)
    assert read_picture(encode(NOISE, "AVIF")).pixels.shape[:2] == (40, 60)


def test_a_picture_of_pillows_is_left_as_it_was():
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.open(io.BytesIO(encode(Image.fromarray(RAMP), "JPEG", exif=exif)))
    assert read_picture(picture).pixels.shape == (60, 40)
    assert picture.size == (60, 40)
    assert picture.getexif()[0x0112] == 6


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I;16"]
)
def test_every_mode_of_pillows_is_read(mode):
    deep = Image.fromarray(RAMP.astype(np.uint16) * 257)
    picture = deep if mode == "I;16" else Image.fromarray(RAMP // 128 * 255).convert(mode)
    expected = RAMP if mode == "I;16" else RAMP // 128 * 255
    assert np.abs(grey_of(picture).astype(int) - expected).max() <= 2


def test_pictures_of_pillows_that_cannot_be_read():
    closed = Image.open(io.BytesIO(encode(NOISE)))
    closed.close()
    cut_off = Image.open(io.BytesIO(encode(NOISE)[:1500]))
    for picture, reason in (
        (closed, "damaged"),
        (cut_off, "damaged"),
        (Image.new("L", (0, 5)), "at least one pixel"),
        (Image.new("F", (5, 5)), "fractions"),
        (Image.new("1", (10_000, 9_000)), "10,000 x 9,000"),
    ):
        with pytest.raises(DataError, match=reason) as caught:
            read_picture(picture)
        assert "\n" not in str(caught.value)


def test_an_array_has_the_same_limit():
    vast = np.broadcast_to(np.zeros(1, np.uint8), (10_000, 10_000))
    with pytest.raises(DataError, match="10,000 x 10,000"):
        read_picture(vast)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"no picture at all", "not a picture"),
        (b"%PDF-1.7 something", "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        (encode(NOISE)[:1500], "damaged"),
        (encode(NOISE, "JPEG")[:1500], "damaged"),
        (encode(NOISE, "BMP")[:1500], "damaged"),
        *(
            (encode(NOISE, form)[:length], "damaged")
            for form in ("AVIF", "HEIF")
            for length in (40, 500)
        ),
        (encode(Image.fromarray(RAMP.astype(np.float32)), "TIFF"), "damaged"),
    ],
)
def test_what_is_no_picture_is_one_line(content, reason):
    with pytest.raises(DataError, match=reason) as caught:
        read_picture(content)
    assert "\n" not in str(caught.value)


def test_noise_behind_each_formats_first_bytes_is_one_line():
    rng = np.random.default_rng(0)
    starts = [encode(Image.fromarray(RAMP), form)[:30] for form in (*FORMATS, "HEIF")]
    for start in starts:
        for _ in range(30):
            try:
                read_picture(start + rng.bytes(500))
            except DataError as error:
                assert "\n" not in str(error)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((5, 5), np.float32),
        np.zeros((5, 5, 4), np.uint8),
        np.zeros((2, 5, 5, 3), np.uint8),
        np.zeros(5, np.uint8),
        np.zeros((0, 5), np.uint8),
    ],
)
def test_arrays_that_are_no_picture(array):
    with pytest.raises(DataError, match="picture"):
        read_picture(array)


def test_files_that_cannot_be_read(tmp_path):
    for path in (tmp_path / "absent.png", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            read_picture(path)


@pytest.mark.parametrize(
    ("form", "options"), [("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})]
)
def test_data_sets_are_read_as_predict_reads_where_pictures_are_transparent(form, options):
    """OpenCV showed the black below: a model was trained on that, and asked about white."""
    clear, half, full = (200, 100, 50, 0), (200, 100, 50, 128), (200, 100, 50, 255)
    content = encode(Image.fromarray(np.array([[clear, half, full]], np.uint8)), form, **options)
    wanted = [[[255, 255, 255], [227, 177, 152], [200, 100, 50]]]
    assert read_picture(content).pixels.tolist() == decode_rgb(content).tolist() == wanted
    assert grey_of(content).tolist() == decode_grey(content).tolist() == [[255, 189, 124]]


def test_grey_levels_with_transparency_and_a_palette_with_it():
    """Of a palette the first colour, red, is transparent."""
    grey = encode(Image.fromarray(np.array([[[90, 0], [90, 255]]], np.uint8), "LA"))
    assert decode_grey_and_kind(grey)[0].tolist() == grey_of(grey).tolist() == [[255, 90]]
    assert decode_grey_and_kind(grey)[1] is True
    palette = Image.new("P", (2, 1))
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.putdata([0, 1])
    content = encode(palette, transparency=0)
    assert decode_rgb(content).tolist() == [[[255, 255, 255], [0, 0, 255]]]
    assert decode_rgb(encode(palette)).tolist() == [[[255, 0, 0], [0, 0, 255]]]


def test_a_transparent_picture_that_was_cut_off_is_refused():
    content = encode(Image.new("RGBA", (64, 64), (1, 2, 3, 4)), "WEBP")
    with pytest.raises(DataError, match="is not a readable picture"):
        decode_rgb(content[: len(content) // 2])
