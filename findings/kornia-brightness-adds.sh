#!/usr/bin/env bash
# kornia: RandomBrightness adds the factor less one, where torchvision, Pillow and Keras multiply.
#
# A range of (0.2, 1.5) reads like theirs, 20 to 150 % of the light. kornia's RandomBrightness and
# its adjust_brightness add -0.8 to +0.5 to images of 0 to 1 instead: at 0.2 everything darker than
# 0.8 is black, and contrast is not scaled at all. adjust_brightness_accumulative multiplies.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet kornia==0.9.0 torch==2.13.0 numpy==2.4.6 pillow==12.3.0
"$folder/venv/bin/python" - <<'PYTHON'
import kornia
import numpy as np
import torch
from kornia.augmentation import RandomBrightness
from kornia.enhance import adjust_brightness_accumulative
from PIL import Image, ImageEnhance

greys = torch.tensor([0.2, 0.4, 0.6, 0.8, 1.0]).view(1, 1, 1, 5)
step = RandomBrightness(brightness=(0.5, 0.5), p=1.0)
added = step(greys).flatten().tolist()
scaled = adjust_brightness_accumulative(greys, torch.tensor(0.5)).flatten().tolist()
picture = Image.fromarray((greys.numpy().reshape(1, 5) * 255).round().astype(np.uint8))
pillow = (np.asarray(ImageEnhance.Brightness(picture).enhance(0.5)) / 255).ravel().tolist()
print("kornia", kornia.__version__)
for name, values in (("grey levels", greys.flatten().tolist()), ("RandomBrightness(0.5)", added),
                     ("accumulative(0.5)", scaled), ("Pillow(0.5)", pillow)):
    print(f"{name:22}", " ".join(f"{value:.2f}" for value in values))
assert np.allclose(added, [0, 0, 0.1, 0.3, 0.5], atol=1e-6)
assert np.allclose(scaled, [0.1, 0.2, 0.3, 0.4, 0.5], atol=1e-6)
assert np.allclose(pillow, scaled, atol=0.005)
PYTHON
# seen: kornia 0.9.0
#       grey levels            0.20 0.40 0.60 0.80 1.00
#       RandomBrightness(0.5)  0.00 0.00 0.10 0.30 0.50
#       accumulative(0.5)      0.10 0.20 0.30 0.40 0.50
#       Pillow(0.5)            0.10 0.20 0.30 0.40 0.50
