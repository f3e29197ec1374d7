"""`trackbook pipeline`: its commands are imported when they are used."""

from __future__ import annotations

import click

from trackbook.cli.lazy import LazyGroup

COMMANDS = {
    "run": "trackbook.cli.pipeline.run:run_command",
    "kept": "trackbook.cli.pipeline.kept:kept_command",
    "candidate": "trackbook.cli.pipeline.candidate:candidate_command",
    "schedule": "trackbook.cli.pipeline.schedule:schedule_command",
    "export": "trackbook.cli.pipeline.export:export_command",
}


@click.group("pipeline", cls=LazyGroup, places=COMMANDS)
def pipeline_group() -> None:
    """Pipelines that run."""
