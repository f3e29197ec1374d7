"""Files, folders and URLs that a cell opened, and what was in them when it did.

Python's own audit events tell of what Python code opens, `trackbook.capture.files.readers` of what native libraries do.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from trackbook.capture.files import audit, readers
from trackbook.capture.files.digests import fingerprint_file, forget
from trackbook.capture.files.opened import MAX_FILES, Opened, OpenedFile, UsedFile, keep_before
from trackbook.capture.files.paths import absolute, is_code, is_data_file, is_data_place, is_library, may_hold_data
from trackbook.capture.files.stamps import Stamp
from trackbook.capture.files.urls import clean_url, is_url, local_path, place_url, requested_url

MAX_NAMED = 10_000
"""So many files of a cell are named; the others are counted."""

_PROBES = frozenset({"lscpu", "uname", "sysctl", "nproc", "getconf", "ldconfig"})  # joblib and platform ask them
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class FileWatcher:
    """Collects what the user's code opens while it is switched on.

    Threads that no cell has started, such as those of the kernel and Trackbook's own, do not count; nor does what lies
    in the folders `ignored`.
    """

    def __init__(self, ignored: Iterable[str] = ()) -> None:
        self._ignored = tuple(os.path.join(os.path.abspath(folder), "") for folder in ignored)  # noqa: PTH100, PTH118
        self._files: dict[str, OpenedFile] = {}
        self._unseen: dict[str, None] = {}
        self._places: dict[str, str] = {}
        self._more = 0
        self._passed_over = False
        self._here = 0
        self._foreign: dict[int, threading.Thread] = {}
        self._started: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
        self._code: set[str] = set()
        readers.install()

    def start(self) -> Mapping[str, OpenedFile]:
        """Begin to collect; returns what has been collected so far by path, which grows."""
        self._files, self._unseen, self._places, self._more = {}, {}, {}, 0
        self._passed_over = False
        self._here = here = threading.get_ident()
        self._foreign = {
            thread.ident: thread
            for thread in threading.enumerate()
            if thread.ident is not None and thread.ident != here and thread not in self._started
        }
        audit.listen(self._heard)
        return self._files

    def stop(self) -> Opened:
        """Stop collecting and return all there was."""
        audit.unlisten(self._heard)
        here = threading.get_ident()
        self._started.update(
            thread
            for thread in threading.enumerate()
            if self._foreign.get(thread.ident or 0) is not thread and thread.ident != here and not _is_of_kernel(thread)
        )
        self._add_places()
        for file in self._files.values():
            if file.kind == "database" and Stamp.of(file.path) != file.stamp:
                file.whole = file.stamp is None
                file.roles = {"written"} if file.whole else {"read", "written"}
        if self._more:
            self._unseen[f"{self._more:,} more files than the {MAX_NAMED:,} that are named"] = None
        self._code |= {path for path, file in self._files.items() if is_code(path) and "written" in file.roles}
        return Opened(self._files, tuple(self._unseen), self._passed_over)

    # -- hearing

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        handle = _EVENTS.get(event)
        if handle is None or self._is_foreign():
            return
        try:
            handle(self, event, arguments)
        except Exception as fault:  # noqa: BLE001 - an odd argument, or our fault; the user's call goes on
            if not isinstance(fault, TypeError | ValueError):
                self._unseen[f"what {event} opened, for {type(fault).__name__} in Trackbook"] = None

    def _is_foreign(self) -> bool:
        number = threading.get_ident()
        if number == self._here:
            return False
        thread = self._foreign.get(number)
        # A number is given again to a new thread when the old one has ended.
        return (thread is not None and thread.is_alive()) or _is_of_kernel(threading.current_thread())

    def _opened(self, event: str, arguments: tuple[Any, ...]) -> None:
        name, mode, flags = arguments
        path = absolute(name)
        if path is None:
            return
        flags = flags if isinstance(flags, int) else 0
        writing = bool(set(mode) & set("wax+")) if isinstance(mode, str) else bool(flags & (os.O_WRONLY | os.O_RDWR))
        if not writing:
            # `os.open` in a folder given by its descriptor, as `rmtree` does it, does not say so.
            if mode is not None or os.path.isabs(os.fsdecode(name)) or os.path.lexists(path):  # noqa: PTH117
                self._read(path)
            return
        if flags & os.O_RDWR:
            forget(path)
        made = flags & (os.O_TRUNC | os.O_EXCL) or (isinstance(mode, str) and "w" in mode)
        self._note(path, "written" if made else "changed")

    def _read(self, path: str) -> None:
        if is_code(path):
            self._read_code(path)
        else:
            self._note(path, "read")

    def _read_code(self, path: str) -> None:
        """Code counts as data when a cell wrote it, or when the user's code or `%run` reads it by itself."""
        if path.endswith(".pyc"):
            folder, name = os.path.split(path)
            path = os.path.join(os.path.dirname(folder), name.partition(".")[0] + ".py")  # noqa: PTH118, PTH120
        if path in self._code or path in self._files or _is_read_by_hand():
            self._note(path, "read", code=True)

    def _note(self, path: str, action: str, kind: str = "file", *, code: bool = False) -> None:
        file = self._files.get(path)
        if file is None:
            if not self._counts(path, code or (action != "read" and path.endswith(".py"))):
                return
            file = self._files[path] = OpenedFile(path, kind, stamp=Stamp.of(path))
        if action == "read":
            if not file.whole:
                file.roles.add("read")
            return
        if file.stamp is None or (action in ("written", "removed") and "read" not in file.roles):
            file.whole = True
        if not file.whole:
            if action == "changed":
                file.roles.add("read")
            keep_before(file)
        file.roles.add("written")

    def _counts(self, path: str, code: bool) -> bool:
        if path.startswith(self._ignored):
            return False
        if not (is_data_place(path) if code else is_data_file(path)):
            self._passed_over = self._passed_over or may_hold_data(path)
            return False
        if len(self._files) >= MAX_NAMED:
            self._more += 1
            return False
        return True

    def _listed(self, event: str, arguments: tuple[Any, ...]) -> None:
        path = absolute("." if arguments[0] is None else arguments[0])
        if path is not None and path not in self._files and not audit.is_importing():
            self._note(path, "read", "folder")

    def _moved(self, event: str, arguments: tuple[Any, ...]) -> None:
        source, target, from_folder, to_folder = (*arguments, -1, -1)[:4]
        if (path := absolute(source, from_folder)) is not None:
            if event == "os.rename":
                self._note(path, "changed")  # its content goes on under another name
            else:
                self._note(path, "read")
        if (path := absolute(target, to_folder)) is not None:
            self._note(path, "written")

    def _linked(self, event: str, arguments: tuple[Any, ...]) -> None:
        if (path := absolute(arguments[1], (*arguments, -1)[2])) is not None:
            self._note(path, "written")

    def _removed(self, event: str, arguments: tuple[Any, ...]) -> None:
        folder = arguments[1] if len(arguments) > 1 and isinstance(arguments[1], int) else -1
        if (path := absolute(arguments[0], folder)) is not None:
            self._note(path, "changed" if event == "os.truncate" else "removed", _KINDS.get(event, "file"))

    def _made(self, event: str, arguments: tuple[Any, ...]) -> None:
        if (path := absolute(arguments[0], (*arguments, -1, -1)[2])) is not None:
            self._note(path, "written", "folder")

    def _database(self, event: str, arguments: tuple[Any, ...]) -> None:
        name = arguments[0]
        text = os.fsdecode(name)
        if text != ":memory:" and (path := absolute(local_path(text))) is not None:
            forget(path)  # it may be written through a map, and in its log
            self._note(path, "read", "database")

    def _native(self, event: str, arguments: tuple[Any, ...]) -> None:
        name, action = arguments
        text = os.fsdecode(name)
        if action == "database":
            self._database(event, (name,))
            return
        if is_url(text):
            self._url(
                text, {"read"} if action == "read" else {"written"} if action == "written" else {"read", "written"}
            )
            return
        if (path := absolute(local_path(text))) is not None:
            self._note(path, action, "folder" if os.path.isdir(path) else "file")  # noqa: PTH112

    def _not_told(self, event: str, arguments: tuple[Any, ...]) -> None:
        self._unseen[str(arguments[0])] = None

    # -- what is no file

    def _request(self, event: str, arguments: tuple[Any, ...]) -> None:
        url, data, _, method = arguments
        if is_url(url):
            self._url(url, _roles(method or ("GET" if data is None else "POST")))

    def _sent(self, event: str, arguments: tuple[Any, ...]) -> None:
        if (found := requested_url(*arguments)) is not None:
            self._url(found[1], _roles(found[0]))

    def _looked_up(self, event: str, arguments: tuple[Any, ...]) -> None:
        host, port = arguments[:2]
        if isinstance(host, bytes):
            host = host.decode("ascii", "replace")
        if isinstance(host, str) and host:
            scheme = {80: "http", 443: "https", "http": "http", "https": "https"}.get(port, "tcp")
            self._places[host] = place_url(scheme, host, None if port in ("http", "https") else port)

    def _url(self, url: str, roles: set[str]) -> None:
        name = clean_url(url)
        file = self._files.get(name)
        if file is None and len(self._files) < MAX_NAMED:
            file = self._files[name] = OpenedFile(name, "url")
        if file is not None:
            file.roles |= roles

    def _add_places(self) -> None:
        """Name hosts that were looked up and that no URL tells of, as with clients that speak HTTP by themselves."""
        known = [file.path for file in self._files.values() if file.kind == "url"]
        for host, url in self._places.items():
            if not any(f"//{host}" in path for path in known):
                self._url(url, {"read"})

    def _program(self, event: str, arguments: tuple[Any, ...]) -> None:
        program = arguments[0] if arguments else ""
        name = os.path.basename(os.fsdecode(program)) if isinstance(program, str | bytes) else ""  # noqa: PTH119
        if name not in _PROBES:
            self._unseen["files that other processes opened, which the cell started"] = None


