"""The intended use and the limits of a model: asked once where there is a person, and kept with the model."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from trackbook.registry import Registry

Command = TypeVar("Command", bound=Callable[..., Any])

QUESTIONS = {
    "intended_use": "Intended use (who may use this model, and for what; Enter skips)",
    "limits": "Limits (for whom or what it must not be used, where it is wrong; Enter skips)",
}


def words_options(command: Command) -> Command:
    """Add `--intended-use` and `--limits` to a command."""
    command = click.option("--limits", metavar="TEXT", help="Where the model must not be used; kept with it.")(command)
    return click.option("--intended-use", metavar="TEXT", help="What the model is for; kept with it.")(command)


def keep_words(registry: Registry, name: str, intended_use: str | None, limits: str | None) -> None:
    """Keep what was given; where nobody has stated one of the two yet and a person sits there, ask for it."""
    given = {"intended_use": intended_use, "limits": limits}
    model = registry.get(name)
    for field, question in QUESTIONS.items():
        if given[field] is None and not getattr(model, field) and sys.stdin.isatty() and sys.stderr.isatty():
            given[field] = click.prompt(question, default="", show_default=False, err=True).strip() or None
    new = {field: text for field, text in given.items() if text is not None and text != getattr(model, field)}
    if new:
        registry.edit(name, None, **new)
