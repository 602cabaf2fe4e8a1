"""Small videos, written by PyAV, for tests of those who read them."""

import struct
from fractions import Fraction

import av
import numpy as np

_TICK = Fraction(1, 1000)
_ONE, _LAST = 1 << 16, 1 << 30  # in the fixed-point numbers of a display matrix
_TURNS = {  # clockwise, in degrees -> the four corners of the matrix
    90: (0, _ONE, -_ONE, 0),
    180: (-_ONE, 0, 0, -_ONE),
    270: (0, -_ONE, _ONE, 0),
}


def write_film(path, frames, times, codec="libx264", pix_fmt="yuv420p"):
    """A video of frames, grey (height, width) or RGB, at these times in seconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30)
        stream.pix_fmt = pix_fmt
        stream.codec_context.time_base = _TICK
        stream.height, stream.width = frames[0].shape[:2]
        for pixels, seconds in zip(frames, times, strict=True):
            form = "gray" if pixels.ndim == 2 else "rgb24"
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=form)
            frame = frame.reformat(format=pix_fmt)
            frame.pts, frame.time_base = round(seconds / _TICK), _TICK
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def turned(content, degrees):
    """An MP4 file's bytes with a header that has it shown turned, as telephones write it."""
    a, b, c, d = _TURNS[degrees]
    begin = content.index(b"tkhd") + 44
    matrix = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, _LAST)
    return content[:begin] + matrix + content[begin + len(matrix) :]


def write_sound(path):
    """A file with sound and no pictures."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44_100)
        for number in range(10):
            frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
            frame.planes[0].update(bytes(4096))
            frame.sample_rate, frame.pts = 44_100, 1024 * number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
