"""`trackbook runs`, `show`, `compare`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from trackbook.cli.output import exits_with_status, json_option, pairs, print_json, print_table, print_text
from trackbook.errors import NotFoundError, UsageError, nearest
from trackbook.project import Project
from trackbook.tracking import Run, RunData, RunSummary
from trackbook.tracking.program import program_script
from trackbook.tracking.words import local_time, number

_DIFF_STYLES = {"added": "green", "removed": "red", "place": "cyan"}
STATUS_SIGNS = {"FINISHED": "✓", "FAILED": "✗", "KILLED": "■", "RUNNING": "…"}


COLUMNS: dict[str, Callable[[RunSummary], Any]] = {
    "run": lambda run: run.run_id[:8],
    "status": lambda run: f"{STATUS_SIGNS.get(run.status, '?')} {run.status.lower()}",
    "name": lambda run: run.run_name,
    "experiment": lambda run: run.experiment,
    "started": lambda run: local_time(run.start_time),
    "ended": lambda run: local_time(run.end_time),
    "deleted": lambda run: local_time(run.deleted_time),
    "kind": lambda run: run.kind,
    "note": lambda run: _shortened(run.note or ""),
    "metrics": lambda run: pairs(run.metrics),
    "params": lambda run: _shortened(pairs(run.params)),
    "tags": lambda run: _shortened(pairs(run.tags)),
}
USUAL = ("run", "status", "name", "experiment", "started", "metrics", "params")


@click.command("runs")
@click.argument("filter", default="")
@click.option("--order-by", multiple=True, metavar="KEY", help="E.g. 'metrics.r2 DESC'; may be repeated.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="At most so many runs.")
@click.option("--experiment", help="Only this experiment's runs.")
@click.option("--deleted", is_flag=True, help="The deleted runs instead.")
@click.option("--count", "only_count", is_flag=True, help="Print how many runs there are, and nothing else.")
@click.option("--columns", metavar="NAMES", help="What to show of a run, e.g. name,metrics.r2,params.depth,tags.team.")
@json_option
@exits_with_status
def runs_command(
    filter: str,
    order_by: tuple[str, ...],
    limit: int,
    experiment: str | None,
    deleted: bool,
    only_count: bool,
    columns: str | None,
    as_json: bool,
) -> None:
    """List runs, newest first.

    FILTER is MLflow's search grammar with OR, NOT, parentheses, IN and dates added:

      trackbook runs "metrics.r2 > 0.4 and params.depth = 3 and start_time >= 'yesterday'"
    """
    runs, shown = Project.open(create=False).runs, _columns(columns)
    for hint in runs.hints(filter, order_by):
        click.echo(f"trackbook: {hint}", err=True)
    if only_count:
        number_of_runs = runs.count(filter, experiment=experiment, deleted=deleted)
        print_json({"count": number_of_runs}) if as_json else click.echo(number_of_runs)
        return
    found = runs.search(filter, order_by, limit, experiment=experiment, deleted=deleted)
    if as_json:
        print_json([run.to_dict() for run in found])
        return
    filtered = bool(filter or experiment or deleted)
    print_table(
        ["" if name == "status" else name for name in shown],
        [[shown[name](run) for name in shown] for run in found],
        clipped=[name for name in shown if name not in ("run", "status", "started")],
        empty="No such runs." if filtered else "No runs yet. Put %%track on the first line of a cell and run it.",
    )


def _columns(names: str | None) -> dict[str, Callable[[RunSummary], Any]]:
    """Return what to show of a run, by the column's name; raises UsageError for a name that is none."""
    if names is None:
        return {name: COLUMNS[name] for name in USUAL}
    return {name: _column(name) for name in map(str.strip, names.split(",")) if name}


def _column(name: str) -> Callable[[RunSummary], Any]:
    group, _, key = name.partition(".")
    if key and group in ("params", "metrics", "tags"):
        return lambda run: getattr(run, group).get(key)
    if name not in COLUMNS:
        known = nearest(name, COLUMNS)
        raise UsageError(
            f"there is no column {name!r}{known}; write params.NAME, metrics.NAME, tags.NAME or one of "
            f"{', '.join(COLUMNS)}"
        )
    return COLUMNS[name]


