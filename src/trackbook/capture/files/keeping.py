"""Which of the files that a cell read may be kept: those that are still what was read, and hold no secret."""

from __future__ import annotations

from pathlib import Path

from blake3 import blake3

from trackbook.capture.git.patch import is_secret_file
from trackbook.capture.redaction import redact

MAX_SEARCHED = 4_000_000
"""Bytes of a text that are searched for secrets; of a longer one the beginning."""


def content_to_keep(path: Path, digest: str) -> bytes | None:
    """Return the bytes of a file; None when they are not those of `digest` any more, or hold a secret."""
    if is_secret_file(path.name):
        return None
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if blake3(content).hexdigest() != digest or _holds_secret(content):
        return None
    return content


def _holds_secret(content: bytes) -> bool:
    try:
        text = content[:MAX_SEARCHED].decode("utf-8", "ignore" if len(content) > MAX_SEARCHED else "strict")
    except UnicodeDecodeError:
        return False  # a picture, an archive, a binary table: there is no text to search
    return redact(text, prose=True) != text
