"""Which files calls read and write, as far as their text tells."""

from __future__ import annotations

from collections.abc import Iterable
from posixpath import normpath

from trackbook.cells import catalogue
from trackbook.cells.arguments import Arguments
from trackbook.cells.catalogue import ANY_FILE, CWD, FILE
from trackbook.cells.expressions import Expressions, only_text
from trackbook.cells.values import IMMUTABLE, Thing, Things

_LISTING = frozenset({"glob", "iglob", "rglob", "iterdir", "listdir", "scandir", "walk"})


class FileCalls(Expressions):
    """Follows files through calls."""

    def open_file(self, arguments: Arguments, line: int) -> Things:
        """Return what `open` gives."""
        modes = [*arguments.positional[1:2], *[things for name, things in arguments.keywords.items() if name == "mode"]]
        mode = "r" if not modes else only_text(modes[0]) or "r+"
        path = _file(arguments.at((0,)))
        self._working_folder(path, line)
        if "w" in mode or "x" in mode:
            self.change_state(path, line, replace=path != ANY_FILE)
        elif "a" in mode or "+" in mode:
            self.change_state(path, line)
        else:
            self._read_file(path, line)
        opened = self.new("file")
        if path != ANY_FILE:
            (thing,) = opened
            thing.path = path
        return opened

    def files(self, name: str, arguments: Arguments, receivers: Things, line: int) -> None:
        """Note the files that a call writes or reads, as far as its name and the texts among its arguments tell."""
        paths = paths_among({*receivers, *arguments.every})
        texts = bool(receivers) and all(thing.kind == IMMUTABLE for thing in receivers)
        if texts and name in catalogue.PATH_CHANGERS | catalogue.PATH_READERS:
            self._path_method(name, arguments, receivers, line)
        elif name in catalogue.ASKING:
            self._read_all(paths or [ANY_FILE], line)
        elif name in catalogue.WRITER_METHODS:
            computed = not paths and any(thing.kind != "file" for thing in arguments.every)
            self.change_files(paths or ([ANY_FILE] if computed else []), line, replace=bool(paths))
        elif name in _LISTING:
            self._working_folder("", line)
            self._read_files(line)
        elif name.startswith(catalogue.READER_PREFIXES):
            self._read_all(paths or ([ANY_FILE] if arguments.positional else []), line)
        else:
            self._maybe_files(name, paths, line)

    def _path_method(self, name: str, arguments: Arguments, receivers: Things, line: int) -> None:
        """A method of a path works on the file that the path itself names."""
        named = paths_among(receivers) or [ANY_FILE]
        if name in catalogue.PATH_READERS:
            self._read_all(named, line)
            return
        targets = paths_among(arguments.every) if name == "rename" else []
        replaced = name in {"write_text", "write_bytes"} and ANY_FILE not in named
        self.change_files(named + targets, line, replace=replaced)

    def _maybe_files(self, name: str, paths: list[str], line: int) -> None:
        """A call that nothing is known of may read files that it is handed the paths of."""
        for path in paths:
            if path in self.library:
                self.read_state(path, line)
                if name == "":
                    self.change_state(path, line)

    def _read_all(self, paths: list[str], line: int) -> None:
        for path in paths:
            self._working_folder(path, line)
            self._read_file(path, line)

    def change_files(self, paths: list[str], line: int, *, replace: bool = False) -> None:
        """Note that files are written, made, moved or removed."""
        for path in paths:
            self._working_folder(path, line)
            self.change_state(path, line, replace=replace)

    def _read_file(self, path: str, line: int) -> None:
        if path == ANY_FILE:
            self._read_files(line)
        elif path in self.library:
            self.read_state(path, line)
        if ANY_FILE in self.library:
            self.read_state(ANY_FILE, line)

    def _read_files(self, line: int) -> None:
        for path in [path for path in self.library if path.startswith(FILE)]:
            self.read_state(path, line)

    def _working_folder(self, path: str, line: int) -> None:
        if CWD in self.library and not path.startswith(FILE + "/"):
            self.read_state(CWD, line)


def _file(things: Things) -> str:
    """Return the piece of state that stands for the file named by `things`."""
    text = only_text(things)
    return ANY_FILE if text is None else FILE + normpath(text)


def paths_among(things: Iterable[Thing]) -> list[str]:
    """Return the pieces of state for all files that texts among `things` may name."""
    return sorted({_file(frozenset({thing})) for thing in things if isinstance(thing.const, str)})
