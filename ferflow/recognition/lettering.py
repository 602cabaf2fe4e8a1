"""Text for pictures, in any language that a font here can write."""

from functools import lru_cache
from unicodedata import combining, normalize

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ferflow.core.errors import printable

Colour = tuple[int, int, int]  # RGB

# None is Pillow's own font, which has little more than ASCII, no accents. The others have more and
# lie on many systems.
_FONTS = (
    None,
    *("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "NotoSans-Regular.ttf"),
    *("NotoSansCJK-Regular.ttc", "wqy-microhei.ttc", "NotoSansThai-Regular.ttf"),
    *("NotoSansDevanagari-Regular.ttf", "Arial Unicode.ttf", "arial.ttf", "msyh.ttc", "malgun.ttf"),
)
_NO_CHARACTER = "\uffff"  # for which a font draws its sign for all that it lacks
_MAX_LETTERS = 30


def spelt(text: str, instead: str) -> str:
    """A text as a font here can write it: shortened, without accents if need be, or `instead`."""
    text = printable(text).replace("\n", " ")
    if len(text) > _MAX_LETTERS:
        text = f"{text[: _MAX_LETTERS - 3]}..."
    if any(_has(name, text) for name in _FONTS):
        return text
    plain = "".join(letter for letter in normalize("NFKD", text) if not combining(letter))
    return plain if plain.isascii() else instead


@lru_cache(maxsize=256)
def written(text: str, size: int, ink: Colour, ground: Colour) -> NDArray[np.uint8]:
    """A line of text on a ground of one colour, uint8 RGB, some 1.4 `size` pixels high."""
    font = _font(_font_for(text), size)
    ascent, descent = font.getmetrics()
    margin = max(1, size // 5)
    wide = round(font.getlength(text)) + 2 * margin
    image = Image.new("RGB", (wide, ascent + descent + margin // 2), ground)
    ImageDraw.Draw(image).text((margin, margin // 4), text, fill=ink, font=font)
    return np.asarray(image, dtype=np.uint8)


@lru_cache(maxsize=256)
def _font_for(text: str) -> str | None:
    """The name of the first font that can write a text; None is Pillow's own."""
    return next((name for name in _FONTS if _has(name, text)), None)


@lru_cache(maxsize=1024)
def _has(name: str | None, text: str) -> bool:
    if name is None and text.isascii():
        return True
    try:
        font = _font(name, 20)
    except OSError:  # not on this system
        return False
    missing = bytes(font.getmask(_NO_CHARACTER))
    return all(bytes(font.getmask(letter)) != missing for letter in text)


@lru_cache(maxsize=64)
def _font(name: str | None, size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size) if name is None else ImageFont.truetype(name, size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font
