"""Fresh runs of a notebook and of its script, each in a copy of the folder, with notes of what they did."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import msgspec
import nbformat
import psutil
from nbformat import NotebookNode

from trackbook.errors import ExecutionError, PipelineError
from trackbook.pipeline.causes import ProgramCell
from trackbook.pipeline.compare import Line, Outcome
from trackbook.pipeline.execution import CellProgress, Execution, OnCell, execute_together, execution
from trackbook.pipeline.failures import Failure, read_failure
from trackbook.pipeline.figures import read_figures
from trackbook.pipeline.outcome import StepProgress
from trackbook.pipeline.plan import Plan, StepPlan
from trackbook.pipeline.record import Moment, printed_lines, read_moments, read_notes
from trackbook.pipeline.tags import is_skipped
from trackbook.tracking.reproduction.processes import family, worker_environment
from trackbook.tracking.reproduction.workspace import copy_folder, files_of, written_since

FIRST, SECOND = "notebook", "again"
"""What the two runs of the notebook are called."""

OnStep = Callable[[StepProgress], None]

_STEP = re.compile(rb"\0(\d+)\0")


CLOCK = 0.01
"""Seconds by which the time stamp of a file may lie beside the clock."""


_TIMING = re.compile(r"(CPU times|Wall time): ")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


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
        self._node, self._indices = _prepared(node)
        self._where = path.parent.relative_to(self._original)
        self.steps = [(step.name, step.outputs) for step in plan.steps]

    def all(self, script: Path, on_cell: OnCell | None, on_step: OnStep | None) -> tuple[Outcome, Outcome, Outcome]:
        """Run the notebook twice and the script once, side by side; nothing of them goes on after an interrupt.

        Raises PipelineError when the notebook cannot be run, for another reason than an exception of its own.
        """
        with self._started(script, on_step) as finish:
            first, again = self.notebooks(on_cell)
            return first, again, finish()

    def notebooks(self, on_cell: OnCell | None = None) -> tuple[Outcome, Outcome]:
        """Run the notebook twice, side by side.

        Texts hash otherwise in the second run, so that what depends on the order of a set shows.
        """
        first, finish_first = self._notebook(FIRST, "0", on_cell)
        second, finish_second = self._notebook(SECOND, "1", on_cell)
        ends = execute_together([first, second])
        return finish_first(ends[0]), finish_second(ends[1])

    def script(self, script: Path, name: str = "script", on_step: OnStep | None = None) -> Outcome:
        """Run a script in a copy called `name`."""
        with self._started(script, on_step, name) as finish:
            return finish()

    def program(self) -> list[ProgramCell]:
        """Return the code cells that run, with their steps."""
        owners = _owners(self._node, self._plan)
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
        node = _as_node(json.loads(json.dumps(self._node)))
        config = notes / "watch.json"
        owners = _owners(node, self._plan)
        config.write_text(json.dumps(self._watching(node, owners, notes)), encoding="utf-8")
        moments: list[Moment] = []
        start = execution(
            node,
            cwd=copy / self._where,
            timeout=self._timeout,
            on_cell=_timed(moments, _places(node, owners), name, self._indices, on_cell),
            env=self._environment(name, hash_seed),
            startup=f"__import__('trackbook.pipeline.record', fromlist=['watch']).watch({str(config)!r})",
            path=copy / self._where / self._path.name,
        )

        def finish(end: NotebookNode | ExecutionError) -> Outcome:
            failure = read_failure(notes)
            if isinstance(end, ExecutionError) and failure is None:
                raise PipelineError(f"the notebook itself does not run: {end}") from end
            lines, displayed = _outputs(node, owners, self._here(copy))
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
            files=_by_step(copy, written_since(copy, before, self._original), moments, self.steps),
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
        environment = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8", **self._environment(name, "0")}
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "trackbook.pipeline.driver", str(target), str(notes)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=target.parent,
            env=worker_environment({"MPLBACKEND": "Agg", **environment}),
            start_new_session=True,
        )
        names = [step for step, _ in self.steps]
        output = _Drained(process, _announcer(names, on_step))

        def finish() -> Outcome:
            try:
                process.wait(self._timeout)
            except subprocess.TimeoutExpired:
                _end(process)
                return self._unended(notes, copy)
            text, errors = output.texts()
            if process.returncode and read_failure(notes) is None:
                return self._unended(notes, copy, process.returncode, errors)
            here = self._here(copy)
            lines = [Line(here(line), step) for line, step in printed_lines(text, names)]
            return self._outcome(name, copy, notes, before, read_moments(notes), lines, [])

        try:
            yield finish
        finally:
            _end(process)

    def _unended(self, notes: Path, copy: Path, status: int | None = None, errors: str = "") -> Outcome:
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

    def _watching(self, node: NotebookNode, owners: dict[str, StepPlan], folder: Path) -> dict[str, Any]:
        after: dict[str, list[tuple[int, list[str]]]] = {}
        for step in self._plan.steps:
            cells = [cell for cell, owner in owners.items() if owner is step]
            if cells:
                names = list(dict.fromkeys([*step.outputs, *step.names]))
                after.setdefault(cells[-1], []).append((step.index, names))
        code = [cell["id"] for cell in node.cells if cell.cell_type == "code" and cell.source.strip()]
        outputs = sorted(_lasting(self._plan.steps))
        places = {cell: step.index for cell, step in owners.items()}
        return {"folder": str(folder), "after": after, "owners": places, "last": [code[-1] if code else "", outputs]}


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process with all that it started, also what its parents left to others."""
    for each in family(process.pid):
        with suppress(psutil.NoSuchProcess):
            each.kill()
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def tracked_metrics(folder: Path) -> dict[str, float]:
    """Return the metrics that a run of the notebook or script tracked in a store of its own, by run and name."""
    if not folder.is_dir():
        return {}
    from trackbook.store import Store
    from trackbook.tracking import Runs

    store = Store.open(folder, create=False)
    try:
        runs = Runs(store).search(order_by=["start_time ASC"], max_results=10_000)
    finally:
        store.close()
    tracked = [run for run in runs if run.metrics]
    return {
        f"{name} of run {place + 1}": value for place, run in enumerate(tracked) for name, value in run.metrics.items()
    }


