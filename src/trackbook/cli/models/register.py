"""`trackbook models register`."""

from __future__ import annotations

from pathlib import Path

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
@click.option("--format", "format_", help="How it is kept; default: the format it has, for a path `opaque`.")
@click.option("--description", default="", help="A sentence about this version.")
@json_option
@exits_with_status
def register_command(uri: str, name: str, format_: str | None, description: str, as_json: bool) -> None:
    """Register the model at URI as the next version of NAME.

    URI is runs:/RUN/PATH, another model's version, or the path of a file or folder, which is kept as it is.
    """
    model = Path(uri) if ":/" not in uri and Path(uri).exists() else uri
    version = Project.open(create=False).registry.register(model, name, description=description, format=format_)
    report(version, f"registered {version.name} version {version.version}", as_json)
