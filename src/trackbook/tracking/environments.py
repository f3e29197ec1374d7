"""Recorded environments: their locks, and virtual environments built from these."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import sysconfig
import tempfile
from collections.abc import Collection
from pathlib import Path

import msgspec
from filelock import FileLock

import trackbook
from trackbook.capture.environment import Environment, EnvironmentDifference, EnvironmentReader, difference
from trackbook.errors import LockError, NotFoundError
from trackbook.store import Store, now_ms
from trackbook.tracking.locks import OWN, LeftOut, Requirements, described, lock_text, requirements, wanted
from trackbook.tracking.pip import MissingDistribution, OnProgress, run_pip

FOLDER = "environments"
_COMPLETE = "complete"
_DIGEST = re.compile(r"[0-9a-f]{4,64}")


class Environments:
    """Reads, locks and builds the environments that runs were recorded in."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, digest: str) -> Environment:
        """Return an environment by its digest, or the first characters of it; raises NotFoundError."""
        return self._find(digest)[1]

    def difference(self, one: str, other: str) -> EnvironmentDifference:
        """Return what is different in the environment `other`; both by digest."""
        return difference(self.get(one), self.get(other))

    def lock(self, digest: str, on_progress: OnProgress | None = None) -> str:
        """Return the lock (`pylock.toml`, PEP 751) of an environment; made once, with pip and its package index.

        What no index has is named in the table `tool.trackbook`.  Raises NotFoundError, and LockError when the
        environment is another Python's or platform's, or the index cannot be reached.
        """
        digest, environment = self._find(digest)
        stored = self._stored(digest)
        if stored is not None:
            return stored
        _check_python(environment, "lock")
        text = self._make(digest, environment, on_progress)
        with self._store.write() as db:
            db.execute(
                "INSERT INTO environment_lock (digest, lock, time) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (digest, text, now_ms()),
            )
        return self._stored(digest) or text

    def build(self, digest: str, on_progress: OnProgress | None = None) -> Path:
        """Return the Python of a virtual environment that holds what the lock names, each file by its hash.

        It is kept in the store and built once; this Trackbook itself is linked into it.  Raises as `lock` does, and
        LockError when the lock leaves out what code may need.
        """
        digest, environment = self._find(digest)
        _check_python(environment, "build")
        text = self.lock(digest, on_progress)
        folder = self._store.root / FOLDER / digest
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        with FileLock(folder.with_suffix(".lock"), mode=0o600):
            python = _python(folder)
            # Scripts in it name their folder, so that it cannot be built elsewhere and moved: a mark completes it.
            if not (folder / _COMPLETE).is_file() or not python.exists():
                shutil.rmtree(folder, ignore_errors=True)
                _build(folder, text, on_progress)
                (folder / _COMPLETE).touch()
        return python

    def hashed(self, names: Collection[str], *, resolve: bool) -> Requirements | None:
        """Return what of this Python's environment pip is to install by hash, only of distributions `names`.

        It is taken from the stored lock; without one, from the package index if `resolve`, else None is returned.
        Folders and version control have no hash and are left out.  Raises LockError when the index cannot be reached.
        """
        digest, environment = EnvironmentReader().read()
        text = self._stored(digest)
        if text is None and not resolve:
            return None
        if text is None:
            chosen = {name: version for name, version in environment.distributions.items() if name in names}
            sources = {name: source for name, source in environment.sources.items() if name in names}
            part = msgspec.structs.replace(environment, distributions=chosen, sources=sources)
            text = self._make(digest, part, None)
        found = requirements(text)
        direct = tuple(LeftOut(_name_of(line), "", "it comes from a folder or repository") for line in found.direct)
        left_out = tuple(each for each in (*found.left_out, *direct) if each.name in names)
        return Requirements(tuple(line for line in found.hashed if _name_of(line) in names), (), left_out)

    def _find(self, digest: str) -> tuple[str, Environment]:
        if not _DIGEST.fullmatch(digest):
            raise NotFoundError(f"{digest!r} is no digest of an environment; `trackbook show RUN` names a run's")
        with self._store.read() as db:
            rows = db.execute(
                "SELECT digest, content FROM environment WHERE substr(digest, 1, ?) = ? LIMIT 2", (len(digest), digest)
            ).fetchall()
        if len(rows) != 1:
            many = "more than one environment begins" if rows else "no environment begins"
            raise NotFoundError(f"{many} with {digest!r}; `trackbook show RUN` names a run's")
        ((found, content),) = rows
        return found, Environment.from_json(content)

    def _stored(self, digest: str) -> str | None:
        with self._store.read() as db:
            row = db.execute("SELECT lock FROM environment_lock WHERE digest = ?", (digest,)).fetchone()
        return None if row is None else str(row[0])

    def _make(self, digest: str, environment: Environment, on_progress: OnProgress | None) -> str:
        asked, missing = wanted(environment), dict[str, str]()
        while True:
            try:
                return lock_text(environment, digest, self._report(asked, on_progress), missing)
            except MissingDistribution as error:
                if asked.pop(error.name, None) is None:
                    raise LockError(f"pip looks in vain for {error.name}, which nobody asked for") from error
                missing[error.name] = error.reason

    def _report(self, asked: dict[str, str], on_progress: OnProgress | None) -> dict[str, object]:
        """Return pip's installation report, a documented interface, for distributions in exact versions."""
        if not asked:
            return {}
        with tempfile.TemporaryDirectory(dir=self._store.root, prefix=".lock-") as folder:
            listed, report = Path(folder, "requirements.txt"), Path(folder, "report.json")
            listed.write_text("".join(f"{name}=={version}\n" for name, version in asked.items()), encoding="utf-8")
            options = ("--dry-run", "--ignore-installed", "--no-deps", "--report", str(report))
            run_pip(["install", *options, "-r", str(listed)], on_progress)
            found: dict[str, object] = json.loads(report.read_bytes())
            return found


