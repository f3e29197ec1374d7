"""What a command says of the version that it changed."""

from __future__ import annotations

import click

from trackbook.cli.output import print_json
from trackbook.registry import ModelVersion


def report(version: ModelVersion, sentence: str, as_json: bool) -> None:
    """Print the version as JSON, or one sentence about it."""
    if as_json:
        print_json(version.to_dict())
    else:
        click.echo(sentence)