@click.command("show")
@click.argument("run")
@click.option("--program", is_flag=True, help="Print the program of the run as a script.")
@click.option("--lock", is_flag=True, help="Print the lock (pylock.toml, PEP 751) of its environment, made with pip.")
@json_option
@exits_with_status
def show_command(run: str, program: bool, lock: bool, as_json: bool) -> None:
    """Show everything that is kept about one RUN (its id, or the first characters of it)."""
    project = Project.open(create=False)
    found = project.runs.get(run)
    if program:
        click.echo(program_script(found), nl=False)
    elif lock:
        click.echo(_lock(project, found), nl=False)
    elif as_json:
        print_json(found.to_dict())
    else:
        _print_run(found)


def _lock(project: Project, run: Run) -> str:
    if run.environment_digest is None:
        raise NotFoundError(f"run {run.summary.run_id[:8]} has no recorded environment")
    return project.environments.lock(run.environment_digest, lambda line: click.echo(line, err=True))


@click.command("compare")
@click.argument("run", nargs=-1, required=True)
@json_option
@exits_with_status
def compare_command(run: tuple[str, ...], as_json: bool) -> None:
    """Show the params, metrics, environment and lines of code in which RUNs differ.

    Code is compared with that of the first RUN.
    """
    runs = Project.open(create=False).runs
    differences, code = runs.compare(run), runs.compare_code(run)
    if as_json:
        print_json(differences | {"code": {name: str(difference) for name, difference in code.items() if difference}})
        return
    rows = [[f"{group}.{name}", *values] for group, named in differences.items() for name, values in named.items()]
    if rows or not any(code.values()):
        print_table(["", *run], rows, empty="The runs have the same params, metrics, environment and code.")
    for name, difference in code.items():
        if difference:
            print_text(f"\n--- {run[0]}\n+++ {name}", "bold")
        for line in difference.lines:
            print_text(str(line), _DIFF_STYLES.get(line.kind))


def _print_run(run: Run) -> None:
    for name, value in _facts(run).items():
        if value:
            print_text(f"{name:12} {value}")
    for title, lines in _sections(run).items():
        if lines:
            print_text(f"\n{title}", "bold")
        for line in lines:
            print_text(f"  {line}")


def _facts(run: Run) -> dict[str, str | None]:
    summary = run.summary
    return {
        "run": summary.run_id,
        "name": summary.run_name,
        "experiment": summary.experiment,
        "status": summary.status.lower(),
        "started": local_time(summary.start_time),
        "ended": local_time(summary.end_time),
        "by": run.user,
        "note": summary.note,
        "deleted": local_time(summary.deleted_time),
        "notebook": run.notebook,
        "git": _git(run),
        "environment": (run.environment_digest or "")[:12],
        "program": _program(run),
        "resources": _resources(run),
        "reproduced": _verdict(run),
    }


def _git(run: Run) -> str:
    parts = [run.git_branch, (run.git_commit or "")[:12], run.git_remote, "with changes" if run.git_patch else ""]
    return " ".join(part for part in parts if part)


def _program(run: Run) -> str | None:
    if not run.program:
        return None
    counts = ", ".join(f"[{cell.execution_count}]" for cell in run.program if cell.execution_count is not None)
    return f"{len(run.program)} cell executions: {counts}; --program prints them"


def _resources(run: Run) -> str | None:
    used = run.facts.get("resources")
    if not used:
        return None
    memory = used["peak_memory_bytes"] / 1e6
    return f"{used['seconds']:.3g} s, {used['cpu_seconds']:.3g} s of CPU, {memory:,.0f} MB of memory at most"


def _verdict(run: Run) -> str:
    if not run.reproductions:
        return "not tried; `trackbook reproduce` does"
    last = run.reproductions[0]
    return f"{last.verdict.replace('_', ' ')} ({local_time(last.end_time)}): {last.reason}"


def _sections(run: Run) -> dict[str, list[str]]:
    summary = run.summary
    return {
        "params": [f"{name} = {value}" for name, value in summary.params.items()],
        "metrics": [f"{name} = {number(value)}" for name, value in summary.metrics.items()],
        "tags": [f"{name} = {value}" for name, value in summary.tags.items()],
        "data": [_data_line(used) for used in run.data],
        "artifacts": [f"{each.path} ({each.size:,} bytes) {each.digest[:12]}" for each in run.artifacts],
        "code": (run.source or "").splitlines(),
        "error": [f"{run.error.type}: {run.error.message}"] if run.error else [],
    }


def _data_line(used: RunData) -> str:
    rows = f", {used.rows:,} rows" if used.rows is not None else ""
    what = used.fingerprint[:12] if used.fingerprint else used.reason
    return f"{used.role:8} {used.name} ({used.kind}{rows}) {what}"


def _shortened(text: str, length: int = 40) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