def _announcer(names: Sequence[str], on_step: OnStep | None) -> Callable[[bytes], None]:
    """Return what tells of each step that begins, when it is handed what the script prints."""

    def heard(data: bytes) -> None:
        for found in _STEP.finditer(data):
            place = int(found[1])
            if on_step is not None and place < len(names):
                on_step(StepProgress("started", place + 1, len(names), names[place]))

    return heard


class _Drained:
    """Reads both streams of a process while it runs, so that it never waits for a full pipe."""

    def __init__(self, process: subprocess.Popen[bytes], heard: Callable[[bytes], None]) -> None:
        self._texts = ["", ""]
        self._threads = [
            threading.Thread(target=self._read, args=(place, stream, heard), daemon=True)
            for place, stream in enumerate((process.stdout, process.stderr))
        ]
        for thread in self._threads:
            thread.start()

    def texts(self) -> tuple[str, str]:
        for thread in self._threads:
            thread.join()
        return self._texts[0], self._texts[1]

    def _read(self, place: int, stream: IO[bytes], heard: Callable[[bytes], None]) -> None:
        read: list[bytes] = []
        with stream:
            while data := os.read(stream.fileno(), 1 << 16):
                read.append(data)
                heard(data)
        text = b"".join(read).decode("utf-8", "replace")
        self._texts[place] = text.replace("\r\n", "\n")


def _lasting(steps: Sequence[StepPlan]) -> set[str]:
    """Return the outputs that no later step has a name of its own for; those are compared when that step ends."""
    found: set[str] = set()
    for step in steps:
        found = (found - set(step.names)) | set(step.outputs)
    return found


def _prepared(node: NotebookNode) -> tuple[NotebookNode, list[int]]:
    """Return a notebook without skipped cells and outputs, and the place of each cell in the whole notebook.

    Every code cell has the id that scripts name.
    """
    copy = _as_node(json.loads(json.dumps(node)))
    index = 0
    cells, places = [], []
    for place, cell in enumerate(copy.cells):
        if cell.cell_type == "code":
            given = cell.get("id")
            cell["id"] = given if isinstance(given, str) and _ID.fullmatch(given) else f"cell-{index}"
            cell["outputs"], cell["execution_count"], index = [], None, index + 1
        if cell.cell_type != "code" or not is_skipped(cell.metadata.get("tags", ()), cell.source):
            cells.append(cell)
            places.append(place)
    copy["cells"] = cells
    return copy, places


