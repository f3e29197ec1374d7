"""Tools that exported files are for, each in an environment of its own that is made once and kept.

They lie in the user's cache, `TRACKBOOK_TOOLS` puts them elsewhere.  A tool that cannot be installed, as without a
network, skips its test with pip's or npm's reason.  `TRACKBOOK_EXPORTS=none` installs nothing and skips them all.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

INSTALL_SECONDS = 600
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
"""The user's own, read before a test has a home of its own."""


def python_tool(name: str, *packages: str) -> Path:
    """Return the folder of the programs of a virtual environment that holds `packages`."""

    def make(folder: Path) -> list[list[str]]:
        python = str(folder / "bin" / "python")
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
        return [[sys.executable, "-m", "venv", str(folder)], pip]

    return _kept(name, packages, make) / "bin"


def npm_tool(name: str, *packages: str) -> Path:
    """Return a folder in whose `node_modules` there are `packages`."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("there is no npm, which installs " + ", ".join(packages))
    options = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
    return _kept(name, packages, lambda folder: [[npm, "install", "--prefix", str(folder), *options, *packages]])


def environment(home: Path, **others: str) -> dict[str, str]:
    """Return an environment in which `trackbook` is found and nothing of the user's is."""
    hidden = ("TRACKBOOK", "GIT_", "AIRFLOW", "METAFLOW", "KFP", "DVC")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(hidden)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return kept | {"PATH": path, "HOME": str(home), "USER": "tester", "USERNAME": "tester", "NO_COLOR": "1"} | others


def run(command: list[str | Path], folder: Path, env: dict[str, str], *, status: int | None = 0) -> str:
    """Run a program and return all that it printed; fails where its exit status is not `status`."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words,
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert status is None or done.returncode == status, f"{' '.join(words)}\n{done.stdout}"
    return done.stdout


def _kept(name: str, packages: tuple[str, ...], make: object) -> Path:
    if os.environ.get("TRACKBOOK_EXPORTS") == "none":
        pytest.skip("TRACKBOOK_EXPORTS=none: no tools are installed")
    root = Path(os.environ.get("TRACKBOOK_TOOLS") or CACHE / "trackbook-tests" / "tools")
    version = hashlib.sha256(repr((sys.version_info[:2], packages)).encode()).hexdigest()[:12]
    folder = root / f"{name}-{version}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        complete = folder / "complete"
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            for command in make(folder):  # type: ignore[operator]
                _install(name, command)
            complete.touch()
    return folder


def _install(name: str, command: list[str]) -> None:
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"{name} was not installed within {INSTALL_SECONDS} s")
    if done.returncode:
        last = [line for line in done.stdout.splitlines() if line.strip() and not line.startswith("WARNING")][-1:]
        pytest.skip(f"{name} cannot be installed here: {' '.join(last)[:300]}")
