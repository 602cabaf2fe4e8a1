"""Writing a video that any browser plays: H.264 in an MP4 file, by PyAV."""

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ferflow.core.files import atomic

Add = Callable[[NDArray[np.uint8], float], None]

_TICK = Fraction(1, 90_000)  # seconds; times are whole numbers of it
_RATES = (1, 240)  # frames a second that the encoder reckons with
_OPTIONS = {"preset": "veryfast", "crf": "21"}  # fast, and hardly to be told from the original


def can_write_videos() -> bool:
    """Whether PyAV is installed, which the extra `media` brings."""
    return importlib.util.find_spec("av") is not None


@contextmanager
def writing_video(path: Path, rate: float) -> Iterator[Add]:
    """A function that adds a frame to a new video: its pixels, uint8 RGB, and its time in seconds.

    All frames have the first one's size; odd sides get one more row or column, for H.264 has none.
    Frames keep their times, so a varying rate stays one; `rate` is the average, for the encoder.
    The file appears when the block ends. It can be played before it is loaded to its end.
    """
    import av
    from av.video.reformatter import ColorRange, Colorspace

    with (
        atomic(path) as part,
        av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"}) as container,
    ):
        reckoned = Fraction(min(max(rate, _RATES[0]), _RATES[1])).limit_denominator(1001)
        stream = container.add_stream("libx264", rate=reckoned, options=_OPTIONS)
        stream.pix_fmt = "yuv420p"  # the only one that all browsers play
        stream.codec_context.time_base = _TICK
        stream.codec_context.colorspace = Colorspace.ITU709
        stream.codec_context.color_range = ColorRange.MPEG
        last = -1

        def add(pixels: NDArray[np.uint8], seconds: float) -> None:
            nonlocal last
            height, width = pixels.shape[:2]
            even = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
            if last < 0:
                stream.height, stream.width = even.shape[:2]
            frame = av.VideoFrame.from_ndarray(even, format="rgb24")
            frame = frame.reformat(
                stream.width,
                stream.height,
                "yuv420p",
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
            )
            last = max(round(seconds / _TICK), last + 1)
            frame.pts, frame.time_base = last, _TICK
            container.mux(stream.encode(frame))

        yield add
        container.mux(stream.encode())
