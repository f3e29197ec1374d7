"""What a run left behind: the lines that it printed, the files that it wrote, and the metrics that it tracked."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from nbformat import NotebookNode

from trackbook.pipeline.plan import StepPlan
from trackbook.pipeline.verification.compare import Line
from trackbook.pipeline.verification.record import Moment

CLOCK = 0.01
"""Seconds by which the time stamp of a file may lie beside the clock."""

_TIMING = re.compile(r"(CPU times|Wall time): ")


def outputs(
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


def by_step(
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
