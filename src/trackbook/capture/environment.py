"""The environment of a run: Python, platform, every installed distribution, and what else decides about numbers."""

from __future__ import annotations

import locale
import os
import platform
import re
import sys
import threading
from pathlib import Path

import msgspec
from blake3 import blake3

from trackbook.capture.redaction import redact, without_credentials

VARIABLES = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
    *("NUMEXPR_NUM_THREADS", "NUMEXPR_MAX_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS", "LOKY_MAX_CPU_COUNT"),
    *("OMP_DYNAMIC", "MKL_CBWR", "OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES", "ATEN_CPU_CAPABILITY"),
    *("CUDA_VISIBLE_DEVICES", "CUBLAS_WORKSPACE_CONFIG", "TF_DETERMINISTIC_OPS", "TF_ENABLE_ONEDNN_OPTS"),
    *("XLA_FLAGS", "JAX_ENABLE_X64", "JAX_PLATFORMS", "KERAS_BACKEND", "TOKENIZERS_PARALLELISM"),
    *("PYTHONHASHSEED", "PYTHONUTF8", "PYTHONIOENCODING", "PYTHONOPTIMIZE", "PYTHONWARNINGS", "MPLBACKEND"),
    *("SCIPY_ARRAY_API", "TZ", "LANG", "LC_ALL", "LC_CTYPE", "LC_NUMERIC", "LC_TIME", "LC_COLLATE"),
)
"""The only environment variables whose values are recorded."""

_FOLDER = re.compile(r"(?P<name>[^-]+(?:-[^-]+)*?)-(?P<version>\d[^-]*)\.dist-info")
_SEPARATORS = re.compile(r"[-_.]+")

_BLAS = re.compile(r'"blas": \{.*?"name": "(?P<name>[^"]+)".*?"version": "(?P<version>[^"]*)"', re.DOTALL)

Signature = tuple[object, ...]


