"""pip, asked as a program of its own: what it says line by line, and why it failed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from trackbook.capture.redaction import redact
from trackbook.errors import LockError

OnProgress = Callable[[str], None]

# They would send what is installed elsewhere, or change what is asked for.
_MISLEADING = (
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_ROOT",
    "PIP_USER",
    "PIP_REQUIRE_VIRTUALENV",
    "PIP_CONSTRAINT",
    "PIP_PYTHON",
)
_UNREACHABLE = re.compile(
    r"connection broken by|NewConnectionError|Failed to establish a new connection|Could not fetch URL"
    r"|name resolution|ProxyError|ConnectTimeout|ReadTimeout|SSLError|Max retries exceeded"
)
_MISSING = re.compile(r"No matching distribution found for (?P<name>[^\s=]+)==")
_OTHERS = re.compile(r"\(from versions: (?P<versions>[^)]*)\)")


class MissingDistribution(Exception):
    """No index has a distribution in the version asked for."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name, self.reason = name, reason


def run_pip(arguments: Sequence[str], on_progress: OnProgress | None, *, python: Path | None = None) -> None:
    """Run pip in this Python, installing into `python`; raises MissingDistribution and LockError with the reason."""
    target = ["--python", str(python)] if python else []
    environment = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
    command = [sys.executable, "-m", "pip", *target, "--no-input", "--disable-pip-version-check", "--retries", "1"]
    lines = []
    with subprocess.Popen(
        [*command, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment | {"PYTHONIOENCODING": "utf-8"},
    ) as process:
        try:
            for line in process.stdout or ():
                lines.append(line)
                if on_progress is not None and line.strip() and not line.startswith("WARNING"):
                    on_progress(redact(line.rstrip(), prose=True))
        except BaseException:
            process.kill()  # an interrupt, or what `on_progress` raises
            raise
    status = process.returncode
    if status != 0:
        raise _failure("".join(lines))


def _failure(said: str) -> Exception:
    if "No module named pip" in said:
        return LockError(
            f"{sys.executable} has no pip, which locks and builds environments; add it: {sys.executable} -m ensurepip"
        )
    if _UNREACHABLE.search(said):
        return LockError("the package index cannot be reached; check the network, the proxy and `pip config list`")
    match = _MISSING.search(said)
    if match:
        others = _OTHERS.search(said)
        known = others["versions"] if others else "none"
        reason = (
            "no index has it" if known in ("", "none") else "no index has this version for this Python and platform"
        )
        return MissingDistribution(match["name"], reason)
    errors = [line for line in said.splitlines() if line.startswith("ERROR")] or said.splitlines()[-3:]
    return LockError(f"pip failed: {redact(' '.join(errors)[:1000], prose=True)}")
