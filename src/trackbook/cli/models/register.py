"""`trackbook models register`."""

from __future__ import annotations

from pathlib import Path

import click

from trackbook.cli.models.report import report
from trackbook.cli.models.words import keep_words, words_options
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
@words_options
@json_option
@exits_with_status
def register_command(
    uri: str,
    name: str,
    format_: str | None,
    description: str,
    intended_use: str | None,
    limits: str | None,
    as_json: bool,
) -> None:
    """Register the model at URI as the next version of NAME.

    URI is runs:/RUN/PATH, another model's version, or the path of a file or folder, which is kept as it is.
    The intended use and the limits of a model are asked for once, and stand on its cards.
    """
    model = Path(uri) if ":/" not in uri and Path(uri).exists() else uri
    registry = Project.open(create=False).registry
    version = registry.register(model, name, description=description, format=format_)
    keep_words(registry, name, intended_use, limits)
    report(version, f"registered {version.name} version {version.version}", as_json)
