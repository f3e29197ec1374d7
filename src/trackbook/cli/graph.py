"""`trackbook graph`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trackbook.cli.output import (
    exits_with_status,
    json_option,
    notebook_argument,
    print_json,
    print_table,
    print_text,
    stderr_console,
)
from trackbook.project import Project

if TYPE_CHECKING:
    from trackbook.pipeline import CellProgress


@click.command("graph")
@notebook_argument
@click.option("--execute", is_flag=True, help="Run the notebook in a copy of its folder, for evidence of what happens.")
@click.option("--recorded", is_flag=True, help="Take evidence from recorded runs of cells that are as they were then.")
@click.option("--timeout", type=float, metavar="SECONDS", help="With --execute: how long a cell may run.")
@click.option("--explain", is_flag=True, help="Say of each dependency which statements write and read.")
@json_option
@exits_with_status
def graph_command(
    notebook: Path, execute: bool, recorded: bool, timeout: float | None, explain: bool, as_json: bool
) -> None:
    """Show which code cell of NOTEBOOK depends on which; without --execute none of its code is run.

    A dependency is `proved` where the statements are sure to run, `may` where they may not or a call is unknown, and
    `declared` where a tag says so.  Cells are counted from 0.
    """
    project = Project.look(notebook.absolute())
    graph = _graph(project, notebook, execute=execute, recorded=recorded, timeout=timeout, explain=explain)
    if problem := graph.get("problem"):
        stderr_console().print(f"not every cell was run, the texts tell the rest: {problem}", markup=False)
    if as_json:
        print_json(graph)
    elif explain:
        _print_explained(graph)
    else:
        _print_edges(graph)


def _graph(project: Project, notebook: Path, *, execute: bool, recorded: bool, **options: Any) -> dict[str, Any]:
    if not execute:
        return project.pipelines.graph(notebook, recorded=recorded, explain=options["explain"])
    with stderr_console().status("running the notebook") as status:

        def show(progress: CellProgress) -> None:
            status.update(f"running cell {progress.position} of {progress.total}")

        return project.pipelines.graph(notebook, execute=True, recorded=recorded, on_cell=show, **options)


def _in_order(graph: dict[str, Any]) -> list[dict[str, Any]]:
    return sorted(graph["edges"], key=lambda edge: (edge["target"], edge["source"]))


def _print_edges(graph: dict[str, Any]) -> None:
    steps = {cell["index"]: cell["step"] for cell in graph["cells"]}
    print_table(
        ["reader", "step", "needs", "step", "for", "evidence"],
        [
            [
                edge["target"],
                steps[edge["target"]],
                edge["source"],
                steps[edge["source"]],
                ", ".join(edge["names"]),
                edge["kind"],
            ]
            for edge in _in_order(graph)
        ],
        empty="No cell depends on another.",
    )


def _print_explained(graph: dict[str, Any]) -> None:
    for edge in _in_order(graph):
        print_text(f"{edge['source']} → {edge['target']}  {edge['kind']}")
        if edge["kind"] == "declared":
            print_text("    a tag says so")
        for item in edge["evidence"]:
            print_text(f"    {item['why']}")
            for verb in ("writes", "reads"):
                place = item[verb]
                print_text(f"      {verb:<6} cell {place['cell']}, line {place['line']}: {place['statement']}")
    if not graph["edges"]:
        print_text("No cell depends on another.")