class Source(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a distribution came from that no index gave: PEP 610's record, without credentials.

    `kind` is `editable`, `directory`, `vcs` or `archive`.
    """

    kind: str
    url: str
    vcs: str | None = None
    commit: str | None = None
    revision: str | None = None
    hashes: dict[str, str] = {}
    subdirectory: str | None = None


class Environment(msgspec.Struct, frozen=True):
    """What code ran in; `distributions` maps normalised names to versions, `sources` those that no index gave.

    `blas` is the library that numpy was built with, `cpus` how many this process may use, `locale` the conventions
    for numbers and text, `variables` the values of those `VARIABLES` that are set.
    """

    python: str
    implementation: str
    platform: str
    machine: str
    distributions: dict[str, str]
    sources: dict[str, Source] = {}
    blas: str | None = None
    cpus: int | None = None
    locale: str | None = None
    variables: dict[str, str] = {}

    @classmethod
    def from_json(cls, text: str | bytes) -> Environment:
        """Return the environment of a text that `to_json` made, in this or an earlier version."""
        return msgspec.json.decode(text, type=cls)

    def to_json(self) -> str:
        """Return canonical JSON: equal environments give equal text."""
        return msgspec.json.encode(self, order="sorted").decode()

    def rows(self) -> dict[str, str | None]:
        """Return everything by name: facts such as `python` and `variables.TZ`, then the versions of distributions."""
        return {**_facts(self), **self.distributions}

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


class EnvironmentDifference(msgspec.Struct, frozen=True):
    """What changed from one environment to another, names in order; empty when nothing did.

    `facts` are all but the distributions: `python`, `platform`, `variables.TZ`, `sources.NAME` and so on.
    """

    added: dict[str, str]
    removed: dict[str, str]
    changed: dict[str, tuple[str, str]]
    facts: dict[str, tuple[str | None, str | None]]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.facts)

    def to_dict(self) -> dict[str, dict[str, object]]:
        """Return the difference as plain values for JSON."""
        found: dict[str, dict[str, object]] = msgspec.json.decode(msgspec.json.encode(self))
        return found


def difference(one: Environment, other: Environment) -> EnvironmentDifference:
    """Return what is different in `other`."""
    before, after = one.distributions, other.distributions
    was, now = _facts(one), _facts(other)
    return EnvironmentDifference(
        added={name: after[name] for name in sorted(after.keys() - before.keys())},
        removed={name: before[name] for name in sorted(before.keys() - after.keys())},
        changed={
            name: (before[name], after[name])
            for name in sorted(before.keys() & after.keys())
            if before[name] != after[name]
        },
        facts={name: (was.get(name), now.get(name)) for name in {**was, **now} if was.get(name) != now.get(name)},
    )


def _facts(environment: Environment) -> dict[str, str | None]:
    facts: dict[str, str | None] = {
        "python": environment.python,
        "implementation": environment.implementation,
        "platform": environment.platform,
        "machine": environment.machine,
        "blas": environment.blas,
        "cpus": None if environment.cpus is None else str(environment.cpus),
        "locale": environment.locale,
    }
    facts |= {f"variables.{name}": value for name, value in sorted(environment.variables.items())}
    return facts | {
        f"sources.{name}": " ".join(part for part in (source.kind, source.url, source.commit) if part)
        for name, source in sorted(environment.sources.items())
    }


def read_environment() -> Environment:
    """Return the environment of this process.

    A `.dist-info` folder carries name and version in its own name (PyPA's binary distribution format), which is
    some fifty times faster to read than the metadata inside.
    """
    found: dict[str, str] = {}
    sources: dict[str, Source] = {}
    for folder in _import_folders():
        for entry in _entries(folder):
            match = _FOLDER.fullmatch(entry)
            if match:
                name = _normalise(match["name"])
                if name not in found:
                    found[name] = match["version"]
                    _add_source(sources, name, f"{folder}/{entry}/direct_url.json")
            elif entry.endswith((".egg-info", ".egg-link", ".dist-info")):
                _add_by_metadata(found, folder)
    return Environment(
        python=platform.python_version(),
        implementation=platform.python_implementation(),
        platform=platform.platform(),
        machine=platform.machine(),
        distributions=dict(sorted(found.items())),
        sources=dict(sorted(sources.items())),
        blas=_blas(),
        cpus=_cpus(),
        locale=_locale(),
        variables={name: redact(os.environ[name]) for name in sorted(VARIABLES) if name in os.environ},
    )


def _add_by_metadata(found: dict[str, str], folder: str) -> None:
    import importlib.metadata  # here: most installations need none of it, and it brings the modules of e-mail

    for distribution in importlib.metadata.distributions(path=[folder]):
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(_normalise(name), distribution.version)


def _add_source(sources: dict[str, Source], name: str, record: str) -> None:
    if not os.access(record, os.R_OK):  # five times faster than to open what most distributions lack
        return
    try:
        found = msgspec.json.decode(Path(record).read_bytes(), type=_DirectUrl)
    except (OSError, msgspec.MsgspecError):
        return  # no record by PEP 610
    if found.vcs_info is not None:
        kind = "vcs"
    elif found.dir_info is not None:
        kind = "editable" if found.dir_info.editable else "directory"
    else:
        kind = "archive"
    vcs, archive = found.vcs_info or _Vcs(), found.archive_info or _Archive()
    old = dict([archive.hash.split("=", 1)]) if archive.hash and "=" in archive.hash else {}
    sources[name] = Source(
        kind=kind,
        url=without_credentials(found.url),
        vcs=vcs.vcs,
        commit=vcs.commit_id,
        revision=vcs.requested_revision,
        hashes=archive.hashes or old,
        subdirectory=found.subdirectory,
    )


class _Vcs(msgspec.Struct, frozen=True):
    vcs: str | None = None
    commit_id: str | None = None
    requested_revision: str | None = None


class _Folder(msgspec.Struct, frozen=True):
    editable: bool = False


class _Archive(msgspec.Struct, frozen=True):
    hashes: dict[str, str] | None = None
    hash: str | None = None


class _DirectUrl(msgspec.Struct, frozen=True):
    """The file `direct_url.json` of an installed distribution."""

    url: str
    vcs_info: _Vcs | None = None
    dir_info: _Folder | None = None
    archive_info: _Archive | None = None
    subdirectory: str | None = None


def _blas() -> str | None:
    """Return name and version of numpy's BLAS, from its record of the build: numpy need not be imported."""
    for folder in _import_folders():
        try:
            record = Path(folder, "numpy", "__config__.py").read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue
        match = _BLAS.search(record)
        return f"{match['name']} {match['version']}".strip() if match else None
    return None


def _cpus() -> int | None:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _locale() -> str:
    kinds = (locale.LC_CTYPE, locale.LC_NUMERIC, locale.LC_COLLATE, locale.LC_TIME)
    return " ".join(dict.fromkeys([*map(locale.setlocale, kinds), sys.getfilesystemencoding()]))


def _normalise(name: str) -> str:
    return _SEPARATORS.sub("-", name).lower()


def _import_folders() -> list[str]:
    try:
        here = str(Path.cwd())
    except FileNotFoundError:  # it was deleted, and so holds nothing to import
        here = None
    return [found for folder in dict.fromkeys(sys.path) if (found := folder or here)]


def _entries(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - names alone, thousands of them
    except OSError:
        return []  # zip files and folders that are gone hold no distributions


def _signature() -> Signature:
    """Return what changes with every installation, and with everything else that is recorded."""
    stamps: list[object] = [os.environ.get(name) for name in VARIABLES]
    stamps += [_cpus(), _locale()]
    for folder in _import_folders():
        try:
            stamps.append((folder, os.stat(folder).st_mtime_ns))  # noqa: PTH116 - on the path of every run
        except OSError:
            stamps.append((folder, 0))
    return tuple(stamps)
