"""`trackbook models`: its commands are imported when they are used."""

from __future__ import annotations

import click

from trackbook.cli.lazy import LazyGroup

COMMANDS = {
    "list": "trackbook.cli.models.show:list_command",
    "show": "trackbook.cli.models.show:show_command",
    "card": "trackbook.cli.models.card:card_command",
    "compare": "trackbook.cli.models.compare:compare_command",
    "register": "trackbook.cli.models.register:register_command",
    "check": "trackbook.cli.models.check:check_command",
    "promote": "trackbook.cli.models.promote:promote_command",
}


@click.group("models", cls=LazyGroup, places=COMMANDS)
def models_group() -> None:
    """Registered models: list them, and move them through their stages."""
