"""Fresh runs of a notebook and of its script, each in a copy of the folder, with notes of what they did."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from trackbook.pipeline.compare import Difference, Line, Outcome
from trackbook.pipeline.execution import CellProgress, OnCell, execute_notebook
from trackbook.pipeline.plan import Plan, StepPlan
from trackbook.pipeline.record import Moment, printed_lines, read_moments, read_notes
from trackbook.tracking.reproduction.processes import worker_environment
from trackbook.tracking.reproduction.workspace import copy_folder, files_of, written_since

SKIP_TAGS = frozenset({"skip", "skip-execution"})


CLOCK = 0.01
"""Seconds by which the time stamp of a file may lie beside the clock."""


_TIMING = re.compile(r"(CPU times|Wall time): ")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Reruns:
    """The runs that a verification needs, in folders of their own."""

    def __init__(
        self,
        path: Path,
        node: NotebookNode,
        script: Path,
        plan: Plan,
        root: Path | None,
        place: Path,
        timeout: float | None,
    ) -> None:
        self._path, self._script, self._plan, self._timeout = path, script, plan, timeout
        self._original = root.resolve() if root and path.is_relative_to(root.resolve()) else path.parent
        self._place = place
        self._node = _prepared(node)
        self._where = path.parent.relative_to(self._original)
        self.steps = [(step.name, step.outputs) for step in plan.steps]

    def both(self, on_cell: OnCell | None) -> tuple[Outcome, Outcome | Difference]:
        """Run the script beside the notebook."""
        process, finish = self._start_script()
        try:
            first = self.notebook("notebook", on_cell)
        except BaseException:
            process.kill()
            process.communicate()
            raise
        return first, finish()

    def notebook(self, name: str, on_cell: OnCell | None) -> Outcome:
        """Run the notebook in a copy called `name`."""
        copy, notes, before = self._copy(name)
        node = _as_node(json.loads(json.dumps(self._node)))
        config = notes / "watch.json"
        owners = _owners(node, self._plan)
        config.write_text(json.dumps(self._watching(node, owners, notes)), encoding="utf-8")
        moments: list[Moment] = []
        start = f"__import__('trackbook.pipeline.record', fromlist=['watch']).watch({str(config)!r})"
        execute_notebook(
            node,
            cwd=copy / self._where,
            timeout=self._timeout,
            on_cell=_timed(moments, _places(node, owners), on_cell),
            env=self._environment(name),
            startup=start,
            path=copy / self._where / self._path.name,
        )
        lines, displayed = _outputs(node, owners)
        files = _by_step(copy, written_since(copy, before, self._original), moments, self.steps)
        return Outcome(notes, read_notes(notes), lines, displayed, files, copy)

    def _start_script(self) -> tuple[subprocess.Popen[str], Callable[[], Outcome | Difference]]:
        copy, notes, before = self._copy("script")
        script = copy / self._where / self._script.name
        script.write_bytes(self._script.read_bytes())
        before[script.relative_to(copy).as_posix()] = (script.stat().st_size, script.stat().st_mtime_ns)
        command = [sys.executable, "-P", "-m", "trackbook.pipeline.driver", str(script), str(notes)]
        pipe = subprocess.PIPE
        environment = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8", **self._environment("script")}
        environment = worker_environment({"MPLBACKEND": "Agg", **environment})
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            text=True,
            encoding="utf-8",
            cwd=script.parent,
            env=environment,
        )
        output = _Drained(process)

        def finish() -> Outcome | Difference:
            try:
                process.wait(self._timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                return Difference("error", "TimeoutError", "", "runs", f"still runs after {self._timeout:.0f} s")
            text, errors = output.texts()
            moments = read_moments(notes)
            if process.returncode:
                return self._script_failed(moments, errors)
            written = written_since(copy, before, self._original)
            files = _by_step(copy, written, moments, self.steps)
            lines = [Line(*line) for line in printed_lines(text, [name for name, _ in self.steps])]
            return Outcome(notes, read_notes(notes), lines, [], files, copy)

        return process, finish

    def _script_failed(self, moments: Sequence[Moment], errors: str) -> Difference:
        last = next((line for line in reversed(errors.splitlines()) if line.strip()), "it ended without a word")
        done = 1 + max((moment.step for moment in moments), default=-1)
        step = self.steps[done][0] if done < len(self.steps) else ""
        return Difference("error", last.partition(":")[0], step, "runs", last)

    def _copy(self, name: str) -> tuple[Path, Path, dict[str, tuple[int, int]]]:
        copy, notes = self._place / name / self._original.name, self._place / f"{name}-notes"
        copy_folder(self._original, copy)
        notes.mkdir()
        return copy, notes, files_of(copy)

    def _environment(self, name: str) -> dict[str, str]:
        """Return variables that give a run a store of its own and sets one order in every process."""
        return {"TRACKBOOK_DIR": str(self._place / f"{name}-store"), "PYTHONHASHSEED": "0"}

    def _watching(self, node: NotebookNode, owners: dict[str, StepPlan], folder: Path) -> dict[str, Any]:
        after: dict[str, list[tuple[int, list[str]]]] = {}
        for step in self._plan.steps:
            cells = [cell for cell, owner in owners.items() if owner is step]
            if cells:
                names = list(dict.fromkeys([*step.outputs, *step.names]))
                after.setdefault(cells[-1], []).append((step.index, names))
        code = [cell["id"] for cell in node.cells if cell.cell_type == "code" and cell.source.strip()]
        outputs = sorted(_lasting(self._plan.steps))
        return {"folder": str(folder), "after": after, "last": [code[-1] if code else "", outputs]}


class _Drained:
    """Reads both streams of a process while it runs, so that it never waits for a full pipe."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._texts = ["", ""]
        self._threads = [
            threading.Thread(target=self._read, args=(place, stream))
            for place, stream in enumerate((process.stdout, process.stderr))
        ]
        for thread in self._threads:
            thread.start()

    def texts(self) -> tuple[str, str]:
        for thread in self._threads:
            thread.join()
        return self._texts[0], self._texts[1]

    def _read(self, place: int, stream: Any) -> None:
        with stream:
            self._texts[place] = stream.read()


