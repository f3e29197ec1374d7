"""Pipelines of one project: graph, convert, verify, run."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import msgspec

from trackbook.errors import NotFoundError, PipelineError, StoreError, UsageError
from trackbook.pipeline.plan import Plan, read_plan
from trackbook.pipeline.writing import replace_text
from trackbook.settings import Settings
from trackbook.store import Store, now_ms

# A script runs without what reads notebooks, which takes a second to import.
if TYPE_CHECKING:
    from trackbook.cells.graph import RecordedUse
    from trackbook.pipeline.candidate import Candidate
    from trackbook.pipeline.execution import OnCell
    from trackbook.pipeline.exports.gather import Options
    from trackbook.pipeline.outcome import OnEvent, PipelineResult
    from trackbook.pipeline.running.kept import KeptResults
    from trackbook.pipeline.running.options import RunOptions
    from trackbook.pipeline.running.preview import StepForecast
    from trackbook.pipeline.schedules.write import Ask, Schedule
    from trackbook.pipeline.script.convert import Script
    from trackbook.pipeline.script.magics import Choices
    from trackbook.pipeline.steps.notebook import Notebook
    from trackbook.pipeline.steps.recorded import Recorded
    from trackbook.pipeline.sweeps.grid import Grid
    from trackbook.pipeline.sweeps.outcome import Goal, OnSweepEvent, SweepResult
    from trackbook.pipeline.sweeps.reading import Swept
    from trackbook.pipeline.sync.service import Origin, Synced
    from trackbook.pipeline.verification.scriptprocess import OnStep
    from trackbook.pipeline.verification.verify import Verification
    from trackbook.tracking import Tracker


class Chosen(TypedDict, total=False):
    """What the user may choose for a conversion.

    Shell lines need `allow_shell`; with `keep_ipython`, magics without a form in Python stay magics.  With `target`, a
    step or a variable, the script holds only what that needs.
    """

    allow_shell: bool
    keep_ipython: bool
    target: str | None


class Pipelines:
    """Joins conversion, verification and runs with the store."""

    def __init__(self, store: Store, tracker: Tracker, root: Path, settings: Settings | None = None) -> None:
        self._store, self._tracker, self._root = store, tracker, root
        self._settings = settings or Settings()

    def graph(
        self,
        notebook: Path,
        *,
        execute: bool = False,
        recorded: bool = False,
        explain: bool = False,
        timeout: float | None = None,
        on_cell: OnCell | None = None,
    ) -> dict[str, object]:
        """Return the cells of `notebook` and which feeds which, in the form of `trackbook graph --json`.

        With `execute` the notebook runs in a copy of its folder, and what its cells really did corrects what their
        texts say; where that stopped early, the key `problem` says why.  `timeout` is in seconds for each cell.
        With `recorded` the executions that runs were made of do, of cells that are still as they were then.
        """
        from trackbook.pipeline.steps.grouping import notebook_graph
        from trackbook.pipeline.steps.notebook import read_notebook

        found = read_notebook(notebook)
        known = self._recorded(notebook, found) if recorded else {}
        if not execute:
            return notebook_graph(found, recorded=known).to_json(explain=explain)
        from trackbook.pipeline.graph.executed import execute as execute_cells

        seen = execute_cells(notebook, found, root=self._root, timeout=timeout, on_cell=on_cell)
        graph = notebook_graph(found, seen.outcomes, known).to_json(explain=explain)
        return graph | {"problem": seen.problem} if seen.problem else graph

    def _recorded(self, path: Path, notebook: Notebook) -> dict[int, RecordedUse]:
        from trackbook.pipeline.graph.evidence import recorded_evidence
        from trackbook.tracking.executions import recorded_sessions

        names = dict.fromkeys([str(path.absolute()), str(path.resolve())])
        return recorded_evidence(notebook, recorded_sessions(self._store, *names))

    def convert(self, notebook: Path, output: Path, *, force: bool = False, **chosen: Unpack[Chosen]) -> Script:
        """Write the pipeline script of `notebook` to `output` and return it.

        Raises NotebookError for code that has no form in a script, UsageError where `output` was edited since it was
        made and `force` does not write over it, PipelineError where it cannot be written.
        """
        from trackbook.pipeline.script.convert import convert
        from trackbook.pipeline.steps.notebook import read_notebook

        found = read_notebook(notebook)
        script = convert(found, _choices(notebook, chosen))
        if not force:
            self._refuse_edited(notebook, output, script.text)
        replace_text(output, script.text)
        self._remember(output, found, script.text)
        return script

    def convert_as_run(self, notebook: Path, output: Path, **chosen: Unpack[Chosen]) -> tuple[Script, Recorded]:
        """Write the script of `notebook` with its cells in the order in which its last session needed them.

        Returns the script, and what the session used that the notebook does not make.  Raises NotFoundError where no
        execution of the notebook is recorded.
        """
        from trackbook.pipeline.script.convert import convert
        from trackbook.pipeline.steps.notebook import read_notebook
        from trackbook.pipeline.steps.recorded import in_recorded_order
        from trackbook.tracking.sessions import last_session

        found = read_notebook(notebook)
        executions = last_session(self._store, [str(path) for path in {notebook.absolute(), notebook.resolve()}])
        if not executions:
            raise NotFoundError(f"no execution of {notebook} is recorded: run its cells again with `%track on`")
        recorded = in_recorded_order(found, executions)
        script = convert(recorded.notebook, _choices(notebook, chosen))
        replace_text(output, script.text)
        return script, recorded

    def sync(self, notebook: Path, script: Path, **chosen: Unpack[Chosen]) -> Synced:
        """Let edits inside the steps of `script` flow into the cells of `notebook`, and its changes into the script.

        Where both changed a cell since the last conversion, or an edit of the script has no place in a cell, nothing
        is written.  Without a script this is `convert`.  Raises NotebookError where the notebook has no form in a
        script, PipelineError for a script that is not Python or that was made from a notebook nobody knows any more.
        """
        from trackbook.pipeline.script.convert import convert
        from trackbook.pipeline.steps.notebook import read_notebook
        from trackbook.pipeline.sync.service import Synced, join

        if not script.exists():
            return Synced(tuple(step.name for step in self.convert(notebook, script, **chosen).steps))
        choices = _choices(notebook, chosen)
        joined = join(notebook, script, self._origin(notebook, script), lambda found: convert(found, choices))
        if joined.result.is_done:
            if joined.content is not None:
                replace_text(notebook, joined.content)
            if script.read_text(encoding="utf-8") != joined.script.text:
                replace_text(script, joined.script.text)
            self._remember(script, read_notebook(notebook), joined.script.text)
        return joined.result

    def _refuse_edited(self, notebook: Path, script: Path, text: str) -> None:
        """Raise UsageError where `script` holds edits of the user's, which writing `text` there would lose."""
        from trackbook.pipeline.sync.state import digest_in

        if not script.is_file():
            return
        there = script.read_text(encoding="utf-8", errors="replace")
        made = self._kept(script, digest_in(there))
        if made is None or made.text in (None, there) or there == text or not there.strip():
            return
        raise UsageError(
            f"{script} was edited since it was made: `trackbook convert {notebook} -o {script} --sync` brings the "
            "edits back into the notebook, and --force writes over them"
        )

    def _remember(self, script: Path, notebook: Notebook, text: str) -> None:
        """Keep what a script was made of, so that later changes of both sides can be told apart."""
        from trackbook.pipeline.sync.state import to_json

        with suppress(StoreError):  # where nothing can be kept, conversion works all the same
            row = (self._name(script), notebook.digest, to_json(notebook), text, now_ms())
            with self._store.write() as db:
                db.execute("INSERT OR REPLACE INTO pipeline_script VALUES (?, ?, ?, ?, ?)", row)

    def _kept(self, script: Path, digest: str | None) -> Origin | None:
        """Return what the store keeps of the conversion that gave a script; None where the script is of another."""
        from trackbook.pipeline.sync.service import Origin
        from trackbook.pipeline.sync.state import from_json

        with self._store.read() as db:
            rows = list(db.query("SELECT * FROM pipeline_script WHERE script = ?", [self._name(script)]))
        if not rows or digest not in (None, rows[0]["digest"]):
            return None
        return Origin(from_json(rows[0]["content"]), rows[0]["text"])

    def _origin(self, notebook: Path, script: Path) -> Origin:
        """Return what a script was made of: as it is, as the store keeps it, or as git has it."""
        from trackbook.pipeline.steps.notebook import read_notebook
        from trackbook.pipeline.sync.service import Origin
        from trackbook.pipeline.sync.state import digest_in, from_git

        digest = digest_in(script.read_text(encoding="utf-8", errors="replace"))
        if kept := self._kept(script, digest):
            return kept
        now = read_notebook(notebook)
        found = now if now.digest == digest else from_git(notebook, digest) if digest else None
        if found is None:
            raise PipelineError(
                f"{script} was made from a state of {notebook} that neither the store nor git's last commits have: "
                "what was changed on which side cannot be told; convert to another file, and compare"
            )
        return Origin(found)

    def plan(self, script: Path) -> Plan:
        """Return what a pipeline script will do, without running it."""
        return read_plan(script)

    def verify(
        self,
        notebook: Path,
        script: Path,
        *,
        timeout: float | None = None,
        on_cell: OnCell | None = None,
        on_step: OnStep | None = None,
    ) -> Verification:
        """Compare fresh runs of `notebook` and `script`, and keep what came out."""
        from trackbook.pipeline.verification.verify import verify

        found = verify(notebook, script, root=self._root, timeout=timeout, on_cell=on_cell, on_step=on_step)
        row = (*(self._name(path) for path in (notebook, script)), found.script_digest, found.verdict)
        with self._store.write() as db:
            db.execute(
                "INSERT INTO pipeline_verification (notebook, script, script_digest, verdict, content, time) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (*row, msgspec.json.encode(found).decode(), now_ms()),
            )
        return found

    def last_verification(self, script: Path) -> Verification | None:
        """Return what the last verification of `script` found, None when there was none.

        It says something about the script as it is only where `script_digest` still is the script's.
        """
        from trackbook.pipeline.verification.verify import Verification

        query = "SELECT content FROM pipeline_verification WHERE script = ? ORDER BY id DESC LIMIT 1"
        with self._store.read() as db:
            rows = list(db.query(query, [self._name(script)]))
        return msgspec.json.decode(rows[0]["content"], type=Verification) if rows else None

    def run(
        self,
        target: Path,
        params: Mapping[str, Any] | None = None,
        options: RunOptions | None = None,
        *,
        on_event: OnEvent | None = None,
    ) -> PipelineResult:
        """Run a pipeline script, or a notebook by way of its script, as a run with a child run for each step.

        `params` are values, or texts as on the command line.  Steps whose results are sure to be the same are
        taken from the cache.  A step that raises gives the status FAILED and no exception.
        """
        from trackbook.pipeline.running.options import RunOptions
        from trackbook.pipeline.running.runner import Runner

        runner = Runner(self._store, self._tracker, self._settings)
        chosen = options or RunOptions(jobs=self._settings.pipeline.jobs)
        with self._script_of(target) as (script, home):
            origin = Path(self._name(target))  # wherever it was named from, its runs are found by one tag
            return runner.run(read_plan(script), params, chosen, home=home, origin=origin, on_event=on_event)

    def grid(self, target: Path, given: Mapping[str, Sequence[Any]]) -> Grid:
        """Return the values of each parameter, of which several make a sweep, and every combination of them."""
        from trackbook.pipeline.sweeps.grid import read_grid

        with self._script_of(target) as (script, _):
            return read_grid(read_plan(script), given)

    def sweep(
        self,
        target: Path,
        grid: Grid,
        options: RunOptions | None = None,
        *,
        goal: Goal | None = None,
        on_event: OnSweepEvent,
    ) -> SweepResult:
        """Run every trial of `grid` as a run below one of kind `sweep`, `options.jobs` of them at once.

        Steps that no varying param reaches run once.  A trial that fails does not end the others.
        """
        from trackbook.pipeline.running.options import RunOptions
        from trackbook.pipeline.running.setting import engine_for_all
        from trackbook.pipeline.sweeps.outcome import Goal
        from trackbook.pipeline.sweeps.sweep import Sweep

        asked = options or RunOptions(jobs=self._settings.pipeline.jobs)
        with self._script_of(target) as (script, home), engine_for_all(asked) as chosen:
            services = self._store, self._tracker, self._settings
            origin = Path(self._name(target))
            sweep = Sweep(*services, read_plan(script), home, origin, chosen, on_event, goal or Goal())
            return sweep.run_grid(grid)

    def search(
        self,
        target: Path,
        space: Path,
        trials: int,
        given: Mapping[str, Any] | None = None,
        options: RunOptions | None = None,
        *,
        on_event: OnSweepEvent,
    ) -> SweepResult:
        """Run trials that Optuna chooses from the space in a TOML file, until there are `trials`.

        The same search goes on where it was interrupted; those of its trials that ended count and are not repeated.
        Raises UsageError for what is wrong in the file, by table and key, and without Optuna.
        """
        from trackbook.pipeline.running.options import RunOptions
        from trackbook.pipeline.running.setting import engine_for_all
        from trackbook.pipeline.sweeps.search import search
        from trackbook.pipeline.sweeps.space import goal_of, read_space
        from trackbook.pipeline.sweeps.sweep import Sweep

        asked = options or RunOptions(jobs=self._settings.pipeline.jobs)
        with self._script_of(target) as (script, home), engine_for_all(asked) as chosen:
            plan = read_plan(script)
            read = read_space(space, plan)
            services, origin = (self._store, self._tracker, self._settings), Path(self._name(target))
            sweep = Sweep(*services, plan, home, origin, chosen, on_event, goal_of(read))
            return search(sweep, read, given or {}, trials)

    def swept(self, run_id: str) -> Swept:
        """Return the trials of a sweep by the id of its run, with what varies and what was measured."""
        from trackbook.pipeline.sweeps.reading import read_sweep
        from trackbook.tracking import Runs

        return read_sweep(Runs(self._store), run_id)

    def preview(
        self, target: Path, params: Mapping[str, Any] | None = None, options: RunOptions | None = None
    ) -> list[StepForecast]:
        """Return what `run` would do with each step, without running any."""
        from trackbook.pipeline.running.options import RunOptions
        from trackbook.pipeline.running.preview import preview

        with self._script_of(target) as (script, home):
            plan, settings = read_plan(script), self._settings.pipeline
            return preview(self._store, plan, params or {}, options or RunOptions(), home, settings)

    def kept(
        self, script: Path, params: Mapping[str, Any] | None = None, options: RunOptions | None = None
    ) -> KeptResults:
        """Return what the store, and the storage of `options`, have kept of the steps of `script`; runs none."""
        from trackbook.pipeline.running.kept import KeptResults
        from trackbook.pipeline.running.options import RunOptions
        from trackbook.pipeline.running.setting import storage_of

        storage = storage_of(self._store, options or RunOptions(), self._settings.pipeline)
        return KeptResults(self._store, read_plan(script), params or {}, script.resolve().parent, storage)

    def candidate(
        self,
        script: Path,
        params: Mapping[str, Any] | None = None,
        options: RunOptions | None = None,
        *,
        variable: str | None = None,
        dump: Callable[[Any], bytes],
    ) -> Candidate:
        """Make a run of the model and the numbers that the steps of `script` have kept; see `pipeline.candidate`."""
        from trackbook.pipeline.candidate import make_candidate

        return make_candidate(self.kept(script, params, options), self._tracker, dump, script=script, variable=variable)

    @contextmanager
    def _script_of(self, target: Path) -> Iterator[tuple[Path, Path]]:
        """Yield the script of a target, which for a notebook is only made for this, and the folder to run it in."""
        home = target.resolve().parent
        if target.suffix != ".ipynb":
            yield target, home
            return
        from trackbook.pipeline.script.convert import convert
        from trackbook.pipeline.steps.notebook import read_notebook

        with tempfile.TemporaryDirectory(prefix="script-", dir=self._store.root) as folder:
            script = Path(folder) / f"{target.stem}_pipeline.py"
            replace_text(script, convert(read_notebook(target), _choices(target, {})).text)
            yield script, home

    def schedule(self, ask: Ask) -> Schedule:
        """Write what runs a pipeline by itself at given times; nothing is installed.

        Raises PipelineError for params that a run would refuse, UsageError for what no scheduler could run.
        """
        from trackbook.pipeline.params import read_params
        from trackbook.pipeline.schedules.write import checked_params, schedule

        from_file = read_params(ask.file) if ask.file else {}
        self.grid(ask.target, {name: [value] for name, value in from_file.items()} | checked_params(ask.params))
        return schedule(self._root, ask)

    def export(self, script: Path, to: str, options: Options) -> list[Path]:
        """Write what another tool needs to run `script` step by step; see `trackbook.pipeline.exports`."""
        from trackbook.pipeline.exports.gather import export

        return export(self._root, self._store, script, to, options)

    def _name(self, path: Path) -> str:
        """Return a path as it is kept: relative to the project where it lies in it."""
        full, root = path.resolve(), self._root.resolve()
        return full.relative_to(root).as_posix() if full.is_relative_to(root) else str(full)


def _choices(notebook: Path, chosen: Chosen) -> Choices:
    from trackbook.pipeline.script.magics import Choices
    from trackbook.pipeline.steps.notebook import file_beside

    return Choices(**chosen, file_text=file_beside(notebook.parent))
