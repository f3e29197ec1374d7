"""Stored bytes as an answer that no browser runs: text as text, PNG and JPEG as such, all else to be saved.

What a run keeps was written by code that nobody has read.  So the type comes from the bytes and never from the store;
HTML and SVG are text; nothing may be sniffed; and should somebody open the address itself, the page is a sandbox
without scripts, styles, or anything from elsewhere.
"""

from __future__ import annotations

from typing import NamedTuple

POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
IMAGES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
"""Pictures by their first bytes; a browser decodes them and runs nothing."""
TEXT_TYPE = "text/plain; charset=utf-8"
OTHER_TYPE = "application/octet-stream"


class Content(NamedTuple):
    """Bytes with their media type; `saved` when a browser is to store them under `name` instead of showing them."""

    data: bytes
    media_type: str
    saved: bool
    name: str


def safe_content(data: bytes, name: str) -> Content:
    """Return how `data` may be sent; `name` is that of the artifact, of which only harmless letters stay."""
    kept = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "_" for letter in name)
    for start, media_type in IMAGES.items():
        if data.startswith(start):
            return Content(data, media_type, False, kept)
    if is_text(data):
        return Content(data, TEXT_TYPE, False, kept)
    return Content(data, OTHER_TYPE, True, kept)


def is_text(data: bytes) -> bool:
    """Say whether bytes are UTF-8 text without NUL."""
    if b"\0" in data:
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
