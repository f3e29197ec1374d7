"""`trackbook doctor`: versions, places and whether they work; its lines can be pasted into a bug report."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click
import msgspec

from trackbook import __version__
from trackbook.cli.output import NO, exits_with_status, json_option, print_json, print_table
from trackbook.errors import TrackbookError
from trackbook.project import STORE_NAME, STORE_VARIABLE, Project, find_root
from trackbook.settings import FILE_NAME, load_settings

PACKAGES = (
    "ipython", "ipykernel", "jupyterlab", "jupyter-server", "ipywidgets", "nbformat", "nbconvert", "nbclient", "pandas",
    "numpy", "pyarrow", "scikit-learn", "scipy", "skops", "sqlite-utils", "altair",
)  # fmt: skip


class Check(msgspec.Struct, frozen=True):
    """One line of the report; `ok` is None for a plain fact."""

    name: str
    value: str
    ok: bool | None = None
    remedy: str | None = None


@click.command("doctor")
@json_option
@exits_with_status
def doctor_command(as_json: bool) -> None:
    """Report versions and places, and whether they work.  Exit status 1 when something does not."""
    checks = examine(Path.cwd())
    if as_json:
        print_json(msgspec.to_builtins(checks))
    else:
        signs = {True: "✓", False: "✗", None: ""}
        print_table(
            ["", "", "", ""],
            [[signs[check.ok], check.name, check.value, check.remedy or ""] for check in checks],
            empty="",
        )
    if any(check.ok is False for check in checks):
        sys.exit(NO)


def examine(start: Path) -> list[Check]:
    """Return the report for the project that holds `start`; nothing is created."""
    root = find_root(start)
    return [
        Check("trackbook", __version__),
        Check("python", f"{platform.python_version()} at {sys.executable}"),
        Check("platform", platform.platform()),
        *_packages(),
        _sqlite(),
        _unchanged_data(),
        Check("project", str(root)),
        _settings(root),
        _store(start, root),
        _file_system(root),
    ]


def _packages() -> list[Check]:
    checks = []
    for name in PACKAGES:
        try:
            checks.append(Check(name, version(name)))
        except PackageNotFoundError:
            checks.append(Check(name, "not installed", False, f"pip install {name}"))
    return checks


def _sqlite() -> Check:
    from trackbook.store.database import WAL_FIX, sqlite_version, wal_is_sound

    fix = ".".join(map(str, WAL_FIX))
    note = "" if wal_is_sound() else f" (before {fix}, so checkpoints happen under the store's lock only, as they do)"
    return Check("sqlite", sqlite_version() + note, True)


def _unchanged_data() -> Check:
    from trackbook.capture.fingerprint.unchanged import unavailable

    reason = unavailable()
    watched = "is known without hashing it again (the kernel tells which pages were written)"
    return Check("unchanged data", watched if reason is None else f"is hashed again each time: {reason}")


def _settings(root: Path) -> Check:
    if not (root / FILE_NAME).exists():
        return Check(FILE_NAME, "none; the defaults hold")
    try:
        settings = load_settings(root)
    except TrackbookError as error:
        return Check(FILE_NAME, str(error), False, f"correct {root / FILE_NAME}")
    return Check(FILE_NAME, f"{len(settings.gates)} gates, experiment {settings.experiment!r}", True)


def _store(start: Path, root: Path) -> Check:
    folder = _store_folder(root)
    if not folder.is_dir():
        writable = os.access(_existing(folder), os.W_OK)
        text = f"{folder}: none yet; the first run makes it" if writable else f"{folder}: cannot be made there"
        return Check(
            "store", text, writable, None if writable else f"make {folder.parent} writable, or set {STORE_VARIABLE}"
        )
    try:
        with Project.open(start, create=False).store.read() as db:
            runs = db.execute("SELECT count(*) FROM run").fetchone()[0]
    except TrackbookError as error:
        return Check("store", str(error), False, "trackbook fsck")
    return Check("store", f"{folder}: {runs} runs", True)


def _file_system(root: Path) -> Check:
    from trackbook.store.filesystem import file_system, is_network

    folder = _existing(_store_folder(root))
    kind = file_system(folder)
    if is_network(kind):
        slower = "shared over a network: the database is written without a write-ahead log, safe but slower"
        return Check("file system", f"{kind}, {slower}", True, f"for speed set {STORE_VARIABLE} to a local folder")
    return Check("file system", kind or "unknown", True)


def _store_folder(root: Path) -> Path:
    return Path(os.environ.get(STORE_VARIABLE, root / STORE_NAME))


def _existing(folder: Path) -> Path:
    return next(parent for parent in (folder, *folder.parents) if parent.exists())
