"""The files and modules that a run read, made ready for its repeat: as they were, where that can be had."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec

from trackbook.capture.files.watcher import fingerprint_file
from trackbook.errors import IntegrityError
from trackbook.store import Objects
from trackbook.tracking.reproduction.mirror import Mirror
from trackbook.tracking.values import Run, RunData

FILE, MODULE = "file", "module"
MAX_IMAGE = 50_000_000
"""Files outside the project that are larger, in bytes, and unchanged are read where they lie."""

_WRITING = re.compile(r"%%writefile|\bto_\w+\(|\bwrite\w*\(|\bsave\w*\(|\bdump\w*\(|open\(.*['\"][wax]|>")


class Inputs(msgspec.Struct, frozen=True):
    """What became of the files that a run read, by their paths.

    `restored` hold again what they held then; `changed` hold something else now and `gone` are not there any more, and
    what they held was not kept; `unknown` have no fingerprint to compare with.
    """

    restored: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


class InputPreparer:
    """Puts the inputs of one run into a mirror that has been filled."""

    def __init__(self, run: Run, objects: Objects, mirror: Mirror) -> None:
        self._run = run
        self._objects = objects
        self._mirror = mirror
        self._found: dict[str, list[str]] = {name: [] for name in Inputs.__struct_fields__}

    def prepare(self) -> Inputs:
        """Restore what can be restored, and say what cannot."""
        self._forget_outputs()
        for used in _inputs(self._run):
            self._file(used)
        return Inputs(**{name: tuple(paths) for name, paths in self._found.items()})

    def _forget_outputs(self) -> None:
        """Take away the images of files that the run only wrote: its repeat has to make them again."""
        read = {used.name for used in self._run.data if used.role == "read"}
        for used in self._run.data:
            path = Path(used.name)
            if used.kind != FILE or used.role != "written" or used.name in read or not path.is_absolute():
                continue
            if self._mirror.holds(path):
                self._mirror.remove(path)
            else:
                self._mirror.redirect(path)

    def _file(self, used: RunData) -> None:
        path = Path(used.name)
        now = fingerprint_file(self._mirror.real(path)).digest
        if used.fingerprint is None:
            self._found["unknown"].append(used.name)
        elif now == used.fingerprint:
            self._unchanged(path, used)
        elif (content := self._kept(used.fingerprint)) is not None:
            self._restore(path, used, content)
        elif now is None and not self._is_made(path):
            self._found["gone"].append(used.name)
        elif now is not None:
            self._found["changed"].append(used.name)

    def _unchanged(self, path: Path, used: RunData) -> None:
        if used.kind == MODULE or self._mirror.holds(path):
            return
        if path.stat().st_size <= MAX_IMAGE:
            self._mirror.place_copy(path)  # so that a relative path out of the project leads to it

    def _restore(self, path: Path, used: RunData, content: bytes) -> None:
        self._found["restored"].append(used.name)
        if used.kind == MODULE and not self._mirror.holds(path):
            self._found["folders"].append(str(self._shadow(path, content)))
        else:
            self._mirror.place(path, content)

    def _shadow(self, path: Path, content: bytes) -> Path:
        """Make a copy of a module outside the project, with the rest of its package, and return its import folder."""
        top = path.parent
        while (top / "__init__.py").exists():
            top = top.parent
        folder = self._mirror.folder / "modules"
        package = path.relative_to(top).parts[0]
        if package != path.name and not (folder / package).exists():
            shutil.copytree(top / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
        shadow = folder / path.relative_to(top)
        shadow.parent.mkdir(parents=True, exist_ok=True)
        shadow.write_bytes(content)
        return folder

    def _kept(self, digest: str) -> bytes | None:
        if not self._objects.exists(digest):
            return None
        try:
            return self._objects.get(digest)
        except IntegrityError:  # damaged; `fsck` names it
            return None

    def _is_made(self, path: Path) -> bool:
        """Say whether a line of the program seems to write a file of this name."""
        lines = (line for execution in self._run.program for line in execution.source.splitlines())
        return any(path.name in line and _WRITING.search(line) for line in lines)


def _inputs(run: Run) -> Iterator[RunData]:
    """Yield each file and module that the run read, once."""
    seen: set[str] = set()
    for used in run.data:
        is_input = used.role == "read" and used.kind in (FILE, MODULE) and Path(used.name).is_absolute()
        if is_input and used.name not in seen:
            seen.add(used.name)
            yield used
