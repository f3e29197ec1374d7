"""The process of one job: `python -m trackbook.server.job reproduction RUN current|locked`,
`… conversion NOTEBOOK SCRIPT verify|convert`, `… pipeline_run NOTEBOOK PARAMS OPTIONS`, the last two as JSON, or
`… check MODEL VERSION STAGE ACTOR AUTHORITY`.

It says what it does in lines of JSON on standard output, and ends when whoever started it goes away.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from trackbook.errors import TrackbookError
from trackbook.project import Project
from trackbook.server.events import Reporter

if TYPE_CHECKING:
    from trackbook.pipeline import CellProgress, StepProgress

Say = Callable[[dict[str, Any]], None]


def main(kind: str, *subject: str) -> int:
    """Do a job in the project of the working directory; returns the exit status."""
    reports = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the user's code prints must not get between the reports

    lock = threading.Lock()

    def say(message: dict[str, Any]) -> None:
        with lock:  # notebook and script report from threads of their own
            reports.write(msgspec.json.encode(message) + b"\n")
            reports.flush()

    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    try:
        result = WORK[kind](say, *subject)
    except TrackbookError as error:
        say({"error": str(error)})
        return 1
    say({"result": result})
    return 0


def reproduce(say: Say, run_id: str, environment: str) -> dict[str, Any]:
    """Repeat a run and return the verdict."""
    reproductions = Project.open(Path.cwd(), create=False).reproductions
    return reproductions.reproduce(
        run_id, env=environment, on_progress=lambda progress: say({"progress": msgspec.to_builtins(progress)})
    ).to_dict()


def convert(say: Say, notebook: str, script: str, wish: str) -> dict[str, Any]:
    """Write the script of a notebook, compare both if that is the wish, and return what came out."""
    pipelines = Project.open(Path.cwd()).pipelines
    say(_progress("convert", "writing the script", {}))
    steps = [step.name for step in pipelines.convert(Path(notebook), Path(script)).steps]
    if wish != "verify":
        return {"steps": steps, "verification": None}
    parts: dict[str, dict[str, int]] = {}

    def show(run: str, progress: CellProgress | StepProgress) -> None:
        done = progress.position - (progress.state == "started")
        parts[run] = {"position": done, "total": progress.total}
        say(_progress("verify", "running the notebook twice and the script once", parts))

    found = pipelines.verify(
        Path(notebook),
        Path(script),
        on_cell=lambda cell: show(cell.run, cell),
        on_step=lambda step: show("script", step),
    )
    return {"steps": steps, "verification": msgspec.to_builtins(found)}


def run_pipeline(say: Say, notebook: str, params: str, options: str) -> dict[str, Any]:
    """Run a notebook as a pipeline, tell what happens, and return how it went."""
    from trackbook.pipeline.running.options import RunOptions

    pipelines = Project.open(Path.cwd()).pipelines
    chosen = msgspec.json.decode(options, type=RunOptions)
    with Reporter(say) as reporter:
        result = pipelines.run(Path(notebook), msgspec.json.decode(params), chosen, on_event=reporter)
    told: dict[str, Any] = msgspec.to_builtins(result)
    return told


def check(say: Say, model: str, version: str, stage: str, actor: str, authority: str) -> dict[str, Any]:
    """Judge a version by the gates of a stage, as who asked for it, and return what they said."""
    from trackbook.registry import Identity
    from trackbook.server.model_views import result

    say(_progress("check", f"the gates of {stage} judge version {version}", {}))
    registry = Project.open(Path.cwd(), create=False).registry_for(Identity(actor, authority))
    return {"results": [result(each, None) for each in registry.check(model, int(version), stage)]}


def _progress(stage: str, text: str, parts: dict[str, dict[str, int]]) -> dict[str, Any]:
    sums = {name: sum(part[name] for part in parts.values()) for name in ("position", "total")}
    return {"progress": {"stage": stage, "text": text, "parts": parts, **sums}}


WORK: dict[str, Callable[..., dict[str, Any]]] = {
    "reproduction": reproduce,
    "conversion": convert,
    "pipeline_run": run_pipeline,
    "check": check,
}


def _stop(*_: object) -> NoReturn:
    raise SystemExit(143)  # so that every `finally` on the way cleans up


def _end_with_the_server() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
