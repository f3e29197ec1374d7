"""`trackbook demo`: the quickstart notebook, run for real, and what exists afterwards."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import click
import msgspec
import nbformat
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from trackbook.cli.output import NO, console, exits_with_status, json_option, print_json, stderr_console
from trackbook.errors import NotFoundError, UsageError
from trackbook.pipeline import CellProgress, Pipelines, execute_notebook
from trackbook.project import STORE_VARIABLE, Project
from trackbook.settings import FILE_NAME
from trackbook.tracking.words import number

NOTEBOOK = "quickstart.ipynb"
SCRIPT = "quickstart_pipeline.py"
METRIC = "r2"


class Demo(msgspec.Struct, frozen=True):
    """What exists when the demo has ended; each part says itself whether it is as it should be."""

    runs: list[dict[str, Any]]
    data: dict[str, Any]
    pipeline: dict[str, Any]
    model: dict[str, Any]
    drift: dict[str, Any]

    def failures(self) -> list[str]:
        """Return the parts that did not work."""
        sound = {
            "runs": bool(self.runs) and all(run["status"] == "FINISHED" for run in self.runs),
            "data": bool(self.data),
            "pipeline": self.pipeline.get("verdict") == "same",
            "model": self.model.get("stage") == "production",
            "drift": self.drift.get("state") == "drift",
        }
        return [part for part, ok in sound.items() if not ok]


@click.command("demo")
@click.option(
    "--project",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("trackbook-demo"),
    show_default=True,
    help="The folder to work in; made when it is missing.",
)
@click.option("--open", "open_lab", is_flag=True, help="Open the notebook in JupyterLab afterwards.")
@click.option("--port", type=click.IntRange(1, 65535), help="The port of that JupyterLab; default: the first free one.")
@json_option
@exits_with_status
def demo_command(folder: Path, open_lab: bool, port: int | None, as_json: bool) -> None:
    """Run the quickstart notebook: track, convert, verify, register, promote, detect drift.

    Takes less than a minute and needs no network.  Exit status 0 only if every part worked.
    """
    if port is not None:
        require_free(port)
    folder = folder.absolute()
    os.environ.pop(STORE_VARIABLE, None)  # the demo has a store of its own
    prepare(folder)
    demo = run_demo(folder)
    if as_json:
        print_json(msgspec.to_builtins(demo))
    else:
        _print(demo, folder)
    failures = demo.failures()
    if failures:
        click.echo(f"trackbook: the demo did not work in: {', '.join(failures)}", err=True)
        sys.exit(NO)
    if open_lab:
        place = [] if port is None else [f"--port={port}", "--ServerApp.port_retries=0"]
        subprocess.run([sys.executable, "-m", "jupyterlab", *place, str(folder / NOTEBOOK)], cwd=folder, check=False)


def prepare(folder: Path) -> None:
    """Put the notebook and its policy into `folder`; raises UsageError rather than touch anything else's files."""
    source = quickstart_folder()
    foreign = folder.is_dir() and any(folder.iterdir()) and not (folder / NOTEBOOK).exists()
    if foreign:
        raise UsageError(f"{folder} holds other files; give an empty or new folder with --project")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (NOTEBOOK, FILE_NAME):
            if not (folder / name).exists():
                shutil.copyfile(source / name, folder / name)
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be written ({error.strerror}); give another folder with --project"
        ) from error


def require_free(port: int) -> None:
    """Raise UsageError when another program listens on `port` of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            message = f"port {port} cannot be used ({error.strerror}); give another, or leave --port out"
            raise UsageError(message) from error


def quickstart_folder() -> Path:
    """Return the folder of the tutorial notebooks: inside the installed package, or in a checkout beside `src`."""
    packaged = Path(str(files("trackbook"))) / "notebooks"
    for folder in (packaged, Path(__file__).parents[3] / "notebooks"):
        if (folder / NOTEBOOK).is_file():
            return folder
    raise NotFoundError(f"the notebook {NOTEBOOK} is not part of this installation; reinstall trackbook")


def run_demo(folder: Path) -> Demo:
    """Execute, convert and verify the notebook in `folder`, then read everything back from the store."""
    with _progress() as progress:
        cells = progress.add_task("running the notebook", total=None)
        executed = execute_notebook(folder / NOTEBOOK, cwd=folder, on_cell=lambda cell: _advance(progress, cells, cell))
        nbformat.write(executed, folder / NOTEBOOK)  # type: ignore[no-untyped-call]
        project = Project.open(folder)
        checks = progress.add_task("converting and verifying", total=None)
        verification = _convert(project.pipelines, folder)
        progress.update(checks, total=1, completed=1)
    model = project.registry.get("diabetes")
    champion = model.in_stage("production") or model.versions[0]
    report = project.drift.list(limit=1).reports[0]
    return Demo(
        runs=[run.to_dict() for run in project.runs.search(order_by=[f"metrics.{METRIC} DESC"])],
        data=project.data.get("patients").to_dict(),
        pipeline={"script": str(folder / SCRIPT), **verification},
        model=champion.to_dict(),
        drift=report.to_dict() | {"columns": _drifted(project, report.report_id)},
    )


def _convert(pipelines: Pipelines, folder: Path) -> dict[str, Any]:
    pipelines.convert(folder / NOTEBOOK, folder / SCRIPT)
    verification: dict[str, Any] = msgspec.to_builtins(pipelines.verify(folder / NOTEBOOK, folder / SCRIPT))
    return verification


def _drifted(project: Project, report_id: str) -> dict[str, str]:
    return {name: column.state for name, column in project.drift.get(report_id).columns.items()}


@contextmanager
def _progress() -> Iterator[Progress]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=30), TimeElapsedColumn())
    with Progress(*columns, console=stderr_console(), transient=True) as progress:
        yield progress


def _advance(progress: Progress, task: TaskID, cell: CellProgress) -> None:
    completed = cell.position - 1 if cell.state == "started" else cell.position
    progress.update(
        task, total=cell.total, completed=completed, description=f"running cell {cell.position} of {cell.total}"
    )


def _print(demo: Demo, folder: Path) -> None:
    out = console()
    best = demo.runs[0]
    drifted = [name for name, state in demo.drift["columns"].items() if state == "drift"]
    gates = demo.model["gates"]
    lines = {
        "runs": f"{len(demo.runs)}, the best {best['run_name']!r} with {METRIC} {number(best['metrics'][METRIC])}",
        "data": f"{demo.data['uri']}, {demo.data['rows']} rows, fingerprint {demo.data['fingerprint'][:12]}",
        "pipeline": f"{SCRIPT}: {demo.pipeline['verdict']} as the notebook"
        f" ({demo.pipeline.get('compared', 0)} values compared)",
        "model": f"{demo.model['name']} version {demo.model['version']} is in {demo.model['stage']}"
        f" as {', '.join('@' + alias for alias in demo.model['aliases'])}",
        "gate": gates[-1]["reason"] if gates else "none",
        "drift": f"{demo.drift['state']} between {demo.drift['reference']} and {demo.drift['current']}:"
        f" {', '.join(drifted) or 'no column'}",
    }
    out.print(f"\nTrackbook made this in {folder}:\n", markup=False)
    for name, text in lines.items():
        out.print(f"  {name:9} {text}", markup=False)
    out.print(f"\nSee it all:  jupyter lab {folder / NOTEBOOK}", markup=False)
    out.print("Or here:     trackbook runs · trackbook models show diabetes · trackbook audit verify", markup=False)
