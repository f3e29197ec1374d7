"""What a step does to files: which it writes as a whole, and what it does to those that were there before.

A file whose whole content comes from the step can be kept and put back.  Whatever else happens to a file that was
there before (added to, changed in part, moved away, deleted) cannot, and is a reason to run the step each time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from trackbook.capture.files.paths import absolute, is_data_file, is_data_place

_TICK_NS = 10_000_000
"""The clock that stamps files is so much behind at most."""

_CODE = (".py", ".pyi")
EVENTS = frozenset(
    {
        "os.rename",
        "os.remove",
        "os.rmdir",
        "os.mkdir",
        "os.truncate",
        "os.chmod",
        "os.link",
        "os.symlink",
    }
)
"""The audit events, besides `open`, that tell of a change."""

Status = tuple[int, int]


class Writes:
    """The files of one step; `before` holds the files of the folder, None where they are too many to look at.

    `alone` is false where steps in other processes may write to the folder too: what changed in it without an event
    here may be theirs, and is `unheard`.
    """

    def __init__(self, folder: str, before: Mapping[str, Status] | None, *, alone: bool = True) -> None:
        self._folder, self._before, self._alone = folder, before, alone
        self.unheard: set[str] = set()
        self._began = time.time_ns() - _TICK_NS
        self._existed: dict[str, bool] = {}
        self._made: set[str] = set()
        self.fresh: set[str] = set()
        self.read: set[str] = set()
        self.reasons: dict[str, None] = {}

    def opened(self, name: object, mode: object, flags: int) -> None:
        """Take note of a file that is opened."""
        path = absolute(name)
        if path is None:
            return
        if not flags & (os.O_WRONLY | os.O_RDWR):
            # `os.open` in a folder given by its descriptor, as `rmtree` does it, does not say so.
            if is_data_file(path) and (mode is not None or os.path.isabs(os.fsdecode(name)) or os.path.lexists(path)):  # type: ignore[arg-type] # noqa: PTH117
                self.reads(path)
        elif is_written(path):
            self.writes(path, whole=bool(flags & (os.O_TRUNC | os.O_EXCL)))

    def changes(self, event: str, arguments: tuple[object, ...]) -> None:
        """Take note of one of `EVENTS`."""
        handle = getattr(self, f"_{event.partition('.')[2]}")
        handle(*arguments)

    def reads(self, path: str) -> None:
        """Take note of a file that is read; what the step itself wrote is none of its inputs."""
        if path not in self.fresh:
            self.read.add(path)

    def writes(self, path: str, *, whole: bool) -> None:
        """Take note of a file that is written, as a whole or in part."""
        if path in self.fresh:
            return
        if path in self.read:
            self._refuse("reads and then writes the file", path)
        elif self._was_there(path) and not whole:
            self._refuse("changes the file", path, ", which was there before")
        else:
            self.fresh.add(path)

    def has_made(self, folder: str) -> bool:
        """Tell whether the step made a folder, so that what lies in it is none of its inputs."""
        return folder in self._made

    def removes(self, path: str) -> None:
        """Take note of a file that is deleted."""
        self._loses(path, "deletes the file")

    def ended(self, after: Mapping[str, Status] | None) -> tuple[list[str], list[str]]:
        """Return the files and folders that the step made; `after` is what the folder holds now.

        Native code writes files without an audit event: what differs in the folder shows those.
        """
        folders = {path for path in self.fresh if os.path.isdir(path)}  # noqa: PTH112 - a native dataset
        self.fresh -= folders
        self._made |= {path for path in folders if not self._existed[path]}
        if self._before is not None and after is not None and not self._alone:
            self.unheard = self._differing(self._before, after, folders)
        elif self._before is not None and after is not None:
            self._compare(self._before, after, tuple(os.path.join(path, "") for path in folders))  # noqa: PTH118
        found = [path for path in sorted(self.fresh) if os.path.lexists(path)]
        for path in found:
            self._check_place(path)
        return found, sorted(path for path in self._made if os.path.isdir(path))  # noqa: PTH112

    def _compare(self, before: Mapping[str, Status], after: Mapping[str, Status], folders: tuple[str, ...]) -> None:
        for path, status in after.items():
            if path not in self.fresh and before.get(path) != status:
                self._existed.setdefault(path, path in before)
                self.writes(path, whole=path not in before or path.startswith(folders))
        for path in before.keys() - after.keys():
            if not self._existed.get(path):
                self._refuse("deletes the file", path)

    def _differing(self, before: Mapping[str, Status], after: Mapping[str, Status], folders: set[str]) -> set[str]:
        inside = tuple(os.path.join(path, "") for path in folders)  # noqa: PTH118
        changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
        mine = {path for path in changed & after.keys() if path.startswith(inside)} if inside else set()
        self.fresh |= mine
        return changed - self.fresh - self._existed.keys()

    def _check_place(self, path: str) -> None:
        real = os.path.realpath(path)
        if os.path.islink(path) or not os.path.isfile(path):  # noqa: PTH113, PTH114 - text in, text out
            self._refuse("writes", path, ", which is no plain file")
        elif not real.startswith(os.path.join(os.path.realpath(self._folder), "")):  # noqa: PTH118
            self._refuse("writes the file", path, ", which is outside of the project's folder")

    # -- events of the system's module

    def _rename(self, source: object, target: object, source_folder: int = -1, target_folder: int = -1) -> None:
        old, new = absolute(source, source_folder), absolute(target, target_folder)
        if old is None or new is None:
            return
        if os.path.isdir(old):  # noqa: PTH112
            self._move_folder(old, new)
            return
        if is_data_place(old):
            self._loses(old, "moves away the file")
        if is_written(new):
            self.writes(new, whole=True)

    def _move_folder(self, old: str, new: str) -> None:
        if old not in self._made:
            self._refuse("moves the folder", old)
            return
        inside = os.path.join(old, "")  # noqa: PTH118
        for paths in (self.fresh, self._made):
            for path in [path for path in paths if path.startswith(inside) or path == old]:
                paths.discard(path)
                paths.add(new + path[len(old) :])
                self._existed[new + path[len(old) :]] = False

    def _remove(self, name: object, folder: int = -1) -> None:
        if (path := absolute(name, folder)) is not None and is_written(path):
            self.removes(path)

    def _rmdir(self, name: object, folder: int = -1) -> None:
        path = absolute(name, folder)
        if path in self._made:
            self._made.discard(path)
        elif path is not None and is_data_place(path) and os.path.isdir(path):  # noqa: PTH112
            self._refuse("deletes the folder", path)

    def _mkdir(self, name: object, mode: int = 0, folder: int = -1) -> None:
        path = absolute(name, folder)
        if path is not None and self._is_inside(path) and is_data_place(path) and not os.path.lexists(path):
            self._made.add(path)

    def _truncate(self, name: object, length: int = 0) -> None:
        if (path := absolute(name)) is not None and is_written(path):
            self.writes(path, whole=False)

    def _chmod(self, name: object, mode: int = 0, folder: int = -1) -> None:
        path = absolute(name, folder)
        if path is not None and path not in self.fresh | self._made and is_data_file(path) and self._was_there(path):
            self._refuse("changes the mode of", path)

    def _link(self, source: object, target: object, source_folder: int = -1, target_folder: int = -1) -> None:
        if (path := absolute(target, target_folder)) is not None and is_data_place(path):
            self._refuse("makes the link", path)

    def _symlink(self, source: object, target: object, folder: int = -1) -> None:
        self._link(source, target, -1, folder)

    # -- what was there

    def _loses(self, path: str, words: str) -> None:
        if self._was_there(path):
            self._refuse(words, path)
        self.fresh.discard(path)

    def _was_there(self, path: str) -> bool:
        """Tell whether there was such a file before the step, asked before the step first changes it by an event."""
        if path not in self._existed:
            self._existed[path] = os.path.lexists(path) and not self._is_new(path)
        return self._existed[path]

    def _is_new(self, path: str) -> bool:
        """Tell whether native code of this step, which nobody heard of, made a file."""
        if self._before is None or path in self._before or not self._is_inside(path):
            return False
        return os.lstat(path).st_ctime_ns >= self._began

    def _is_inside(self, path: str) -> bool:
        return path.startswith(self._folder + os.sep)

    def _refuse(self, words: str, path: str, why: str = "") -> None:
        shown = os.path.relpath(path, self._folder) if self._is_inside(path) else path
        self.reasons[f"{words} {shown}{why}"] = None


def is_written(path: str) -> bool:
    """Tell whether a file that a step writes belongs to its result: data, or source code that it makes."""
    return is_data_file(path) or (path.endswith(_CODE) and is_data_place(path))
