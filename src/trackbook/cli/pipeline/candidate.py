"""`trackbook pipeline candidate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from trackbook.cli.output import exits_with_status, json_option, markdown_table, print_json
from trackbook.cli.pipeline.params import given_params, params_options
from trackbook.pipeline.running.options import RunOptions
from trackbook.project import Project
from trackbook.tracking.words import markdown, number

if TYPE_CHECKING:
    from trackbook.pipeline.candidate import Candidate


@click.command("candidate")
@click.argument("script", type=click.Path(path_type=Path))
@params_options
@click.option("--variable", metavar="NAME", help="The output that is the model.  Default: model, or what can predict.")
@click.option("--report", type=click.Path(path_type=Path), help="Write metrics, parameters and times as Markdown.")
@click.option("--storage", metavar="URL", help="Take kept results from there, too.")
@json_option
@exits_with_status
def candidate_command(
    script: Path,
    params: tuple[str, ...],
    file: Path | None,
    storage: str | None,
    variable: str | None,
    report: Path | None,
    as_json: bool,
) -> None:
    """Make a run of the model that the steps of SCRIPT have kept, with the numbers that gates judge it by.

    Prints the run's id; its model is runs:/RUN/model.skops for `trackbook models check` and `register`.  Metrics are
    what steps logged, the numbers that they return, alone or in a dict, and seconds.STEP.  Runs no step.
    """
    from trackbook.registry.formats.skops import dump_model

    project = Project.open(script.absolute())
    trusted = project.settings.models.trusted
    made = project.pipelines.candidate(
        script,
        given_params(params, file),
        RunOptions(storage=storage),
        variable=variable,
        dump=lambda model: dump_model(model, trusted),
    )
    if report is not None:
        report.write_text(_report(script, made), encoding="utf-8")
    if as_json:
        print_json(msgspec.to_builtins(made))
    else:
        click.echo(made.run_id)


def _report(script: Path, made: Candidate) -> str:
    pairs = {"Metrics": {name: number(value) for name, value in made.metrics.items()}, "Parameters": made.params}
    tables = [
        markdown_table(title, ["name", "value"], [[markdown(k), markdown(v)] for k, v in values.items()], empty="None.")
        for title, values in pairs.items()
    ]
    head = f"## {markdown(script.stem)}\n\nRun `{made.run_id}`, model `{made.variable}`.\n"
    return "\n".join([head, *tables, ""])
