"""`trackbook pipeline schedule`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from trackbook.cli.output import exits_with_status, json_option, print_json
from trackbook.project import Project
from trackbook.tracking.words import printable

if TYPE_CHECKING:
    from trackbook.pipeline.schedules.write import Schedule


@click.command("schedule")
@click.argument("cron")
@click.argument("target", type=click.Path(path_type=Path), metavar="SCRIPT|NOTEBOOK")
@click.option("--to", required=True, metavar="TARGET", help="systemd, crontab or github.")
@click.option("-p", "--param", "params", multiple=True, metavar="K=V", help="A parameter, as for a run.")
@click.option(
    "--params", "file", type=click.Path(path_type=Path), metavar="FILE", help="Parameters as TOML, JSON or YAML."
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="PATH", help="A folder for systemd, a file for others."
)
@click.option("--force", is_flag=True, help="Write over files that were edited, or made by something else.")
@json_option
@exits_with_status
def schedule_command(
    cron: str,
    target: Path,
    to: str,
    params: tuple[str, ...],
    file: Path | None,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write what runs a pipeline at the times CRON; nothing is installed, and how to do that is printed.

    CRON has cron's five fields, minute hour day-of-month month day-of-week, in quotes, or is @hourly, @daily, @weekly,
    @monthly or @yearly.  As in cron, where both days are given, one of them will do.

    \b
    systemd   trackbook pipeline schedule '30 6 * * MON-FRI' churn.py --to systemd -o units
    crontab   trackbook pipeline schedule @daily churn.py --to crontab
    github    trackbook pipeline schedule '0 4 * * 1' churn.py --to github -p depth=5

    systemd and cron have the machine's time zone, GitHub has UTC.
    """
    from trackbook.pipeline.schedules.write import Ask

    ask = Ask(cron, target, to, params, file, output, force)
    _print(Project.look(target.absolute()).pipelines.schedule(ask), as_json)


def _print(made: Schedule, as_json: bool) -> None:
    """Print what was made; what is no part of a crontab's line goes to standard error, so that it can be piped on."""
    if as_json:
        print_json(msgspec.to_builtins(made) | {"files": [str(path) for path in made.files]})
        return
    click.echo(printable(made.text), nl=False)
    for path in made.files:
        click.echo(printable(str(path)))
    for text in made.remarks:
        click.echo(printable(text), err=True)
    times = ", ".join(f"{time:%a %Y-%m-%d %H:%M %Z}" for time in made.times)
    click.echo(f"next: {times}", err=True)
    click.echo("it runs when you have done this:", err=True)
    for line in made.enable:
        click.echo(f"  {printable(line)}", err=True)
