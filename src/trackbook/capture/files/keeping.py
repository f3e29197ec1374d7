"""Which of the files that a cell read may be kept: those that are still what was read, and hold no secret."""

from __future__ import annotations

from pathlib import Path

from blake3 import blake3

from trackbook.capture.git.patch import is_secret_file
from trackbook.capture.redaction import redact

MAX_SEARCHED = 4_000_000
"""Bytes of a text that are searched for secrets; of a longer one the beginning."""

DATA = frozenset({".csv", ".tsv", ".txt", ".dat", ".data", ".jsonl", ".ndjson", ".svm", ".libsvm", ".arff"})
MAX_SMALL = 65_536
MAX_SEARCHED_ROWS = 16_384
"""The same for files of rows beyond `MAX_SMALL`: the first rows are like the others, and a cell may read thousands."""

BINARY_WITHIN = 8_000
"""A file with a zero byte among its first so many is binary, as git has it."""


def content_to_keep(path: Path, digest: str) -> bytes | None:
    """Return the bytes of a file; None when they are not those of `digest` any more, or hold a secret."""
    if is_secret_file(path.name):
        return None
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if blake3(content).hexdigest() != digest or _holds_secret(path, content):
        return None
    return content


def _holds_secret(path: Path, content: bytes) -> bool:
    if b"\0" in content[:BINARY_WITHIN]:
        return False  # a picture, an archive, a binary table: there is no text to search
    rows = path.suffix.lower() in DATA and len(content) > MAX_SMALL
    text = content[: MAX_SEARCHED_ROWS if rows else MAX_SEARCHED].decode("utf-8", "replace")
    return redact(text, prose=True) != text
