"""`trackbook models approve` and `reject`."""

from __future__ import annotations

import click

from trackbook.cli.output import exits_with_status, json_option, print_json, print_text
from trackbook.project import Project
from trackbook.registry import STAGES, Standing

stage_option = click.option(
    "--stage", default="production", show_default=True, type=click.Choice(STAGES), help="Where the version shall go."
)
comment_option = click.option("--comment", default="", help="Why; kept with the decision.")


@click.command("approve")
@click.argument("name")
@click.argument("version", type=int)
@stage_option
@comment_option
@json_option
@exits_with_status
def approve_command(name: str, version: int, stage: str, comment: str, as_json: bool) -> None:
    """Say yes to a version on its way to a stage; exit status 1 for who has no say, as its author.

    The approval counts for the bytes, the gates' results and the policy of this moment, and until it expires.
    """
    _say(Project.open(create=False).registry.approve(name, version, stage, comment), "approved", as_json)


@click.command("reject")
@click.argument("name")
@click.argument("version", type=int)
@stage_option
@comment_option
@json_option
@exits_with_status
def reject_command(name: str, version: int, stage: str, comment: str, as_json: bool) -> None:
    """Say no to a version on its way to a stage: it stays out until you approve it; status 1 for who has no say."""
    _say(Project.open(create=False).registry.reject(name, version, stage, comment), "rejected", as_json)


def _say(standing: Standing, done: str, as_json: bool) -> None:
    if as_json:
        print_json(standing.to_dict())
        return
    print_text(f"{done} {standing.name} version {standing.version} for {standing.stage}")
    for each in standing.gates:
        void = f" (void: {each.void})" if each.void else ""
        print_text(f"  {'✓' if each.result.passed else '✗'} {each.result.reason}{void}")
    for sentence in standing.sentences:
        print_text(f"  still lacking: {sentence}")
    if standing.is_ready:
        print_text("  nothing is lacking; `trackbook models promote` moves it")
    for remark in standing.remarks:
        print_text(f"  {remark}")
