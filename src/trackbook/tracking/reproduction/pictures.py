"""Do two pictures show the same?  Their bytes differ with the version of the library that made them."""

from __future__ import annotations

import io

MAX_CHANNEL = 8
"""How far the brightness of a pixel may be apart, of 255: edges are smoothed a little differently."""

MAX_SHARE = 0.001
"""The share of the pixels that may be further apart."""


def picture_difference(first: bytes, second: bytes) -> str | None:
    """Return words for how two pictures differ, None when they show the same; without Pillow, that bytes differ."""
    try:
        import numpy
        from PIL import Image
    except ImportError:
        return "other bytes; install Pillow to compare what they show"
    try:
        left, right = (
            numpy.asarray(Image.open(io.BytesIO(data)).convert("RGBA")).astype("int16") for data in (first, second)
        )
    except (OSError, ValueError, Image.DecompressionBombError):
        return "other bytes, which cannot be read as a picture"
    if left.shape != right.shape:
        return f"{left.shape[1]} × {left.shape[0]} pixels, then {right.shape[1]} × {right.shape[0]}"
    share = float((numpy.abs(left - right).max(axis=2) > MAX_CHANNEL).mean())
    return f"another picture: {share:.1%} of the pixels differ" if share > MAX_SHARE else None
