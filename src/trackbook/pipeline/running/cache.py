"""Which finished steps need not run again, and where their results lie.

A key is made of the code that a step reaches, what it is handed, the environment and where it runs.  With
each result stand the files it was computed from and the random state it began with; they must still be the
same.  A result is only kept when taking it from here is the same as running the step, see `keeping.unsafe`; the files
that the step wrote belong to it, see `writes`.

What cannot be seen is not a reason to run again: the clock, files that native code opens whose names are
not in the code, and answers of `os.path.exists`.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from blake3 import blake3

from trackbook.errors import IntegrityError, NotFoundError
from trackbook.pipeline.plan import StepPlan
from trackbook.pipeline.running.files import RACY_NS, KeptFile, is_plain, is_there
from trackbook.pipeline.running.observe import ABSENT, Seen, see
from trackbook.store import Store, now_ms

FORMAT = "2"
"""Part of every key: another number makes all that was kept unknown."""

_READ_AT_ONCE = 64 * 1024 * 1024


class Entry(msgspec.Struct, frozen=True):
    """A kept result: the object with the pickled outputs, the files and folders made, and all that makes it valid.

    `context` is set where the step changed an argument in place, which is only right as long as the same
    values are there to see it.
    """

    digest: str
    signatures: tuple[str, ...]
    references: tuple[int, ...] = ()
    reads: tuple[Seen, ...] = ()
    printed: str = ""
    random_before: str = ""
    random_after: str = ""
    context: str = ""
    files: tuple[KeptFile, ...] = ()
    folders: tuple[str, ...] = ()
    seconds: float = 0.0
    time: int = 0


def step_key(step: StepPlan, arguments: Sequence[str], *, environment: str, cwd: Path, project: str, state: str) -> str:
    """Return the key of one call: 64 hexadecimal characters.

    `arguments` are signatures; `project` is the digest of the project's own modules that the code imports,
    `state` stands for what earlier steps did to the process.
    """
    code = step.code
    parts = [
        FORMAT,
        code.source,
        [list(pair) for pair in code.reached],
        [[argument.keyword, given] for argument, given in zip(step.arguments, arguments, strict=True)],
        [len(step.outputs), step.unpacked],
        [environment, str(cwd), project, state, _environ(step)],
    ]
    return blake3(msgspec.json.encode(parts)).hexdigest()


def project_modules(modules: Iterable[str], folder: Path) -> dict[str, str]:
    """Return the digests of the source files under `folder` that importing `modules` reaches, by their paths."""
    found: dict[str, str] = {}
    waiting = [(name, folder) for name in modules]
    while waiting:
        name, base = waiting.pop()
        for path in _module_files(name, base, folder):
            if str(path) not in found:
                source = path.read_bytes()
                found[str(path)] = blake3(source).hexdigest()
                waiting += [(inner, path.parent) for inner in _imports(source)]
    return found


class StepCache:
    """Keeps results of steps in the objects and the table `step_cache` of a store."""

    def __init__(self, store: Store, folder: Path, steps: Iterable[str] = ()) -> None:
        """Read what is kept for `steps`, by name, at once: one look at the database for a whole run.

        `folder` is where steps run and their files lie.
        """
        self._store, self._folder = store, folder
        self._known: dict[str, str] = {}
        names = msgspec.json.encode(sorted(set(steps))).decode()
        with store.read() as db:
            query = "SELECT key, outputs FROM step_cache WHERE step IN (SELECT value FROM json_each(?))"
            self._known = {row["key"]: row["outputs"] for row in db.query(query, [names])}

    def find(self, key: str, random_token: str, context: str) -> Entry | None:
        """Return the result kept under `key` when it is whole and nothing it was computed from has changed."""
        known = self._known.get(key)
        if known is None:
            return None
        try:
            entry = msgspec.json.decode(known, type=Entry)
        except msgspec.MsgspecError:
            return None
        if not all(is_plain(name) for name in (*entry.folders, *(kept.path for kept in entry.files))):
            return None
        if entry.random_after and entry.random_before != random_token:
            return None
        if entry.context not in ("", context):
            return None
        needed = [digest for digest in (entry.digest, entry.printed, entry.random_after) if digest]
        needed += [kept.digest for kept in self.missing(entry)]
        if not all(self._is_whole(digest) for digest in needed):
            return None
        return entry if all(unchanged(seen, entry.time) for seen in entry.reads) else None

    def missing(self, entry: Entry) -> list[KeptFile]:
        """Return the files of a kept result that are not there as they were."""
        return [kept for kept in entry.files if not is_there(kept, self._folder, entry.time)]

    def is_known(self, digest: str) -> bool:
        """Tell whether a kept result of one of the steps names this object."""
        return any(digest in content for content in self._known.values())

    def _is_whole(self, digest: str) -> bool:
        """Tell whether an object is there undamaged; a big one is only read, and checked, when it is needed."""
        objects = self._store.objects
        try:
            if objects.size(digest) <= _READ_AT_ONCE:
                objects.get(digest)
        except (NotFoundError, IntegrityError):
            return False
        return True

    def keep(self, key: str, step: str, entry: Entry, run_id: str) -> None:
        """Remember `entry`, durably."""
        content = msgspec.json.encode(entry).decode()
        row = (key, step, content, run_id, now_ms())
        with self._store.write() as db:
            db.execute(
                "INSERT OR REPLACE INTO step_cache (key, step, outputs, run_id, time) VALUES (?, ?, ?, ?, ?)", row
            )
        self._known[key] = content


def unchanged(seen: Seen, kept_time: int) -> bool:
    """Tell whether a file or folder is what it was; `kept_time` is in milliseconds since the epoch.

    Size and modification time are believed only when the file was two seconds old by then: a later write
    within the clock's resolution would leave both as they were.
    """
    try:
        now = os.stat(seen.path)  # noqa: PTH116 - on the path of every run
    except OSError:
        return seen.digest == ABSENT
    settled = seen.mtime_ns and seen.mtime_ns + RACY_NS < kept_time * 1_000_000
    if settled and (now.st_size, now.st_mtime_ns) == (seen.size, seen.mtime_ns):
        return True
    return see(seen.path).digest == seen.digest


def chain(*parts: str) -> str:
    """Return a digest that stands for `parts` in their order."""
    return blake3("\n".join(parts).encode()).hexdigest()


def digest_of(found: Mapping[str, str]) -> str:
    """Return one digest for a mapping of texts."""
    return chain(*(f"{key}={value}" for key, value in sorted(found.items())))


def _environ(step: StepPlan) -> dict[str, str]:
    """Return the environment variables that the code may read: those it names, if it reads any."""
    sources = [step.code.source, *(source for _, source in step.code.reached)]
    if not any("environ" in source or "getenv" in source for source in sources):
        return {}
    return {name: os.environ[name] for name in step.code.strings if name in os.environ}


def _module_files(name: str, base: Path, root: Path) -> Iterator[Path]:
    """Yield the files of a module and of the packages around it; `base` is where a relative import starts."""
    level = len(name) - len(name.lstrip("."))
    start = base if level else root
    for _ in range(level - 1):
        start = start.parent
    place = start
    for part in [part for part in name.lstrip(".").split(".") if part]:
        place = place / part
        for path in (place / "__init__.py", place.with_name(part + ".py")):
            if path.is_file():
                yield path
    if level and (start / "__init__.py").is_file():
        yield start / "__init__.py"


def _imports(source: bytes) -> set[str]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return set()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            joint = start if start.endswith(".") else f"{start}."
            names |= {start, *(f"{joint}{alias.name}" for alias in node.names)}
    return names
