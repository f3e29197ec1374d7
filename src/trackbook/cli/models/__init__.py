"""`trackbook models`: its commands are imported when they are used."""

from __future__ import annotations

import click

from trackbook.cli.lazy import LazyGroup

COMMANDS = {
    "list": "trackbook.cli.models.show:list_command",
    "show": "trackbook.cli.models.show:show_command",
    "card": "trackbook.cli.models.card:card_command",
    "dossier": "trackbook.cli.models.dossier:dossier_command",
    "compare": "trackbook.cli.models.compare:compare_command",
    "register": "trackbook.cli.models.register:register_command",
    "check": "trackbook.cli.models.check:check_command",
    "approve": "trackbook.cli.models.decide:approve_command",
    "reject": "trackbook.cli.models.decide:reject_command",
    "promote": "trackbook.cli.models.promote:promote_command",
    "rollback": "trackbook.cli.models.retire:rollback_command",
    "alias": "trackbook.cli.models.alias:alias_command",
    "edit": "trackbook.cli.models.edit:edit_command",
    "deprecate": "trackbook.cli.models.retire:deprecate_command",
    "delete": "trackbook.cli.models.retire:delete_command",
    "verify": "trackbook.cli.models.verify:verify_command",
}


@click.group("models", cls=LazyGroup, places=COMMANDS)
def models_group() -> None:
    """Registered models: list them, and move them through their stages."""
