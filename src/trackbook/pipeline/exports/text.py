"""YAML, Python and shell text in which a name is never code."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from trackbook.pipeline.exports.values import Export, Param, Task

MADE = "# Made from "
"""How every file begins that an export made, and that a person would not change."""

_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "=", "<<"})
_NUMBER_LIKE = re.compile(r"[-+.0-9]")


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]  # it comes without types
    """Writes texts that YAML 1.1 or YAML 1.2 would read as something else in quotes, and lines as lines."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = None
    if "\n" in value:
        style = "|"
    elif not value or value.lower() in _WORDS or _NUMBER_LIKE.match(value):
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def yaml_text(document: Mapping[str, Any], remarks: Iterable[str] = ()) -> str:
    """Return a document as YAML, under comments."""
    body: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    return comments(remarks) + body


def comments(lines: Iterable[str]) -> str:
    """Return lines as comments; what a line holds cannot end the comment."""
    return "".join(f"# {safe}\n" if (safe := one_line(line)) else "#\n" for line in lines)


def one_line(text: str) -> str:
    """Return a text on one line, without control characters."""
    return "".join(letter if letter.isprintable() else " " for letter in text).rstrip()


def provenance(export: Export) -> list[str]:
    """Return what stands at the head of every file."""
    return [f"{MADE[2:]}{export.script} by `{export.command}`; make it again after the script has changed."]


def run_command(export: Export, task: Task) -> list[str]:
    """Return the command that runs a task, without its parameters, as words for no shell."""
    words = ["trackbook", "pipeline", "run", argument(export.script)]
    for step in task.steps:
        words += ["--only", step] if not step.startswith("-") else [f"--only={step}"]
    return words


def shell_command(export: Export, task: Task, params: Sequence[Param] = ()) -> str:
    """Return the command that runs a task as a line of a shell that has the parameters in its environment."""
    words = [shlex.quote(word) for word in run_command(export, task)]
    if export.storage:
        words += ["--storage", '"$TRACKBOOK_STORAGE"']
    return " ".join([*words, *(from_environment(param) for param in params if param.name in task.given)])


def from_environment(param: Param) -> str:
    """Return shell text for a parameter: an option with the variable's text, as it stands, when it is not empty."""
    return f'${{{param.variable}:+-p "{param.name}=${param.variable}"}}'


def argument(path: str) -> str:
    """Return a relative path so that no command takes it for an option."""
    return f"./{path}" if path.startswith("-") else path


def used(export: Export, task: Task) -> list[Param]:
    """Return the parameters that the command of a task is given."""
    return [param for param in export.params if param.name in task.given]
