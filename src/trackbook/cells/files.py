"""Which files calls read and write, as far as their text tells."""

from __future__ import annotations

from collections.abc import Iterable
from posixpath import normpath

from trackbook.cells import catalogue
from trackbook.cells.arguments import Arguments
from trackbook.cells.catalogue import ANY_FILE, CWD, FILE
from trackbook.cells.expressions import Expressions, only_text
from trackbook.cells.values import IMMUTABLE, NOTHING, Thing, Things, in_order

_LISTING = frozenset({"glob", "iglob", "rglob", "iterdir", "listdir", "scandir", "walk"})


class FileCalls(Expressions):
    """Follows files through calls.

    `all_files` is set while an execution is analysed of which it is known what it opened: a computed path then stands
    for no file at all where the watch of files hears of its use, and for any file elsewhere.
    """

    all_files = False

    def open_file(self, arguments: Arguments, line: int) -> Things:
        """Return what `open` gives."""
        modes = [*arguments.positional[1:2], *[things for name, things in arguments.keywords.items() if name == "mode"]]
        mode = "r" if not modes else only_text(modes[0]) or "r+"
        path = _file(arguments.at((0,)))
        (thing,) = opened = self.new("file")
        if mode.strip("bt") != "r":
            thing.path = path
        if path == ANY_FILE and self._is_watched():
            return opened
        self._working_folder(path, line)
        if "w" in mode or "x" in mode:
            self.change_state(path, line, replace=path != ANY_FILE)
        elif "a" in mode or "+" in mode:
            self.change_state(path, line)
        else:
            self._read_file(path, line)
        return opened

    def change(self, things: Iterable[Thing], line: int, *, certain: bool = True) -> None:
        """Note that `things` are changed in place; what is written to an open file is in the file, sooner or later."""
        things = list(things)
        super().change(things, line, certain=certain)
        for thing in things:
            held = (thing, *thing.contents) if thing.kind == "unknown" else (thing,)
            self.write_open_files(held, line)

    def write_open_files(self, things: Iterable[Thing], line: int) -> None:
        """Change the files among `things` that an earlier cell opened to write; of this cell, `open` itself told."""
        for thing in in_order(thing for thing in things if thing.kind == "file" and thing.cell != self.cell):
            if thing.path:
                self.change_state(thing.path, line)

    def _is_watched(self) -> bool:
        """Tell whether it is known which files a computed path stands for; called where the watch hears of its use."""
        self.notes.any_file = True
        return self.all_files

    def files(self, name: str, arguments: Arguments, receivers: Things, line: int, library: str = "") -> None:
        """Note the files that a call writes or reads, as far as its name and the texts among its arguments tell.

        `library` is the package of the function called, empty for a method.
        """
        paths = paths_among({*receivers, *arguments.every})
        texts = bool(receivers) and all(thing.kind == IMMUTABLE for thing in receivers)
        if texts and name in catalogue.PATH_CHANGERS | catalogue.PATH_READERS:
            self._path_method(name, arguments, receivers, line)
        elif name in catalogue.ASKING:
            self._read_all(paths or [ANY_FILE], line)
        elif name in catalogue.WRITER_METHODS:
            self.change([thing for thing in arguments.every if thing.kind == "file"], line)
            target = arguments.at((catalogue.WATCHED.get(name, -1),)) or arguments.every
            computed = not paths and any(thing.kind != "file" for thing in target)
            computed = computed and not self._is_heard(name, arguments, library)
            self.change_files(paths or ([ANY_FILE] if computed else []), line, replace=bool(paths))
        elif name in _LISTING:
            self._working_folder("", line)
            self._read_files(line)
        elif name.startswith(catalogue.READER_PREFIXES):
            computed = not paths and bool(arguments.positional) and not self._is_heard(name, arguments, library)
            self._read_all(paths or ([ANY_FILE] if computed else []), line)
        else:
            self._maybe_files(name, paths, line)

    def _path_method(self, name: str, arguments: Arguments, receivers: Things, line: int) -> None:
        """A method of a path works on the file that the path itself names."""
        named = paths_among(receivers)
        if not named and name != "touch" and self._is_watched():
            return
        named = named or [ANY_FILE]
        if name in catalogue.PATH_READERS:
            self._read_all(named, line)
            return
        targets = paths_among(arguments.every) if name == "rename" else []
        replaced = name in {"write_text", "write_bytes"} and ANY_FILE not in named
        self.change_files(named + targets, line, replace=replaced)

    def _is_heard(self, name: str, arguments: Arguments, library: str) -> bool:
        """Tell whether the watch heard of the file of a call: by a path, and through a library that is known."""
        place = catalogue.WATCHED.get(name)
        if place is None:
            return False
        path = arguments.at((place,)) or NOTHING.union(
            *(things for word, things in arguments.keywords.items() if word in catalogue.PATH_KEYWORDS)
        )
        plain = bool(path) and all(
            thing.kind == IMMUTABLE or (thing.kind == "file" and thing.cell == self.cell) for thing in path
        )
        known = library in catalogue.PURE_LIBRARIES if library else not self._strange_libraries()
        return plain and known and self._is_watched()

    def _strange_libraries(self) -> bool:
        """Tell whether a library was imported whose objects may write files that nobody hears of."""
        roots = {path.partition(".")[0] for path in self.library if not path.startswith((FILE, "state:", "builtin"))}
        return any(root.isidentifier() and root not in catalogue.PURE_LIBRARIES for root in roots)

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
