"""A spectrogram as a picture: pixels in a PNG, axes in SVG around them."""

from __future__ import annotations

import base64
import struct
import zlib
from html import escape
from typing import Any

import numpy as np

from neurodeploy.report.svg import Axis, line, svg, text

Array = np.ndarray[Any, np.dtype[Any]]

WIDTH, HEIGHT, LEFT, BOTTOM = 720.0, 190.0, 44.0, 22.0
# Black, violet, orange, pale yellow: lightness grows evenly, so it reads in grey, too.
COLOURS = np.array([[4, 4, 20], [80, 18, 110], [190, 55, 85], [245, 135, 30], [250, 250, 190]])


def png(pixels: Array) -> bytes:
    """(height, width, 3) of 8 bits as a PNG file."""
    height, width = pixels.shape[:2]

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    rows = b"".join(b"\0" + row.tobytes() for row in np.ascontiguousarray(pixels, dtype=np.uint8))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows, 9)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def coloured(share: Array) -> Array:
    """Values in [0, 1] -> colours (…, 3) of 8 bits."""
    places = np.linspace(0.0, 1.0, len(COLOURS))
    channels = [np.interp(share, places, COLOURS[:, i]) for i in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


def spectrogram_svg(db: Array, seconds: float, top_hz: float, floor_db: float, name: str) -> str:
    """(frames, bins) in dB up to 0, as an `<svg>`: time to the right, frequency upwards."""
    share = np.clip(1.0 - db / floor_db, 0.0, 1.0)
    picture = base64.b64encode(png(coloured(share.T[::-1]))).decode()
    across, up = Axis(0.0, seconds, LEFT, WIDTH), Axis(0.0, top_hz, HEIGHT - BOTTOM, 4.0)
    image = (
        f'<image x="{LEFT}" y="4" width="{WIDTH - LEFT}" height="{HEIGHT - BOTTOM - 4}" '
        f'preserveAspectRatio="none" href="data:image/png;base64,{picture}"/>'
    )
    marks = [image]
    for tick in across.ticks():
        marks.append(text(across(tick), HEIGHT - 6, f"{tick:g} s", "tick", "middle"))
    for tick in up.ticks():
        marks.append(line(LEFT - 4, up(tick), LEFT, up(tick), "axis"))
        marks.append(text(LEFT - 7, up(tick) + 4, f"{tick / 1000:g} k", "tick", "end"))
    return svg(WIDTH, HEIGHT, f"Spectrogram of {name}", marks)


def player(wav: bytes, name: str) -> str:
    """An audio element that holds the recording itself."""
    data = base64.b64encode(wav).decode()
    label = escape(name)
    return f'<audio controls aria-label="{label}" src="data:audio/wav;base64,{data}"></audio>'