def _as_node(content: Any) -> NotebookNode:
    node: NotebookNode = nbformat.from_dict(content)  # type: ignore[no-untyped-call]
    return node


def _owners(node: NotebookNode, plan: Plan) -> dict[str, StepPlan]:
    """Return the step of each cell that has one, in the notebook's order: by the id in the script, else by its tag."""
    by_id = {cell: step for step in plan.steps for cell in step.cells}
    by_name = {step.name: step for step in plan.steps}
    owners: dict[str, StepPlan] = {}
    for cell in node.cells:
        tagged = [by_name.get(tag[5:]) for tag in cell.metadata.get("tags", ()) if tag.startswith("step:")]
        owner = by_id.get(cell.get("id", "")) or next((step for step in tagged if step), None)
        if cell.cell_type == "code" and owner is not None:
            owners[cell["id"]] = owner
    return owners


def _places(node: NotebookNode, owners: dict[str, StepPlan]) -> dict[int, int]:
    return {index: owners[cell["id"]].index for index, cell in enumerate(node.cells) if cell.get("id") in owners}


def _timed(
    moments: list[Moment], places: dict[int, int], run: str, indices: Sequence[int], on_cell: OnCell | None
) -> OnCell:
    """Return a listener that notes when the cells of steps ran, and passes everything on."""

    def listen(progress: CellProgress) -> None:
        if progress.state != "started" and progress.cell_index in places:
            now = time.time()
            moments.append(Moment(places[progress.cell_index], now - progress.seconds, now))
        if on_cell is not None:
            on_cell(msgspec.structs.replace(progress, run=run, cell_index=indices[progress.cell_index]))

    return listen


def _outputs(
    node: NotebookNode, owners: dict[str, StepPlan], here: Callable[[str], str]
) -> tuple[list[Line], list[str]]:
    """Return the printed lines with their steps, and the lines of what the notebook displays.

    A line that one cell leaves open goes on with what the next prints or displays, as it does in a script.
    """
    printed: list[Line] = []
    displayed: list[str] = []
    unfinished = False
    for cell in node.cells:
        owner = owners.get(cell.get("id", ""))
        for output in cell.get("outputs", ()):
            if output.output_type == "stream" and output.name == "stdout":
                text = here(_without_timings(output.text) if "%time" in cell.source else output.text)
                if text and unfinished:
                    printed[-1] = Line(printed[-1].text + text.splitlines()[0], printed[-1].step)
                    text = text.partition("\n")[2]
                printed += [Line(line, owner.name if owner else "") for line in text.splitlines()]
                unfinished = not output.text.endswith("\n")
            elif output.output_type in ("execute_result", "display_data"):
                lines = here(str(output.data.get("text/plain", ""))).splitlines()
                if lines and unfinished:
                    printed[-1] = Line(printed[-1].text + lines.pop(0), printed[-1].step)
                    unfinished = False
                displayed += lines
    return printed, displayed


def _without_timings(text: str) -> str:
    """Take out what `%time` prints, which the script leaves out."""
    return "".join(line for line in text.splitlines(keepends=True) if not _TIMING.match(line))


def _by_step(
    folder: Path, names: Iterable[str], moments: Sequence[Moment], steps: Sequence[tuple[str, Sequence[str]]]
) -> dict[str, str]:
    """Return for each file the step during which it was written last."""
    found = {}
    for name in names:
        when = os.stat(folder / name).st_mtime  # noqa: PTH116 - seconds since the epoch
        near = [(max(moment.began - when, when - moment.ended, 0.0), -moment.began, moment) for moment in moments]
        distance, _, owner = min(near, key=lambda each: each[:2], default=(CLOCK, 0.0, None))
        owner = owner if distance < CLOCK else None
        found[name] = steps[owner.step][0] if owner else ""
    return found
