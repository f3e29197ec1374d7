"""`trackbook models register`."""

from __future__ import annotations

import click

from trackbook.cli.models.report import report
from trackbook.cli.output import (
    exits_with_status,
    json_option,
)
from trackbook.project import Project


@click.command("register")
@click.argument("uri")
@click.argument("name")
@click.option("--description", default="", help="A sentence about this version.")
@json_option
@exits_with_status
def register_command(uri: str, name: str, description: str, as_json: bool) -> None:
    """Register the model at URI (runs:/RUN/PATH, or another model's version) as the next version of NAME."""
    version = Project.open(create=False).registry.register(uri, name, description=description)
    report(version, f"registered {version.name} version {version.version}", as_json)