def _name_of(line: str) -> str:
    return re.split(r"==| @ ", line, maxsplit=1)[0].strip()


def _check_python(environment: Environment, verb: str) -> None:
    here = (platform.python_implementation(), _minor(platform.python_version()), platform.system(), platform.machine())
    system = environment.platform.partition("-")[0].replace("macOS", "Darwin")
    there = (environment.implementation, _minor(environment.python), system, environment.machine)
    if here != there:
        raise LockError(
            f"the environment is of {' '.join(there)} and this is {' '.join(here)}: "
            f"{verb} it with that Python on such a machine"
        )


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _build(folder: Path, lock: str, on_progress: OnProgress | None) -> None:
    import venv

    wanted = requirements(lock)
    gone = tuple(each for each in wanted.left_out if each.name not in OWN)
    if gone:
        raise LockError(f"the environment cannot be built again without {described(gone)}; use the current one")
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    python = _python(folder)
    try:
        for lines, options in ((wanted.hashed, ("--require-hashes",)), (wanted.direct, ())):
            if lines:
                listed = folder / "requirements.txt"
                listed.write_text("\n".join(lines) + "\n", encoding="utf-8")
                run_pip(["install", "--no-deps", *options, "-r", str(listed)], on_progress, python=python)
    except MissingDistribution as error:
        raise LockError(
            f"{error.name} is in the lock, but {error.reason} any more with the same hash; use the current environment"
        ) from error
    _add_trackbook(folder)


def _add_trackbook(folder: Path) -> None:
    # Not a path to where this Trackbook lies: all other packages of this environment may lie there too.
    package = Path(trackbook.__file__).parent
    target = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}), package.name)
    try:
        target.symlink_to(package, target_is_directory=True)
    except OSError:  # Windows lets few people make links
        shutil.copytree(package, target)


def _python(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


__all__ = ["Environments", "LockError"]
