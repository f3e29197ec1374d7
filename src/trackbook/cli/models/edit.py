"""`trackbook models edit`."""

from __future__ import annotations

from collections.abc import Iterable

import click

from trackbook.cli.models.words import words_options
from trackbook.cli.output import exits_with_status, json_option, print_json
from trackbook.errors import UsageError
from trackbook.project import Project


@click.command("edit")
@click.argument("name")
@click.argument("version", type=int, required=False)
@click.option("--description", help="Its new description.")
@click.option("--owner", help="Who answers for it.")
@click.option("--tag", multiple=True, metavar="KEY=VALUE", help="Set a tag; may be repeated.")
@click.option("--untag", multiple=True, metavar="KEY", help="Remove a tag; may be repeated.")
@words_options
@json_option
@exits_with_status
def edit_command(
    name: str,
    version: int | None,
    description: str | None,
    owner: str | None,
    tag: tuple[str, ...],
    untag: tuple[str, ...],
    intended_use: str | None,
    limits: str | None,
    as_json: bool,
) -> None:
    """Change what is said of a model, or of one VERSION of it; each change is an audit event."""
    words = {"description": description, "owner": owner, "intended_use": intended_use, "limits": limits}
    if not (tag or untag or any(text is not None for text in words.values())):
        raise UsageError("nothing is to be changed; see `trackbook models edit --help`")
    registry = Project.open(create=False).registry
    registry.edit(name, version, **words, tags=_tags(tag, untag))
    if as_json:
        print_json(registry.get(name).to_dict() if version is None else registry.version(name, version).to_dict())
    else:
        click.echo(f"Changed {name}{'' if version is None else f' version {version}'}.")


def _tags(tag: Iterable[str], untag: Iterable[str]) -> dict[str, str | None] | None:
    tags: dict[str, str | None] = dict.fromkeys(untag)
    for text in tag:
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise UsageError(f"a tag is written KEY=VALUE, not {text!r}")
        tags[key] = value
    return tags or None
