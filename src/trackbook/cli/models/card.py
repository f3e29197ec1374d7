"""`trackbook models card`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from trackbook.cli.models.words import keep_words, words_options
from trackbook.cli.output import exits_with_status, stderr_console
from trackbook.errors import UsageError
from trackbook.project import Project

if TYPE_CHECKING:
    from trackbook.registry.card import ModelCard

FORMATS = ("md", "html", "json")
ENDINGS = {".md": "md", ".markdown": "md", ".html": "html", ".htm": "html", ".json": "json"}


@click.command("card")
@click.argument("name")
@click.argument("version", type=int)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="Default: by the ending of the file, else md.")
@words_options
@exits_with_status
def card_command(
    name: str, version: int, output: Path | None, form: str | None, intended_use: str | None, limits: str | None
) -> None:
    """Print the card of a model version: data, lineage, metrics, fairness, gates, approvals, environment, program.

    Markdown begins with the header that Hugging Face reads; HTML is one page that needs no network and prints.  What
    was not recorded is said to be missing.  The intended use and the limits are asked for once, and kept.
    """
    registry = Project.open(create=False).registry
    registry.version(name, version)
    keep_words(registry, name, intended_use, limits)
    text = _written(registry.card(name, version), form or ENDINGS.get(output.suffix.lower() if output else "", "md"))
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"the card cannot be written to {output} ({error.strerror}); name a file in a folder that exists"
        ) from error
    stderr_console().print(f"wrote {output}", markup=False)


def _written(card: ModelCard, form: str) -> str:
    if form == "json":
        return msgspec.json.format(msgspec.json.encode(card.to_dict()), indent=2).decode() + "\n"
    return card.to_html() if form == "html" else card.to_markdown()
