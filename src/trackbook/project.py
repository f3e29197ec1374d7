"""A project: a folder with a store, and the services that work on it.  The one constructor that does I/O."""

from __future__ import annotations

import getpass
import os
import threading
from collections.abc import Callable
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from trackbook.errors import UsageError
from trackbook.settings import FILE_NAME, RemoteSettings, Settings, load_settings
from trackbook.store import Store
from trackbook.store.events import DataUsed

if TYPE_CHECKING:
    from trackbook.data import Datasets, DatasetVersion
    from trackbook.exchange import Exchange
    from trackbook.monitoring import DriftReports
    from trackbook.pipeline import Pipelines
    from trackbook.registry import Identity, Registry
    from trackbook.registry.identity import Who
    from trackbook.store.rebuild import Rebuilt
    from trackbook.tracking import ActiveRun, RunEdits, Runs, Tracker
    from trackbook.tracking.autolog import Autolog
    from trackbook.tracking.cells import CellTracker
    from trackbook.tracking.environments import Environments
    from trackbook.tracking.latest import Badges
    from trackbook.tracking.lineage import LineageReader
    from trackbook.tracking.reproduction.reproduce import Reproductions

STORE_NAME = ".trackbook"
STORE_VARIABLE = "TRACKBOOK_DIR"
MARKERS = (STORE_NAME, FILE_NAME, ".git")


class Project:
    """Hands out the services of one project, each made on first use with its collaborators handed in."""

    def __init__(self, root: Path, settings: Settings, store: Store, user: str) -> None:
        self.root = root
        self.settings = settings
        self.store = store
        self.user = user

    @classmethod
    def open(cls, start: Path | None = None, *, create: bool = True) -> Project:
        """Open the project that holds the folder or file `start` (default: the working directory).

        Raises NotFoundError when there is no store yet and `create` is false, StoreError when it cannot be written,
        SettingsError when `trackbook.toml` is wrong.
        """
        return cls._with(partial(Store.open, create=create), start)

    @classmethod
    def look(cls, start: Path | None = None) -> Project:
        """Open the project as `open` does, for who may only read: no store is made before something is written."""
        return cls._with(Store.look, start)

    @classmethod
    def _with(cls, open_store: Callable[[Path], Store], start: Path | None) -> Project:
        start = (start or Path.cwd()).absolute()
        root = find_root(start if start.is_dir() else start.parent)
        settings = load_settings(root)
        store = open_store(store_folder(root))
        if settings.remote.url is not None:
            store.objects.read_through(partial(_fetch, store, settings.remote))
        return cls(root, settings, store, settings.user or _login())

    @cached_property
    def tracker(self) -> Tracker:
        """Starts runs and knows the active one."""
        from trackbook.tracking import Tracker

        return Tracker(self.store, root=self.root, experiment=self.settings.experiment, user=self.user)

    @cached_property
    def cells(self) -> CellTracker:
        """Turns notebook cells into runs."""
        from trackbook.capture.cell import CellCapture
        from trackbook.tracking.cells import CellTracker
        from trackbook.tracking.versioning import InputVersions

        limits = self.settings.capture
        capture = CellCapture(limits.max_output_kb * 1000)
        keep = round(limits.max_input_mb * 1_000_000)
        inputs = InputVersions(self.store.append, self.store.objects, round(limits.max_frame_mb * 1_000_000), self.user)
        return CellTracker(self.tracker, capture, self.autolog, self.store.objects, keep, inputs)

    @cached_property
    def autolog(self) -> Autolog:
        """Logs what scikit-learn does outside tracked cells."""
        from trackbook.tracking.autolog import Autolog

        return Autolog(self.tracker, self._model_bytes)

    def _model_bytes(self, model: object) -> bytes:
        from trackbook.registry.formats.skops import dump_model

        return dump_model(model, load_settings(self.root).models.trusted)

    @cached_property
    def runs(self) -> Runs:
        """Reads runs back."""
        from trackbook.tracking import Runs

        return Runs(self.store)

    @cached_property
    def edits(self) -> RunEdits:
        """Renames, annotates, tags, deletes and brings back runs."""
        from trackbook.tracking import RunEdits

        return RunEdits(self.store, self.user)

    @cached_property
    def badges(self) -> Badges:
        """Says which cells of a notebook have runs, and which of these are stale."""
        from trackbook.tracking.latest import Badges

        return Badges(self.store)

    @cached_property
    def environments(self) -> Environments:
        """Locks and builds the environments of runs."""
        from trackbook.tracking.environments import Environments

        return Environments(self.store)

    @cached_property
    def reproductions(self) -> Reproductions:
        """Repeats runs and keeps the verdicts."""
        from trackbook.tracking.reproduction.reproduce import Reproductions

        return Reproductions(self.store, self.runs, self.root, self.user)

    @cached_property
    def data(self) -> Datasets:
        """Keeps dataset versions."""
        from trackbook.data import Datasets

        return Datasets(self.store, self.user)

    def note_use(self, version: DatasetVersion) -> None:
        """Note a dataset version as an input of the active run, if there is one."""
        tracker: Tracker | None = vars(self).get("tracker")
        active = tracker.active if tracker is not None else None
        if active is not None:
            active.log_data(
                DataUsed(
                    active.run_id, "read", version.uri, "dataset", version.fingerprint, version.rows, size=version.size
                )
            )

    @cached_property
    def lineage(self) -> LineageReader:
        """Says which runs made and used data, and what came of them."""
        from trackbook.tracking.lineage import LineageReader

        return LineageReader(self.store)

    @property
    def registry(self) -> Registry:
        """Keeps models, moves them through gates, and audits it all; under the policy as it stands on disk now."""
        return self.registry_for(self.identity)

    def identity(self) -> Identity:
        """Return who this process acts for: whom JupyterHub knows, where it runs in a hub, else the bare user."""
        from trackbook.registry.identity import of_process

        return of_process(self.user)

    def registry_for(self, user: Who) -> Registry:
        """Return the registry as it acts for `user`, e.g. the person behind a request; a bare name is not proved."""
        from trackbook.registry import Registry

        return Registry(self.store, load_settings(self.root), user, self.runs, self.root)

    @property
    def exchange(self) -> Exchange:
        """Pushes to and pulls from other stores, through the place that the settings name."""
        from trackbook.exchange import Exchange

        return Exchange(self.store, self.data, self.registry, load_settings(self.root).remote)

    def rebuild(self) -> Rebuilt:
        """Make a lost or damaged database again, as far as journals, the archive and what is left of it reach."""
        from trackbook.store.rebuild import rebuild

        rebuilt = rebuild(self.store)
        self.registry.replay()
        return rebuilt

    @property
    def drift(self) -> DriftReports:
        """Makes and keeps drift reports, under the floors as they stand on disk now."""
        from trackbook.monitoring import DriftReports

        return DriftReports(self.store, load_settings(self.root).drift)

    @cached_property
    def pipelines(self) -> Pipelines:
        """Converts, verifies and runs notebooks as pipelines."""
        from trackbook.pipeline import Pipelines

        return Pipelines(self.store, self.tracker, self.root, self.settings)


