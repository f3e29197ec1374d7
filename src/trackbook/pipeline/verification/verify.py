"""Does a script do what its notebook does?  The notebook runs twice, the script once, and they are compared.

Each run is a fresh process in a copy of the folder; where the script differs from a notebook that draws without a
seed, the notebook runs twice more, since two runs may agree by luck.  Compared are the values that steps hand on, at
the moment a step ends, and those of their other names; the last values of all names; estimators by what they learned;
figures by their pixels; tracked metrics; printed lines; files written; and what is raised, where something is.
Functions, classes and modules are not values: what they do is seen in what they return.  What the notebook does not
repeat itself is unstable: it is listed with its cause where that is known, and not held against the script.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from blake3 import blake3

from trackbook.errors import DataError, PipelineError
from trackbook.pipeline.execution import OnCell, read_notebook
from trackbook.pipeline.plan import read_plan
from trackbook.pipeline.verification.causes import ProgramCell, Unstable, draws_by_chance
from trackbook.pipeline.verification.chance import Chance
from trackbook.pipeline.verification.compare import TOLERANCES, Difference, Outcome, Steps, compare
from trackbook.pipeline.verification.reruns import MORE, Reruns
from trackbook.pipeline.verification.scriptprocess import OnStep

SAME, DIFFERS, CANNOT_RUN = "same", "differs", "cannot_run"


class Verification(msgspec.Struct, frozen=True):
    """What came out: `verdict` is same, differs or cannot_run, the last with a `reason`.

    The digests are those of the files that were run.  `compared` counts everything, `counts` by kind;
    `not_compared` says what could not be compared and why; `raises` what notebook and script raise, both the same.
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
    notebook_digest: str = ""
    counts: dict[str, int] = {}
    unstable: tuple[Unstable, ...] = ()
    tolerances: dict[str, str] = {}
    raises: str = ""


def verify(
    notebook: Path,
    script: Path,
    *,
    root: Path | None = None,
    timeout: float | None = None,
    on_cell: OnCell | None = None,
    on_step: OnStep | None = None,
) -> Verification:
    """Run `notebook` and `script` and compare them; the files of the user are only read.

    The copies are made of `root` where the notebook lies in it, else of the notebook's folder; `timeout` is
    in seconds for a cell, and for the script as a whole.  `on_cell` hears of the cells of both runs of the notebook,
    `on_step` of the steps of the script, from another thread.  Raises NotebookError or PipelineError where a file
    cannot be read or the script has another form.
    """
    plan, node = read_plan(script), read_notebook(notebook)
    digests: dict[str, Any] = {
        "script_digest": blake3(script.read_bytes()).hexdigest(),
        "notebook_digest": blake3(notebook.read_bytes()).hexdigest(),
    }
    began = time.perf_counter()

    def verdict(name: str, **fields: Any) -> Verification:
        seconds = time.perf_counter() - began
        return Verification(name, str(notebook), str(script), **digests, seconds=seconds, **fields)

    with tempfile.TemporaryDirectory(prefix="trackbook-verify-") as folder:
        runs = Reruns(notebook.resolve(), node, plan, root, Path(folder), timeout)
        program = runs.program()
        try:
            first, again, made = runs.all(script.resolve(), on_cell, on_step)
            found = judge(first, [again], made, runs.steps, program)
            if found["differences"] and draws_by_chance(program):
                more = runs.notebooks(on_cell, MORE)
                found = judge(first, [again, *more], made, runs.steps, program)
        except (DataError, PipelineError) as error:
            return verdict(CANNOT_RUN, reason=str(error))
        return verdict(**found)


def judge(
    first: Outcome, again: Sequence[Outcome], script: Outcome, steps: Steps, program: list[ProgramCell]
) -> dict[str, Any]:
    """Return the verdict on a script with the differences that count, what is unstable, and what was compared.

    `again` are further runs of the notebook.
    """
    chance = Chance(first, again, steps)
    found = compare(first, script, steps)
    differences = tuple(item for item in found.differences if not chance.covers(item, found, script))
    return {
        "name": DIFFERS if differences else SAME,
        "differences": differences,
        "compared": sum(found.counts.values()),
        "counts": found.counts,
        "not_compared": found.not_compared,
        "unstable": tuple(chance.unstable(program)),
        "tolerances": dict(TOLERANCES),
        "raises": f"{first.failure.ename}: {first.failure.evalue}" if first.failure and not differences else "",
    }


def in_words(found: Verification) -> list[str]:
    """Return a verdict as lines of plain text, the same for every face."""
    lines = [_headline(found)]
    for item in found.differences:
        where = f" in step {item.step}" if item.step else ""
        lines += [f"✗ {item.what} {item.name}{where}", f"    notebook: {item.notebook}", f"    script:   {item.script}"]
    for each in found.unstable:
        step = f" after {each.step}" if each.step else ""
        place = f" (cell {each.cell}, line {each.line})" if each.cell >= 0 else ""
        lines.append(f"~ unstable, not counted: {each.what} {each.name}{step}: {each.cause or 'cause unknown'}{place}")
    lines += [f"? {name} was not compared: {reason}" for name, reason in found.not_compared.items()]
    if found.tolerances:
        lines.append(f"exact, but for {_listed(found.tolerances)}")
    return lines


def _headline(found: Verification) -> str:
    if found.verdict == CANNOT_RUN:
        return f"{found.script} cannot be compared: {found.reason}"
    counts = ", ".join(f"{count} {_plural(kind, count)}" for kind, count in found.counts.items() if kind != "error")
    compared = f"compared: {counts or 'nothing'}, in {found.seconds:.1f} s"
    if found.verdict == DIFFERS:
        return f"{found.script} differs from the notebook; {compared}"
    raises = f" (both raise {found.raises.splitlines()[0]})" if found.raises else ""
    return f"{found.script} does what the notebook does{raises}; {compared}"


def _plural(kind: str, count: int) -> str:
    word = "printed line" if kind == "output" else kind
    return word if count == 1 else f"{word}s"


def _listed(tolerances: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {tolerance}" for name, tolerance in tolerances.items())
