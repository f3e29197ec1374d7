"""Files replaced as a whole."""

from __future__ import annotations

import secrets
from pathlib import Path

from trackbook.errors import PipelineError


def replace_text(path: Path, text: str) -> None:
    """Replace a file as a whole, so that nobody reads half of one; raises PipelineError where it cannot be written."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        temporary.write_bytes(text.encode())
        mode = (path if path.exists() else temporary).stat().st_mode & 0o777
        temporary.chmod(mode | (mode & 0o444) >> 2 if text.startswith("#!") else mode)  # who may read it may run it
        temporary.replace(path)
    except OSError as error:
        raise PipelineError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