class CurrentProject:
    """The project of this process: opened on first use, again when the working directory leads to another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._project: Project | None = None
        self._key: tuple[str | None, Path] | None = None
        self._home: Path | None = None

    def folder(self) -> Path:
        """Return the folder whose project this process works in: the notebook's, else the working directory."""
        return notebook_folder() or self._home or Path.cwd()

    def stay_in(self, folder: Path | None) -> None:
        """Keep to the project of `folder`, wherever code changes the working directory to; None follows it again."""
        self._home = folder

    def ignored_folders(self) -> tuple[str, ...]:
        """Return the store's folder where it has a name of its own: no file in it is the user's."""
        override = os.environ.get(STORE_VARIABLE)
        return (str(Path(override).absolute()),) if override else ()

    @property
    def opened(self) -> Project | None:
        """The project that this process has opened, None before it needed one."""
        return self._project

    @property
    def active_run(self) -> ActiveRun | None:
        """The run that is going on in the opened project; the first thing on the path of every logging call."""
        project = self._project
        tracker = None if project is None else project.__dict__.get("tracker")
        return None if tracker is None else tracker.active

    def get(self) -> Project:
        """Return the project of the notebook that this kernel belongs to, else of the working directory."""
        project = self._project
        if project is not None and self.active_run is not None:
            return project  # code that changes folder during a run stays in the run's project
        try:
            start = self.folder()
        except FileNotFoundError as error:
            if project is not None:
                return project
            raise UsageError("the working directory was deleted; go to another one with `os.chdir`") from error
        key = (os.environ.get(STORE_VARIABLE), start)
        with self._lock:
            if self._project is None or self._key != key:
                self._project, self._key = Project.open(start), key
            return self._project


current = CurrentProject()


def find_root(folder: Path) -> Path:
    """Return the nearest folder upwards that holds `.trackbook`, `trackbook.toml` or `.git`, else `folder`."""
    for candidate in (folder, *folder.parents):
        if any((candidate / marker).exists() for marker in MARKERS):
            return candidate
    return folder


def notebook_path() -> Path | None:
    """Return the notebook that this kernel runs, where Jupyter or the one who started it says so."""
    for variable in ("TRACKBOOK_NOTEBOOK", "JPY_SESSION_NAME"):
        value = os.environ.get(variable)
        if value and value.endswith(".ipynb"):
            return _absolute(value)
    return None


@cache
def _absolute(notebook: str) -> Path:
    # A relative name counts from the server's root; the kernel starts in the notebook's folder.  Cached, because
    # the notebook's code may change the working directory later.
    path = Path(notebook)
    return path if path.is_absolute() else Path.cwd() / path.name


def notebook_folder() -> Path | None:
    """Return the folder of the notebook that this kernel runs, if it is known and exists."""
    path = notebook_path()
    return path.parent if path is not None and path.parent.is_dir() else None


def _fetch(store: Store, settings: RemoteSettings, digest: str) -> None:
    """Keep an object that is not here but on the remote, as happens with data that somebody else pushed."""
    from trackbook.store.remote import Remote
    from trackbook.store.transfer import Transfer

    assert settings.url is not None
    transfer = Transfer(Remote(settings.url, settings.options), store.objects)
    transfer.fetch(transfer.present([digest]))


def store_folder(root: Path) -> Path:
    """Return where the store of the project in `root` lies."""
    override = os.environ.get(STORE_VARIABLE)
    return Path(override).absolute() if override else root / STORE_NAME


def _login() -> str:
    # In a hub's containers all users may have one login name.  This proves nothing: `identity` asks the hub itself.
    if user := os.environ.get("JUPYTERHUB_USER"):
        return user
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container user without a name
        return f"uid-{os.getuid()}" if hasattr(os, "getuid") else "unknown"
