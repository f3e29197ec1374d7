"""`trackbook runs`, `show`, `compare`."""

from __future__ import annotations

import click

from trackbook.cli.output import exits_with_status, json_option, pairs, print_json, print_table, print_text
from trackbook.errors import NotFoundError
from trackbook.project import Project
from trackbook.tracking import Run, RunData
from trackbook.tracking.program import program_script
from trackbook.tracking.words import local_time, number

STATUS_SIGNS = {"FINISHED": "✓", "FAILED": "✗", "KILLED": "■", "RUNNING": "…"}


@click.command("runs")
@click.argument("filter", default="")
@click.option("--order-by", multiple=True, metavar="KEY", help="E.g. 'metrics.r2 DESC'; may be repeated.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="At most so many runs.")
@click.option("--experiment", help="Only this experiment's runs.")
@json_option
@exits_with_status
def runs_command(filter: str, order_by: tuple[str, ...], limit: int, experiment: str | None, as_json: bool) -> None:
    """List runs, newest first.

    FILTER is MLflow's search grammar with OR, NOT, parentheses and IN added:

      trackbook runs "metrics.r2 > 0.4 and params.depth = 3"
    """
    found = Project.open(create=False).runs.search(filter, order_by, limit, experiment=experiment)
    if as_json:
        print_json([run.to_dict() for run in found])
        return
    filtered = bool(filter or experiment)
    columns = ["run", "", "name", "experiment", "started", "metrics", "params"]
    print_table(
        columns,
        [
            [
                run.run_id[:8],
                f"{STATUS_SIGNS.get(run.status, '?')} {run.status.lower()}",
                run.run_name,
                run.experiment,
                local_time(run.start_time),
                pairs(run.metrics),
                _shortened(pairs(run.params)),
            ]
            for run in found
        ],
        clipped=["name", "experiment", "metrics", "params"],
        empty="No such runs." if filtered else "No runs yet. Put %%track on the first line of a cell and run it.",
    )


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
    """Show the params, the metrics and the environment in which RUNs differ."""
    differences = Project.open(create=False).runs.compare(run)
    if as_json:
        print_json(differences)
        return
    print_table(
        ["", *run],
        [[f"{group}.{name}", *values] for group, named in differences.items() for name, values in named.items()],
        empty="The runs have the same params, metrics and environment.",
    )


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
