"""What a step does besides returning values: files, folders, the network, other programs, state of the process.

Everything here runs in the process of the steps.  Audit events tell what Python code opens, and native readers where
`trackbook.capture.files.readers` knows them; others are missed, so the plan's string literals that name a file count
too.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

import msgspec

from trackbook.capture import state
from trackbook.capture.files import audit, readers
from trackbook.capture.files.paths import absolute, is_data_file
from trackbook.capture.files.urls import is_url
from trackbook.cells.catalogue import CWD, PYPLOT
from trackbook.pipeline.worker.seen import Effects, Seen, see, within
from trackbook.pipeline.worker.signature import UnsignedError, is_mutable, signature
from trackbook.pipeline.worker.writes import EVENTS, Writes
from trackbook.tracking.reproduction.workspace import LEFT_OUT

MAX_FILES = 10_000
"""A folder with more files is not compared before and after a step."""

_PROBES = frozenset({"lscpu", "uname", "sysctl", "nproc", "getconf", "ldconfig"})  # joblib and platform ask them
_PROCESSES = frozenset({"subprocess.Popen", "os.system", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec"})
_SAID = {
    CWD: "the working directory",
    PYPLOT: "the open figures",
    "matplotlib.rcParams": "Matplotlib's settings",
    "matplotlib.backend": "Matplotlib's backend",
    "pandas.options": "pandas options",
}
_NAMES = {said: name for name, said in _SAID.items()}
_LAZY = frozenset(_SAID.get(name, name) for name in state.LIBRARY_STATE)


class Observer:
    """Watches one step at a time in this process."""

    def __init__(self) -> None:
        readers.install()
        self.home = ""
        """The project's folder; paths below it are told from there on."""
        self.own: frozenset[tuple[str, int]] = frozenset()
        """Where we connect to ourselves, by address and port."""

    def start(self, *, alone: bool = True) -> None:
        """Begin to watch; `alone` tells that no step runs in another process meanwhile."""
        self._folder = os.getcwd()  # noqa: PTH109 - as text
        self._writes = Writes(self._folder, files_in(self._folder), alone=alone)
        self._listed: dict[str, Seen] = {}
        self._reasons: dict[str, None] = {}
        audit.listen(self._heard)

    def stop(self, named: Iterable[str] = ()) -> Effects:
        """End watching; `named` are strings of the code that are taken for paths where such a file exists."""
        audit.unlisten(self._heard)
        after = files_in(self._folder)
        written, made = self._writes.ended(after)
        # A string may be anything, so only what is a file now counts.
        literal = {path for text in named if (path := _path(text)) and os.path.isfile(path)}  # noqa: PTH113
        reads = sorted((self._writes.read | literal) - self._writes.fresh)
        looked = [*(see(path) for path in reads), *(self._listed[path] for path in sorted(self._listed))]
        seen = [msgspec.structs.replace(each, path=within(each.path, self.home)) for each in looked]
        reasons = [*self._reasons, *self._writes.reasons, *self._lists_its_own()]
        unheard = tuple(sorted(self._writes.unheard))
        return Effects(tuple(seen), tuple(written), tuple(made), tuple(reasons), after is not None, unheard)

    def _lists_its_own(self) -> list[str]:
        """Name the folders that are no more what they were when the step listed them: a second run sees another."""
        return [
            f"lists the folder {_relative(path)} and then changes what is in it"
            for path, seen in self._listed.items()
            if see(path).digest != seen.digest
        ]

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        try:
            self._note(event, arguments)
        except (TypeError, ValueError, OSError):
            return  # an argument that is no path: the call is about to say so itself

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            self._writes.opened(*arguments)
        elif event in EVENTS:
            self._writes.changes(event, arguments)
        elif event == audit.NATIVE:
            self._native(*arguments)
        elif event == audit.UNSEEN:
            self._reasons[f"may open {arguments[0]}"] = None
        elif event in ("os.listdir", "os.scandir"):
            self._lists("." if arguments[0] is None else arguments[0])
        elif event == "sqlite3.connect":
            if arguments[0] != ":memory:":
                self._reasons["opens a database"] = None
        elif event == "socket.connect" and tuple(arguments[1][:2]) not in self.own:
            self._reasons["uses the network"] = None
        elif event in _PROCESSES and not _is_probe(arguments):
            self._reasons["starts other processes, whose files are not seen"] = None

    def _lists(self, name: Any) -> None:
        path = absolute(name)
        if path is None or path in self._listed or audit.is_importing() or self._writes.has_made(path):
            return
        # The project's folder is one of those that modules are imported from, which are no data.
        if path == self._folder or is_data_file(path):
            self._listed[path] = see(path)

    def _native(self, name: str, action: str) -> None:
        if is_url(name):
            self._reasons["uses the network"] = None
        elif action == "database":
            self._reasons["opens a database"] = None
        elif (path := _path(name)) is not None:
            if action == "read":
                self._writes.reads(path)
            elif action == "removed":
                self._writes.removes(path)
            elif action == "written" or not os.path.isdir(path):  # noqa: PTH112 - a dataset tells of each file too
                self._writes.writes(path, whole=action == "written")


def files_in(folder: str, limit: int = MAX_FILES) -> dict[str, tuple[int, int]] | None:
    """Return size and modification time (in ns) of the data files in a folder, None where there are more than `limit`.

    Native code writes files without an audit event; comparing the folder before and after shows those.
    """
    found: dict[str, tuple[int, int]] = {}
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if is_data_file(entry.path) and entry.name not in LEFT_OUT:
                            waiting.append(entry.path)
                    elif is_data_file(entry.path) and not entry.name.endswith(".ipynb"):
                        status = entry.stat(follow_symlinks=False)
                        found[entry.path] = (status.st_size, status.st_mtime_ns)
        except OSError:
            continue  # gone in the meantime, or not ours to read
        if len(found) + len(waiting) > limit:
            return None
    return found


def process_state(module: ModuleType) -> dict[str, str]:
    """Return digests of the state of the process that steps share, by what a person would call it."""
    shared = {_SAID.get(name, name): digest for name, digest in state.process_state().items() if name != "os.environ"}
    environ = {f"os.environ[{name!r}]": value for name, value in state.environment_variables()}
    return shared | environ | _globals(module)


def name_of_state(said: str) -> str:
    """Return the name that the catalogue has for a piece of state, from what a person calls it."""
    if said.startswith("os.environ["):
        return "os.environ"
    return _NAMES.get(said, said.removeprefix("the global "))


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Name what differs.  What a module brought along that was only now imported is not a change."""
    names = sorted(set(before) | set(after))
    return [
        name for name in names if before.get(name) != after.get(name) and not (name in _LAZY and name not in before)
    ]


def _globals(module: ModuleType) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in list(vars(module).items()):
        if name.startswith("__") or isinstance(value, ModuleType | type) or callable(value):
            continue
        try:
            found[f"the global {name}"] = signature(value) if is_mutable(value) else repr(value)
        except UnsignedError:
            found[f"the global {name}"] = str(id(value))
    return found


def _path(name: Any) -> str | None:
    path = absolute(name)
    return path if path is not None and is_data_file(path) else None


def _is_probe(arguments: tuple[Any, ...]) -> bool:
    program = arguments[0] if arguments else ""
    return isinstance(program, str | bytes) and os.path.basename(os.fsdecode(program)) in _PROBES  # noqa: PTH119


def _relative(path: str) -> str:
    return os.path.relpath(path) if path.startswith(os.getcwd() + os.sep) else path  # noqa: PTH109
