"""`trackbook drift REFERENCE CURRENT`."""

from __future__ import annotations

from pathlib import Path

import click

from trackbook.cli.output import exits_with_status, json_option, print_table
from trackbook.project import Project
from trackbook.tracking.words import number


@click.command("drift")
@click.argument("reference")
@click.argument("current")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write the report as one offline page.")
@json_option
@exits_with_status
def drift_command(reference: str, current: str, html: Path | None, as_json: bool) -> None:
    """Compare two tables column by column, and keep the report.

    REFERENCE and CURRENT are dataset versions (data:/NAME@VERSION) or files (csv, parquet, feather).
    """
    from trackbook.charts import DriftReport

    project = Project.open()
    frames = [project.data.frame(operand) for operand in (reference, current)]
    report = DriftReport.of(project.drift.check(*frames, names=(reference, current)))
    if html is not None:
        report.to_html(html)
    if as_json:
        click.echo(report.to_json())
        return
    click.echo(f"{report.state}: {report.reason}")
    print_table(
        ["column", "state", "effect", "interval", "adjusted p", "missing", "why"],
        [
            [
                name,
                column.state,
                number(column.effect),
                f"{number(column.effect_low)} to {number(column.effect_high)}",
                number(column.p_adjusted),
                f"{column.missing_reference:,} → {column.missing_current:,}",
                column.reason,
            ]
            for name, column in report.columns.items()
        ],
        empty="",
    )
