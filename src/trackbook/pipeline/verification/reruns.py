"""Fresh runs of a notebook and of its script, each in a copy of the folder, with notes of what they did."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from nbformat import NotebookNode

from trackbook.errors import ExecutionError, PipelineError
from trackbook.pipeline.execution import Execution, OnCell, execute_together, execution
from trackbook.pipeline.plan import Plan
from trackbook.pipeline.verification.causes import ProgramCell
from trackbook.pipeline.verification.compare import Line, Outcome
from trackbook.pipeline.verification.failures import Failure, read_failure
from trackbook.pipeline.verification.figures import read_figures
from trackbook.pipeline.verification.ownership import copy_of, owners_of, prepared, timed, watching
from trackbook.pipeline.verification.record import Moment, printed_lines, read_moments, read_notes
from trackbook.pipeline.verification.scriptprocess import OnStep, ScriptProcess
from trackbook.pipeline.verification.traces import by_step, outputs, tracked_metrics
from trackbook.tracking.reproduction.workspace import copy_folder, files_of, written_since

TWICE, MORE = ("notebook", "again"), ("third", "fourth")
"""What the runs of the notebook are called, two at a time."""


class Reruns:
    """Runs of a notebook and of its scripts, in folders of their own below `place`."""

    def __init__(
        self,
        path: Path,
        node: NotebookNode,
        plan: Plan,
        root: Path | None,
        place: Path,
        timeout: float | None,
    ) -> None:
        """Run the notebook `node` from `path`; `plan`, that of its script, says what is noted and when."""
        self._path, self._plan, self._timeout = path, plan, timeout
        self._original = root.resolve() if root and path.is_relative_to(root.resolve()) else path.parent
        self._place = place
        self._node, self._indices = prepared(node)
        self._where = path.parent.relative_to(self._original)
        self.steps = [(step.name, step.outputs) for step in plan.steps]

    def all(self, script: Path, on_cell: OnCell | None, on_step: OnStep | None) -> tuple[Outcome, Outcome, Outcome]:
        """Run the notebook twice and the script once, side by side; nothing of them goes on after an interrupt.

        Raises PipelineError when the notebook cannot be run, for another reason than an exception of its own.
        """
        with self._started(script, on_step) as finish:
            first, again = self.notebooks(on_cell)
            return first, again, finish()

    def notebooks(self, on_cell: OnCell | None = None, names: tuple[str, str] = TWICE) -> tuple[Outcome, Outcome]:
        """Run the notebook twice, side by side, under these names.

        Texts hash otherwise in the second run, so that what depends on the order of a set shows.
        """
        first, finish_first = self._notebook(names[0], "0", on_cell)
        second, finish_second = self._notebook(names[1], "1", on_cell)
        ends = execute_together([first, second])
        return finish_first(ends[0]), finish_second(ends[1])

    def script(self, script: Path, name: str = "script", on_step: OnStep | None = None) -> Outcome:
        """Run a script in a copy called `name`."""
        with self._started(script, on_step, name) as finish:
            return finish()

    def program(self) -> list[ProgramCell]:
        """Return the code cells that run, with their steps."""
        owners = owners_of(self._node, self._plan)
        cells = zip(self._indices, self._node.cells, strict=True)
        return [
            ProgramCell(index, cell.source, owners[cell["id"]].name if cell["id"] in owners else "")
            for index, cell in cells
            if cell.cell_type == "code"
        ]

    def _notebook(
        self, name: str, hash_seed: str, on_cell: OnCell | None
    ) -> tuple[Execution, Callable[[NotebookNode | ExecutionError], Outcome]]:
        """Prepare a run of the notebook in a copy called `name`; return what starts it, and what reads its end."""
        copy, notes, before = self._copy(name)
        node = copy_of(self._node)
        config = notes / "watch.json"
        owners = owners_of(node, self._plan)
        config.write_text(json.dumps(watching(node, owners, self._plan, notes)), encoding="utf-8")
        moments: list[Moment] = []
        start = execution(
            node,
            cwd=copy / self._where,
            timeout=self._timeout,
            on_cell=timed(moments, node, owners, name, self._indices, on_cell),
            env=self._environment(name, hash_seed),
            startup=f"__import__('trackbook.pipeline.verification.record', fromlist=['watch']).watch({str(config)!r})",
            path=copy / self._where / self._path.name,
        )

        def finish(end: NotebookNode | ExecutionError) -> Outcome:
            failure = read_failure(notes)
            if isinstance(end, ExecutionError) and failure is None:
                raise PipelineError(f"the notebook itself does not run: {end}") from end
            lines, displayed = outputs(node, owners, self._here(copy))
            return self._outcome(name, copy, notes, before, moments, lines, displayed)

        return start, finish

    def _outcome(
        self,
        name: str,
        copy: Path,
        notes: Path,
        before: dict[str, tuple[int, int]],
        moments: Sequence[Moment],
        lines: list[Line],
        displayed: list[str],
    ) -> Outcome:
        return Outcome(
            folder=notes,
            notes=read_notes(notes),
            printed=lines,
            displayed=displayed,
            files=by_step(copy, written_since(copy, before, self._original), moments, self.steps),
            place=copy,
            figures=read_figures(notes),
            metrics=tracked_metrics(self._place / f"{name}-store"),
            failure=read_failure(notes),
        )

    @contextmanager
    def _started(self, script: Path, on_step: OnStep | None, name: str = "script") -> Iterator[Callable[[], Outcome]]:
        """Start a script in a copy called `name`, hand out what waits for its end, and leave no process behind."""
        copy, notes, before = self._copy(name)
        target = copy / self._where / script.name
        target.write_bytes(script.read_bytes())
        before[target.relative_to(copy).as_posix()] = (target.stat().st_size, target.stat().st_mtime_ns)
        names = [step for step, _ in self.steps]
        process = ScriptProcess(target, notes, self._environment(name, "0"), names, on_step)

        def finish() -> Outcome:
            status, text, errors = process.end(self._timeout)
            if status is None or (status and read_failure(notes) is None):
                return self._unended(notes, copy, status, errors)
            here = self._here(copy)
            lines = [Line(here(line), step) for line, step in printed_lines(text, names)]
            return self._outcome(name, copy, notes, before, read_moments(notes), lines, [])

        with closing(process):
            yield finish

    def _unended(self, notes: Path, copy: Path, status: int | None, errors: str) -> Outcome:
        """Return the outcome of a script that was ended, or ended without an exception."""
        done = 1 + max((moment.step for moment in read_moments(notes)), default=-1)
        last = next((line for line in reversed(errors.splitlines()) if line.strip()), "it ended without a word")
        failure = Failure("ProcessEnded", f"status {status}: {last}", done)
        if status is None:
            failure = Failure("TimeoutError", f"it still ran after {self._timeout:g} s", done)
        return Outcome(notes, read_notes(notes), [], [], {}, copy, read_figures(notes), {}, failure)

    def _copy(self, name: str) -> tuple[Path, Path, dict[str, tuple[int, int]]]:
        copy, notes = self._place / name / self._original.name, self._place / f"{name}-notes"
        copy_folder(self._original, copy)
        notes.mkdir()
        return copy, notes, files_of(copy)

    def _here(self, copy: Path) -> Callable[[str], str]:
        """Return what writes the user's folder for the copy in a printed line."""
        places = [str(copy), str(copy.resolve())]

        def here(text: str) -> str:
            for place in places:
                text = text.replace(place, str(self._original))
            return text

        return here

    def _environment(self, name: str, hash_seed: str) -> dict[str, str]:
        """Return variables that give a run a store of its own, and sets a known order."""
        return {"TRACKBOOK_DIR": str(self._place / f"{name}-store"), "PYTHONHASHSEED": hash_seed}
