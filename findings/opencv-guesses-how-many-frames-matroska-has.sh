#!/usr/bin/env bash
# OpenCV: CAP_PROP_FRAME_COUNT of Matroska and WebM is length times rate, not the number of frames.
#
# A telephone's or a browser's recording has a rate that varies. The ten frames below are announced
# as 106 in .mkv and .webm, and as 10 in .mp4, which counts them. Whoever takes the count for granted
# calls a whole video broken. Where the length counts from 0 and the first frame comes later, the
# guess includes that time, too.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
packages="av==18.1.0 opencv-python-headless==4.14.0.94 numpy==2.4.6"
"$folder/venv/bin/pip" install --quiet $packages
cd "$folder"
venv/bin/python - <<'PYTHON'
from fractions import Fraction

import av
import cv2
import numpy as np

seconds = [0, 0.04, 0.08, 0.5, 0.54, 2.0, 2.04, 2.1, 3.0, 3.5]
print("opencv", cv2.__version__)
counts = {}
for name, codec in (("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.webm", "libvpx-vp9")):
    with av.open(name, "w") as container:
        stream = container.add_stream(codec, rate=30)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, at in enumerate(seconds):
            grey = np.full((96, 128), 20 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="gray")
            frame.pts, frame.time_base = round(1000 * at), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    video = cv2.VideoCapture(name)
    announced, n_read = int(video.get(cv2.CAP_PROP_FRAME_COUNT)), 0
    while video.read()[0]:
        n_read += 1
    counts[name] = announced, n_read
    print(f"{name:7} announces {announced:3} frames, has {n_read}")
assert counts == {"a.mp4": (10, 10), "a.mkv": (106, 10), "a.webm": (106, 10)}
PYTHON
# seen: opencv 4.14.0
#       a.mp4   announces  10 frames, has 10
#       a.mkv   announces 106 frames, has 10
#       a.webm  announces 106 frames, has 10
