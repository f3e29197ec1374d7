"""The projects that one Jupyter server has been asked about."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

from trackbook.errors import NotFoundError, UsageError
from trackbook.project import Project, find_root
from trackbook.settings import FILE_NAME


class UnknownProjectError(NotFoundError):
    """The id is not one that this server has given; a client announces its notebook again."""

    code = "unknown_project"


class NoStoreError(NotFoundError):
    """The project has nothing recorded yet, which for a list is no error."""


class Projects:
    """Maps opaque ids to project folders; only folders that hold a notebook of this server get one."""

    def __init__(self, server_root: Path) -> None:
        """Serve the notebooks below `server_root`, whose own project is the default."""
        self._server_root = server_root.resolve()
        self._unresolved_root = server_root.absolute()
        self._lock = threading.Lock()
        self._roots: dict[str, Path] = {}
        self._notebooks: dict[str, tuple[str, ...]] = {}
        self._open: dict[Path, tuple[tuple[int, int] | None, Project]] = {}

    def announce(self, notebook: str) -> tuple[str, Path]:
        """Return id and root of the project of a notebook, given by its path below the server's root.

        Raises UsageError for a path that leads out of the server's root.
        """
        try:
            path = self._server_root if "\0" in notebook else (self._server_root / notebook).resolve()
            folder = path if path.is_dir() else path.parent
        except (OSError, RuntimeError, UnicodeError) as error:  # too long, links in a ring, no name of a file
            raise UsageError(f"{notebook!r:.80} is no path of a notebook: {error}") from error
        if path == self._server_root or not path.is_relative_to(self._server_root):
            raise UsageError(f"{notebook!r:.80} does not lie below the folder that this server serves")
        return self._remember(folder)

    def announce_notebook(self, notebook: str) -> str:
        """Return the id of a notebook that `announce` has accepted."""
        # A kernel names its notebook as the server was told to find it; the file itself may lie behind a link.
        paths = dict.fromkeys(str(root / notebook) for root in (self._unresolved_root, self._server_root))
        paths[str((self._server_root / notebook).resolve())] = None
        notebook_id = _id(next(iter(paths)))
        self._notebooks[notebook_id] = tuple(paths)
        return notebook_id

    def notebook(self, notebook_id: str) -> tuple[str, ...]:
        """Return the names of a notebook's file; raises UnknownProjectError for an id that was never given."""
        try:
            return self._notebooks[notebook_id]
        except KeyError:
            raise UnknownProjectError(f"this server knows no notebook {notebook_id!r:.40}; open it again") from None

    def notebook_file(self, notebook_id: str) -> Path:
        """Return a notebook's file; raises NotFoundError where its path has come to lead out of the server's root."""
        path = Path(self.notebook(notebook_id)[0])
        if not path.resolve().is_relative_to(self._server_root):
            raise NotFoundError(f"the notebook {path.name} does not lie below the folder that this server serves")
        return path

    def contents_path(self, file: str) -> str | None:
        """Return the path below the server's root of an existing file; None for one that the server does not serve."""
        path = Path(file)
        if "\0" in file or not path.is_absolute() or not path.is_file():
            return None
        for root in (self._unresolved_root, self._server_root):
            if path.is_relative_to(root) and path.resolve().is_relative_to(self._server_root):
                return path.relative_to(root).as_posix()
        return None

    def root(self, project_id: str | None) -> tuple[str, Path]:
        """Return id and root of a project; None stands for the one of the server's root."""
        if project_id is None:
            return self._remember(self._server_root)
        try:
            return project_id, self._roots[project_id]
        except KeyError:
            raise UnknownProjectError(
                f"this server knows no project {project_id!r:.40}; open its notebook again, or reload the page"
            ) from None

    def get(self, project_id: str | None) -> Project:
        """Return the open project; raises NoStoreError while nothing has been recorded in it.

        It is opened anew when `trackbook.toml` has changed, so that a new gate guards the next promotion.
        """
        _, root = self.root(project_id)
        changed = _stamp(root / FILE_NAME)
        with self._lock:
            known = self._open.get(root)
            if known is None or known[0] != changed or not known[1].store.root.is_dir():
                known = (changed, _open(root))
                self._open[root] = known
            return known[1]

    def _remember(self, folder: Path) -> tuple[str, Path]:
        root = find_root(folder)
        project_id = _id(root)
        self._roots[project_id] = root
        return project_id, root


def _id(path: Path | str) -> str:
    return hashlib.blake2b(os.fsencode(path), digest_size=8).hexdigest()


def _open(root: Path) -> Project:
    try:
        return Project.open(root, create=False)
    except NotFoundError as error:
        raise NoStoreError(str(error)) from error


def _stamp(file: Path) -> tuple[int, int] | None:
    """Return what changes when a file does, or None while there is no such file."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size
