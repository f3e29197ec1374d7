"""Writing what a target made, without losing what a person wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from blake3 import blake3

from trackbook.errors import PipelineError, UsageError
from trackbook.pipeline.exports.values import Files
from trackbook.pipeline.writing import replace_text

SEAL = "# Unedited: "
_SEALED = re.compile(rf"^{re.escape(SEAL)}([0-9a-f]{{32}})\n", re.MULTILINE)


def sealed(text: str) -> str:
    """Return a text with a line that tells whether it was edited since, at the end of the comments that begin it."""
    end = 0
    for line in text.splitlines(keepends=True):
        if not line.startswith("#"):
            break
        end += len(line)
    return f"{text[:end]}{SEAL}{_digest(text)}\n{text[end:]}"


def is_unedited(text: str) -> bool:
    """Tell whether `sealed` made a text and nobody has changed it."""
    found = _SEALED.search(text)
    return found is not None and _digest(text[: found.start()] + text[found.end() :]) == found[1]


def write(root: Path, made: Files, *, force: bool = False) -> list[Path]:
    """Write files below `root` and return their paths.

    Files that were edited or come from elsewhere are only added to, unless `force`.  Raises UsageError that names them
    before anything is written, PipelineError where a file cannot be written.
    """
    texts = {root / name: text for name, text in made.items()}
    kept = [str(path.relative_to(root)) for path, text in texts.items() if not (force or _may_replace(path, text))]
    if kept:
        raise UsageError(
            f"{', '.join(kept)} exists and was not made by an export, or was edited since: "
            "move it away, give another place with -o, or write over it with --force"
        )
    for path, text in texts.items():
        _write(path, text)
    return list(texts)


def present(root: Path, names: list[str]) -> Iterator[tuple[str, str]]:
    """Yield those of the files below `root` that exist, with their texts."""
    for name in names:
        if (root / name).is_file():
            yield name, _read(root / name)


def _may_replace(path: Path, text: str) -> bool:
    if not path.exists():
        return True
    there = _read(path)
    return text.startswith(there) or is_unedited(there)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PipelineError(f"{path} cannot be read: {error}; move it away, and export again") from error


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PipelineError(f"the folder {path.parent} cannot be made: {error.strerror}") from error
    replace_text(path, text)


def _digest(text: str) -> str:
    return blake3(text.encode()).hexdigest(length=16)
