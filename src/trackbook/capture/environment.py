"""The environment of a run: Python, platform and every installed distribution, read from folder names."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import sys
import threading
from pathlib import Path

import msgspec
from blake3 import blake3

_FOLDER = re.compile(r"(?P<name>[^-]+(?:-[^-]+)*?)-(?P<version>\d[^-]*)\.dist-info")
_SEPARATORS = re.compile(r"[-_.]+")

Signature = tuple[tuple[str, int], ...]


class Environment(msgspec.Struct, frozen=True):
    """What code ran in; `distributions` maps normalised names to versions."""

    python: str
    implementation: str
    platform: str
    machine: str
    distributions: dict[str, str]

    def to_json(self) -> str:
        """Return canonical JSON: equal environments give equal text."""
        return msgspec.json.encode(self, order="sorted").decode()

    @property
    def digest(self) -> str:
        """The BLAKE3 digest of the canonical JSON."""
        return blake3(self.to_json().encode()).hexdigest()


class EnvironmentReader:
    """Reads the environment of this process, again only when an import folder has changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._signature: Signature | None = None
        self._environment: tuple[str, Environment] | None = None

    def read(self) -> tuple[str, Environment]:
        """Return the digest and the environment."""
        with self._lock:
            signature = _signature()
            if self._environment is None or signature != self._signature:
                environment = read_environment()
                self._signature, self._environment = signature, (environment.digest, environment)
            return self._environment


def read_environment() -> Environment:
    """Return the environment of this process.

    A `.dist-info` folder carries name and version in its own name (PyPA's binary distribution format), which is
    some fifty times faster to read than the metadata inside.
    """
    found: dict[str, str] = {}
    for folder in _import_folders():
        for entry in _entries(folder):
            match = _FOLDER.fullmatch(entry)
            if match:
                found.setdefault(_normalise(match["name"]), match["version"])
            elif entry.endswith((".egg-info", ".egg-link", ".dist-info")):
                _add_by_metadata(found, folder)
    return Environment(
        python=platform.python_version(),
        implementation=platform.python_implementation(),
        platform=platform.platform(),
        machine=platform.machine(),
        distributions=dict(sorted(found.items())),
    )


def _add_by_metadata(found: dict[str, str], folder: str) -> None:
    for distribution in importlib.metadata.distributions(path=[folder]):
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(_normalise(name), distribution.version)


def _normalise(name: str) -> str:
    return _SEPARATORS.sub("-", name).lower()


def _import_folders() -> list[str]:
    return [folder or str(Path.cwd()) for folder in dict.fromkeys(sys.path)]


def _entries(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - names alone, thousands of them
    except OSError:
        return []  # zip files and folders that are gone hold no distributions


def _signature() -> Signature:
    stamps = []
    for folder in _import_folders():
        try:
            stamps.append((folder, os.stat(folder).st_mtime_ns))  # noqa: PTH116 - on the path of every run
        except OSError:
            stamps.append((folder, 0))
    return tuple(stamps)
