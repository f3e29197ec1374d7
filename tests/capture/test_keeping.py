"""Which files may be kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from blake3 import blake3

from trackbook.capture.files.keeping import MAX_SMALL, content_to_keep

SECRET = b"password = 'Zq9x-hunter2-77'\n"


def kept(path: Path, content: bytes) -> bytes | None:
    path.write_bytes(content)
    return content_to_keep(path, blake3(content).hexdigest())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b"a,b\n1,2\n"),
        ("binary.dat", b"\x00\xff" + SECRET),  # not a text
        ("empty.txt", b""),
        ("latin.csv", "größe\n1\n".encode("latin-1")),
    ],
)
def test_ordinary_data_is_kept(tmp_path: Path, name: str, content: bytes) -> None:
    """Texts without secrets, and what is no text."""
    assert kept(tmp_path / name, content) == content


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("settings.yaml", b"user: ada\n" + SECRET),
        ("notes.txt", SECRET),
        ("latin.ini", "größe = 1\n".encode("latin-1") + SECRET),
        ("rows.csv", SECRET + b"1,2\n" * MAX_SMALL),
        (".env", b"A=1"),
        ("id_rsa", b"anything"),
    ],
)
def test_a_file_with_a_secret_is_not_kept(tmp_path: Path, name: str, content: bytes) -> None:
    """By its name, or by what stands in it."""
    assert kept(tmp_path / name, content) is None


def test_a_file_that_has_changed_or_gone_is_not_kept(tmp_path: Path) -> None:
    """Only the very bytes that were read are worth keeping."""
    (tmp_path / "a.csv").write_bytes(b"new")
    assert content_to_keep(tmp_path / "a.csv", blake3(b"old").hexdigest()) is None
    assert content_to_keep(tmp_path / "gone.csv", blake3(b"old").hexdigest()) is None
