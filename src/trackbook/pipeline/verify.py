"""Does a script do what its notebook does?  Both run afresh, each in a copy of the folder, and are compared.

Compared are the values that steps hand on, at the moment a step ends, and those of their other names; the
last values of all names; printed lines; files written.  Functions, classes and modules are not values: what
they do is seen in what they return.  When something differs, the notebook runs a second time, and what it
does not repeat itself is not held against the script.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
from blake3 import blake3

from trackbook.errors import DataError, ExecutionError, PipelineError
from trackbook.pipeline.compare import Comparison, Difference, Outcome, compare
from trackbook.pipeline.execution import OnCell, read_notebook
from trackbook.pipeline.plan import read_plan
from trackbook.pipeline.reruns import Reruns

_WHOLE = frozenset({""})
SAME, DIFFERS, CANNOT_RUN = "same", "differs", "cannot_run"


class Verification(msgspec.Struct, frozen=True):
    """What came out: `verdict` is same, differs or cannot_run, the last with a `reason`.

    `compared` counts values, printed lines and files; `not_compared` says what could not be compared and why.
    """

    verdict: str
    notebook: str
    script: str
    script_digest: str
    differences: tuple[Difference, ...] = ()
    compared: int = 0
    not_compared: dict[str, str] = {}
    reason: str = ""
    seconds: float = 0.0


def verify(
    notebook: Path,
    script: Path,
    *,
    root: Path | None = None,
    timeout: float | None = None,
    on_cell: OnCell | None = None,
) -> Verification:
    """Run `notebook` and `script` and compare them; the files of the user are only read.

    The copies are made of `root` where the notebook lies in it, else of the notebook's folder; `timeout` is
    in seconds for a cell, and for the script as a whole.  Raises NotebookError or PipelineError where a file
    cannot be read or the script has another form.
    """
    plan, node = read_plan(script), read_notebook(notebook)
    digest = blake3(script.read_bytes()).hexdigest()
    began = time.perf_counter()

    def verdict(name: str, **fields: Any) -> Verification:
        seconds = time.perf_counter() - began
        return Verification(name, str(notebook), str(script), digest, seconds=seconds, **fields)

    with tempfile.TemporaryDirectory(prefix="trackbook-verify-") as folder:
        runs = Reruns(notebook.resolve(), node, script.resolve(), plan, root, Path(folder), timeout)
        try:
            first, second = runs.both(on_cell)
        except (DataError, ExecutionError, PipelineError) as error:
            return verdict(CANNOT_RUN, reason=f"the notebook itself does not run: {error}")
        if isinstance(second, Difference):
            return verdict(DIFFERS, differences=(second,))
        found = compare(first, second, runs.steps)
        if found.differences:
            found = _without_chance(found, runs, first)
    fields = {"compared": found.compared, "not_compared": found.not_compared}
    return verdict(DIFFERS if found.differences else SAME, differences=tuple(found.differences), **fields)


def _without_chance(found: Comparison, runs: Reruns, first: Outcome) -> Comparison:
    """Take out the differences that two runs of the notebook show as well."""
    again = compare(first, runs.notebook("again", None), runs.steps)
    lines = {(item.what, item.name, item.step, item.notebook) for item in again.differences if item.what != "value"}

    def by_chance(item: Difference) -> bool:
        if item.what != "value":
            return (item.what, item.name, item.step, item.notebook) in lines
        place = (item.name, item.step)
        return place in again.places and found.places.get(place, _WHOLE) <= again.places[place]

    kept = [item for item in found.differences if not by_chance(item)]
    gone = [item for item in found.differences if item not in kept]
    reasons = {
        f"{item.name} after {item.step or 'the start'}": "two runs of the notebook differ in it" for item in gone
    }
    return Comparison(kept, found.compared - len(gone), found.not_compared | reasons)
