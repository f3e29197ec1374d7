"""Bytes made smaller with Zstandard, where that pays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from trackbook.errors import IntegrityError

LEVEL = 1
WORTH = 0.8
"""What does not get smaller than this share stays as it is: the place is not worth the time of every reader."""

SAMPLE = 16 << 10

PIECE = 4 << 20
_HEADER = 18
"""The longest header of a frame, in bytes; it holds the size of the content."""


def compressed(content: bytes | memoryview) -> bytes | None:
    """Return `content` as a Zstandard frame that knows its size; None where that would hardly be smaller."""
    import zstandard  # here and below: a command that finds nothing new does without

    compress = zstandard.ZstdCompressor(level=LEVEL).compress
    whole = memoryview(content)
    middle = whole[len(whole) // 2 :][:SAMPLE]  # where the content is, not what a header says before it
    if len(whole) > 4 * SAMPLE and len(compress(middle)) >= WORTH * len(middle):
        return None
    frame: bytes = compress(whole)
    return frame if len(frame) < WORTH * len(whole) else None


def decompressed(file: BinaryIO) -> Iterator[bytes]:
    """Yield the content of the frame in `file` in pieces; a frame that is cut off just ends early.

    Nothing that the frame's header claims is believed: memory is used for what comes out of it, not for its size.
    Raises IntegrityError for what is no frame.
    """
    import zstandard

    reader = zstandard.ZstdDecompressor().stream_reader(file, closefd=False)
    try:
        while piece := reader.read(PIECE):
            yield piece
    except zstandard.ZstdError as error:
        raise IntegrityError(f"it is no Zstandard frame ({error})") from error


def content_size(path: Path) -> int:
    """Return the size that the frame in a file says its content has; raises IntegrityError when it says none."""
    import zstandard

    with path.open("rb") as file:
        header = file.read(_HEADER)
    try:
        size: int = zstandard.frame_content_size(header)
    except zstandard.ZstdError as error:
        raise IntegrityError(f"it is no Zstandard frame ({error})") from error
    if size < 0:
        raise IntegrityError("its frame does not say how large its content is")
    return size
