"""One repeat of a run: its files laid out in a mirror, its program run in a fresh process, its record read back."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from trackbook.capture.files.watcher import fingerprint_file
from trackbook.store import Store
from trackbook.store.copying import copy_store
from trackbook.tracking.reproduction.causes import cell_name
from trackbook.tracking.reproduction.inputs import InputPreparer, Inputs
from trackbook.tracking.reproduction.mirror import Mirror, place_of
from trackbook.tracking.reproduction.plan import Cell, Ended, Plan
from trackbook.tracking.reproduction.repeat import Repeat, run_repeat
from trackbook.tracking.runs import Runs
from trackbook.tracking.values import Execution, Run, RunSummary

STORE_NAME = ".trackbook"
MAX_CHILDREN = 1000
MAX_COMPARED = 50_000_000
"""Files that are larger, in bytes, and differ are not looked into."""

INLINE = "module://matplotlib_inline.backend_inline"
FIRST_HASH_SEED, SECOND_HASH_SEED = "0", "1"

OnCell = Callable[[int, Execution], None]
"""Is handed the position (from 0) and the execution that begins."""


class Attempt:
    """Repeats `run` below the new folder `folder`; nothing outside of it changes."""

    def __init__(self, run: Run, folder: Path, root: Path, store: Store) -> None:
        self._run = run
        self._store = store
        self._started = _start_folder(run, root)
        self.mirror = Mirror(folder, *place_of(self._started, root))
        self.inputs = Inputs()
        self.repeat = Repeat()
        self._copy: Store | None = None
        self._known = 0

    def prepare(self) -> Inputs:
        """Copy the project and restore what the run read; raises DataError when the project is too large to copy."""
        self.mirror.fill(Path(used.name) for used in self._run.data)
        self.inputs = InputPreparer(self._run, self._store.objects, self.mirror).prepare()
        return self.inputs

    def execute(
        self,
        python: Path | None = None,
        *,
        hash_seed: str = FIRST_HASH_SEED,
        timeout: float | None = None,
        on_cell: OnCell | None = None,
    ) -> Repeat:
        """Run the program with the interpreter `python`, this one by default; `timeout` is in seconds for all of it."""
        self._copy = copy_store(self._store, self.mirror.image(self.mirror.root) / STORE_NAME)
        with self._copy.read() as db:
            self._known = db.execute("SELECT coalesce(max(id), 0) FROM run").fetchone()[0]
        program = self._run.program
        command = [str(python or sys.executable), "-P", "-m", "trackbook.tracking.reproduction.replay"]

        def started(position: int) -> None:
            if on_cell is not None:
                on_cell(position, program[position])

        plan, variables = self._plan(), self._variables(hash_seed)
        self.repeat = run_repeat(command, plan, variables, timeout=timeout, on_start=started)
        return self.repeat

    def repeated(self) -> Run | None:
        """Return the repeat's record of the run, None when it has made none."""
        summary = self._run.summary
        if summary.parent_run_id is not None:
            return self._child(summary.parent_run_id)
        new = [found for found in self._new(summary.kind) if found.parent_run_id is None]
        same_name = [found for found in new if found.run_name == summary.run_name]
        chosen = next(iter(same_name or new), None)
        return None if chosen is None else self._records.get(chosen.run_id)

    def _child(self, parent_id: str) -> Run | None:
        """Return the repeat of a child run: the one at the same place among the children of its parent's repeat."""
        parent = self._records.get(parent_id)
        place = parent.children.index(self._run.run_id)
        for summary in self._new(parent.summary.kind):
            children = self._records.get(summary.run_id).children
            if place < len(children):
                return self._records.get(children[place])
        return None

    def children(self, repeated: Run) -> tuple[list[Run], list[Run]]:
        """Return the child runs of the original and of its repeat, in their order."""
        return (
            [self._records.get(child) for child in self._run.children[:MAX_CHILDREN]],
            [self._records.get(child) for child in repeated.children[:MAX_CHILDREN]],
        )

    def _new(self, kind: str) -> list[RunSummary]:
        """Return the runs of a kind that the repeat has made, newest first."""
        assert self._copy is not None
        with self._copy.read() as db:
            rows = db.execute("SELECT run_id FROM run WHERE id > ? ORDER BY id DESC", [self._known]).fetchall()
        found = [self._records.get(run_id).summary for (run_id,) in rows]
        return [summary for summary in found if summary.kind == kind]

    @property
    def _records(self) -> Runs:
        assert self._copy is not None
        return Runs(self._copy)

    def read(self, digest: str, path: str) -> bytes | None:
        """Return the content of a digest: kept by the original or its repeat, or still in the file `path` of either."""
        assert self._copy is not None
        if self._copy.objects.exists(digest):
            return self._copy.objects.get(digest)
        if not Path(path).is_absolute():
            return None
        for place in (self.mirror.real(Path(path)), self.mirror.image(Path(path))):
            found = fingerprint_file(place)
            if found.digest == digest and (found.size or 0) <= MAX_COMPARED:
                return place.read_bytes()
        return None

    def failure(self) -> tuple[Execution, Ended] | None:
        """Return a cell that failed in the repeat and had not failed before: the run's own, else the first."""
        program = list(enumerate(self._run.program))
        for position, execution in [*program[-1:], *program[:-1]]:
            ended = self.repeat.ended.get(position)
            if ended is not None and ended.error is not None and execution.status == "ok":
                return execution, ended
        return None

    def where(self) -> str:
        """Return words for the cell that was running last."""
        if self.repeat.running is None:
            return "before its first cell"
        return f"in {cell_name(self._run.program[self.repeat.running])}"

    def _plan(self) -> Plan:
        is_cell = self._run.summary.kind == "cell" or self._run.summary.parent_run_id is not None
        last = len(self._run.program) - 1
        cells = tuple(
            Cell(
                self.mirror.translated(execution.source),
                execution.execution_count,
                execution.cell_id,
                tracked=is_cell and position == last,
            )
            for position, execution in enumerate(self._run.program)
        )
        cwd = self._image_folder(self._started)
        return Plan(
            cells=cells,
            cwd=str(cwd),
            path=(*dict.fromkeys(self.inputs.folders), str(cwd)),
            protected=(*self.mirror.protected, str(self._store.root)),
            moved=self.mirror.moved,
        )

    def _image_folder(self, folder: Path) -> Path:
        image = self.mirror.image(folder.absolute())
        image.mkdir(parents=True, exist_ok=True)
        return image

    def _variables(self, hash_seed: str) -> dict[str, str]:
        """Return the environment variables of the process: those that decide about numbers are the original's."""
        recorded = (self._run.environment or {}).get("variables") or {}
        variables = {"PYTHONHASHSEED": hash_seed, "MPLBACKEND": INLINE, **recorded}
        variables |= {
            "TRACKBOOK_DIR": str(self._copy.root if self._copy else ""),
            "IPYTHONDIR": str(self.mirror.folder / "ipython"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        if self._run.notebook:
            notebook = self.mirror.image(Path(self._run.notebook).absolute())
            variables["TRACKBOOK_NOTEBOOK"] = os.fspath(notebook)
        return variables


def _start_folder(run: Run, root: Path) -> Path:
    """Return the folder in which the kernel of a run started."""
    if run.notebook:
        return Path(run.notebook).absolute().parent
    folder = run.facts.get("cwd")
    return Path(folder).absolute() if isinstance(folder, str) else root
