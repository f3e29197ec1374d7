"""Nothing that users type is undocumented."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from IPython.core.interactiveshell import InteractiveShell

import trackbook
import trackbook.server
from trackbook.cli import main
from trackbook.server.routes import ROUTES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


COMMANDS = dict(commands(main))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_help_and_stands_in_the_readme(path: tuple[str, ...]) -> None:
    """A command has a help text, each of its options has one, and the README names it."""
    command = COMMANDS[path]
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{' '.join(path)} {parameter.name}"
    assert re.search(rf"\b{path[0]}\b", README), path
    assert re.search(rf"\b{path[-1]}\b", README), path


def magics() -> dict[str, object]:
    from trackbook.ipython.magics import TrackbookMagics

    return {name: function for kind in TrackbookMagics.magics.values() for name, function in kind.items()}


@pytest.mark.parametrize("name", sorted(magics()))
def test_every_magic_has_help_and_stands_in_the_changelog(name: str) -> None:
    """A magic explains itself to `%name?` and is mentioned to users."""
    from trackbook.ipython.magics import TrackbookMagics

    assert (getattr(TrackbookMagics, name).__doc__ or "").strip()
    assert f"%{name}" in README + CHANGELOG


def test_every_public_name_is_documented() -> None:
    """Every name of `import trackbook as tb` has a docstring and stands in the changelog."""
    for name in trackbook.__all__:
        assert getattr(trackbook, name).__doc__, name
        group = "log_*" if name.startswith("log_") else "set_*" if name.startswith("set_") else name
        assert group in CHANGELOG or name in README, name


def test_every_endpoint_stands_in_the_servers_docstring() -> None:
    """Every route of the REST interface is described where a reader of the server's room begins."""
    documented = trackbook.server.__doc__ or ""
    for pattern, _ in ROUTES:
        if pattern == r".*":
            continue
        described = re.sub(r"\([^)]*\)", "{}", pattern)
        assert described in re.sub(r"\{\w+\}", "{}", documented), pattern


def test_the_extension_loads_in_a_plain_shell() -> None:
    """`%load_ext trackbook` works in a shell without a kernel, twice, and unloads."""
    shell = InteractiveShell.instance()
    shell.extension_manager.load_extension("trackbook")
    assert "track" in shell.magics_manager.magics["cell"]
    shell.extension_manager.unload_extension("trackbook")
