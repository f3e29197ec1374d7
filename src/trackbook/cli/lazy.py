"""Groups of commands whose modules are imported when a command is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from trackbook.errors import nearest


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is asked for.

    `places` maps the names of the commands to `module:attribute`, in the order of the help text.
    """

    def __init__(self, *args: Any, places: Mapping[str, str], **options: Any) -> None:
        super().__init__(*args, **options)
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._places:
            return None
        module, _, name = self._places[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in self._places and not args[0].startswith("-"):
            hint = nearest(args[0], self._places)
            ctx.fail(f"there is no command {args[0]!r}{hint}; see `{ctx.command_path} --help`")
        return super().resolve_command(ctx, args)