_KINDS = {"os.rmdir": "folder", "shutil.rmtree": "folder"}
_EVENTS: dict[str, Callable[[FileWatcher, str, tuple[Any, ...]], None]] = {
    "open": FileWatcher._opened,
    audit.NATIVE: FileWatcher._native,
    audit.UNSEEN: FileWatcher._not_told,
    **dict.fromkeys(("os.listdir", "os.scandir"), FileWatcher._listed),
    **dict.fromkeys(("os.rename", "os.link"), FileWatcher._moved),
    "os.symlink": FileWatcher._linked,
    **dict.fromkeys(("os.remove", "os.rmdir", "os.truncate", "shutil.rmtree"), FileWatcher._removed),
    "os.mkdir": FileWatcher._made,
    "sqlite3.connect": FileWatcher._database,
    "urllib.Request": FileWatcher._request,
    "http.client.send": FileWatcher._sent,
    "socket.getaddrinfo": FileWatcher._looked_up,
    **dict.fromkeys(
        ("subprocess.Popen", "os.system", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec"), FileWatcher._program
    ),
}


def _is_of_kernel(thread: threading.Thread) -> bool:
    """Say whether a thread is the kernel's, such as the one that saves the history, or our own; wherever it began."""
    return type(thread).__module__.startswith(("IPython.", "ipykernel.")) or thread.name.startswith("trackbook-")


def _roles(method: str) -> set[str]:
    return {"read"} if method.upper() in _READING else {"read", "written"}


def _is_read_by_hand() -> bool:
    """Say whether the user's own code, or IPython's `%run`, opens a file of code."""
    frame = audit.caller()
    name = frame.f_code.co_filename if frame is not None else "<frozen"
    return name.endswith(os.path.join("utils", "py3compat.py")) or not is_library(name)  # noqa: PTH118


__all__ = [
    "MAX_FILES",
    "FileWatcher",
    "Opened",
    "OpenedFile",
    "UsedFile",
    "fingerprint_file",
    "is_data_file",
    "is_library",
]
