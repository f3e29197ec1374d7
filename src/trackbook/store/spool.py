"""Where journals go while the store cannot be written: a folder of this user's, in the temporary folder."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from blake3 import blake3

from trackbook.errors import StoreError


def spool_folder(root: Path) -> Path:
    """Return where journals go while the store at `root` cannot be written: in the user's temporary folder."""
    user = os.getuid() if hasattr(os, "getuid") else "me"
    name = blake3(os.fsencode(root.absolute())).hexdigest(8)
    return Path(tempfile.gettempdir()) / f"trackbook-{user}-{name}"


def private_folder(folder: Path) -> Path:
    """Return a folder that only this user can read, made if need be; raises StoreError when it is somebody else's."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _is_ours(folder) and not is_private(folder):
            folder.chmod(0o700)
    except OSError as error:
        raise StoreError(f"the folder {folder} cannot be made ({error}); set TMPDIR to one that can") from error
    if not is_private(folder):
        raise StoreError(
            f"{folder} belongs to somebody else, so nothing is kept there; set TMPDIR to a folder of yours"
        )
    return folder


def is_private(folder: Path) -> bool:
    """Say whether `folder` is there, is this user's and can be written by nobody else."""
    return _is_ours(folder) and (os.name == "nt" or not folder.lstat().st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def _is_ours(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and (not hasattr(os, "getuid") or found.st_uid == os.getuid())
