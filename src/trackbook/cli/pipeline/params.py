"""Parameters of a script on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from trackbook.cli.output import Command
from trackbook.errors import UsageError
from trackbook.pipeline.params import read_params


def params_options(command: Command) -> Command:
    """Add `-p K=V` as `params` and `--params FILE` as `file` to a command."""
    file = click.Path(path_type=Path)
    command = click.option("--params", "file", type=file, metavar="FILE", help="Parameters as TOML, JSON or YAML.")(
        command
    )
    words = "A parameter; may be repeated."
    return click.option("-p", "--param", "params", multiple=True, metavar="K=V", help=words)(command)


def given_params(params: tuple[str, ...], file: Path | None) -> dict[str, Any]:
    """Return the values of the file and over them those of `-p`; raises UsageError for what is neither."""
    return (read_params(file) if file else {}) | dict(key_value(param) for param in params)


def key_value(text: str) -> tuple[str, str]:
    """Return name and text of `-p NAME=TEXT`."""
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise UsageError(f"{text!r} is not of the form K=V; write -p depth=3")
    return key, value