def _lasting(steps: Sequence[StepPlan]) -> set[str]:
    """Return the outputs that no later step has a name of its own for; those are compared when that step ends."""
    found: set[str] = set()
    for step in steps:
        found = (found - set(step.names)) | set(step.outputs)
    return found


def _prepared(node: NotebookNode) -> NotebookNode:
    """Return a notebook without skipped cells and outputs, where every code cell has the id that scripts name."""
    copy = _as_node(json.loads(json.dumps(node)))
    index = 0
    cells = []
    for cell in copy.cells:
        if cell.cell_type == "code":
            given = cell.get("id")
            cell["id"] = given if isinstance(given, str) and _ID.fullmatch(given) else f"cell-{index}"
            cell["outputs"], cell["execution_count"], index = [], None, index + 1
        if cell.cell_type != "code" or not SKIP_TAGS & set(cell.metadata.get("tags", ())):
            cells.append(cell)
    copy["cells"] = cells
    return copy


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


def _timed(moments: list[Moment], places: dict[int, int], on_cell: OnCell | None) -> OnCell:
    """Return a listener that notes when the cells of steps ran, and passes everything on."""

    def listen(progress: CellProgress) -> None:
        if progress.state != "started" and progress.cell_index in places:
            now = time.time()
            moments.append(Moment(places[progress.cell_index], now - progress.seconds, now))
        if on_cell is not None:
            on_cell(progress)

    return listen


def _outputs(node: NotebookNode, owners: dict[str, StepPlan]) -> tuple[list[Line], list[str]]:
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
                text = _without_timings(output.text) if "%time" in cell.source else output.text
                if text and unfinished:
                    printed[-1] = Line(printed[-1].text + text.splitlines()[0], printed[-1].step)
                    text = text.partition("\n")[2]
                printed += [Line(line, owner.name if owner else "") for line in text.splitlines()]
                unfinished = not output.text.endswith("\n")
            elif output.output_type in ("execute_result", "display_data"):
                lines = str(output.data.get("text/plain", "")).splitlines()
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
        started = [moment for moment in moments if moment.began <= when + CLOCK and when <= moment.ended + CLOCK]
        owner = max(started, key=lambda moment: moment.began, default=None)
        found[name] = steps[owner.step][0] if owner else ""
    return found
