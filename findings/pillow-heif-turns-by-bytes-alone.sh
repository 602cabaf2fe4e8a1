#!/usr/bin/env bash
# pillow-heif: save(exif=...) turns the picture if exif is bytes, not if it is Pillow's Image.Exif.
#
# JPEG, WebP and AVIF take both. HEIC's readers heed no EXIF rotation, but a rotation of HEIC's own,
# which pillow-heif writes from the EXIF bytes. Of an Image.Exif it writes the tag alone, and every
# reader shows the picture lying on its side. exif=exif.tobytes() is right. (Pillow's AVIF takes the
# rotation out of the caller's Image.Exif, so each file here gets a new one.)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pillow-heif==1.8.1 pillow==12.3.0
"$folder/venv/bin/python" - <<'PYTHON'
import io

import pillow_heif
from PIL import Image, ImageOps

pillow_heif.register_heif_opener()
lying = Image.new("RGB", (64, 40))
print("pillow-heif", pillow_heif.__version__)
seen = {}
for form in ("JPEG", "AVIF", "HEIF"):
    for name in ("Image.Exif", "bytes"):
        exif = Image.Exif()
        exif[0x0112] = 6  # as a telephone held upright stores it: to be turned by 90 degrees
        file = io.BytesIO()
        lying.save(file, form, exif=exif.tobytes() if name == "bytes" else exif)
        seen[form, name] = ImageOps.exif_transpose(Image.open(file)).size
        print(f"{form:5} exif={name:11} shown as", *seen[form, name])
assert seen.pop(("HEIF", "Image.Exif")) == (64, 40)
assert set(seen.values()) == {(40, 64)}
PYTHON
# seen: pillow-heif 1.8.1
#       JPEG  exif=Image.Exif  shown as 40 64
#       JPEG  exif=bytes       shown as 40 64
#       AVIF  exif=Image.Exif  shown as 40 64
#       AVIF  exif=bytes       shown as 40 64
#       HEIF  exif=Image.Exif  shown as 64 40
#       HEIF  exif=bytes       shown as 40 64
