"""Metaflow: a flow whose steps call `trackbook pipeline run`; what needs nothing of each other runs side by side."""

from __future__ import annotations

import keyword

from trackbook.pipeline.exports.python import docstring, literal, module
from trackbook.pipeline.exports.text import run_command
from trackbook.pipeline.exports.values import Export, Files, Param, Task

_TYPES = {"int": "int", "float": "float", "bool": "bool", "str": "str"}

_BODY = '''
import os
import subprocess
from pathlib import Path

from metaflow import FlowSpec, Parameter, step

# The project's folder, where the script and .trackbook are, and the command `trackbook`.
PROJECT = Path(os.environ.get("TRACKBOOK_PROJECT", Path(__file__).resolve().parents[{depth}]))
TRACKBOOK = os.environ.get("TRACKBOOK_COMMAND", "trackbook")

# What each step runs, and the parameters of the script that it is handed.
COMMANDS = {commands}
PARAMS = {names}


def trackbook(flow, name):
    """Run the steps of a task, with the parameters of this run."""
    given = {{key: getattr(flow, attribute) for attribute, key in PARAMS[name].items()}}
    options = [f"{{key}}={{value}}" for key, value in given.items() if value is not None]
    words = [word for option in options for word in ("-p", option)]
    subprocess.run([TRACKBOOK, *COMMANDS[name], *words], cwd=PROJECT, check=True)


class {flow}(FlowSpec):
    """{title}"""

{params}

    @step
    def start(self):
        """Begin."""
        self.next({first})

{steps}

    @step
    def end(self):
        """Finish."""


if __name__ == "__main__":
    {flow}()
'''


def files(export: Export) -> Files:
    """Return the module of the flow."""
    levels = _levels(export.tasks)
    entries = [", ".join(f"self.{task.clean}" for task in level) for level in levels] + ["self.end"]
    steps: list[str] = []
    for place, level in enumerate(levels):
        joins = len(level) > 1
        follow = f"self.join_{place + 1}" if joins else entries[place + 1]
        steps += [_step(task, follow) for task in level]
        if joins:
            steps.append(_join(place + 1, entries[place + 1]))
    body = _BODY.format(
        depth=len(export.path.parts) - 1,
        commands=literal({task.clean: _words(export, task) for task in export.tasks}),
        names=literal({task.clean: _names(export, task) for task in export.tasks}),
        flow=_flow(export),
        title=f"The steps of {docstring(export.script)}.",
        params="\n".join(_param(param) for param in export.params) or "    pass",
        first=entries[0],
        steps="\n".join(steps),
    )
    remarks = [
        f"Run it with `python {export.path.name} run`. Metaflow splits only where it joins again, so steps wait for",
        "all steps of the level before. A parameter that is not given has the script's own default.",
        "On machines without a common disk, steps exchange results through --storage.",
    ]
    return {export.output: module(export, f"Metaflow flow of {docstring(export.script)}.", remarks, body)}


def _levels(tasks: tuple[Task, ...]) -> list[list[Task]]:
    """Put each task into the first level behind all that it needs."""
    place: dict[str, int] = {}
    for task in tasks:
        place[task.clean] = max((place[name] + 1 for name in task.after), default=0)
    return [[task for task in tasks if place[task.clean] == level] for level in range(max(place.values()) + 1)]


def _step(task: Task, follow: str) -> str:
    return (
        f'    @step\n    def {task.clean}(self):\n        """{docstring(task.title)}"""\n'
        f"        trackbook(self, {task.clean!r})\n        self.next({follow})\n"
    )


def _join(number: int, follow: str) -> str:
    return (
        f'    @step\n    def join_{number}(self, inputs):\n        """Wait for the steps before."""\n'
        f"        self.next({follow})\n"
    )


def _words(export: Export, task: Task) -> list[str]:
    return run_command(export, task)[1:] + (["--storage", export.storage] if export.storage else [])


def _names(export: Export, task: Task) -> dict[str, str]:
    return {param.clean: param.name for param in export.params if param.name in task.given}


def _flow(export: Export) -> str:
    name = "".join(word.capitalize() for word in export.clean.split("_")) + "Flow"
    assert name.isidentifier() and not keyword.iskeyword(name)
    return name


def _param(param: Param) -> str:
    options = [literal(param.clean), f"help={literal(f'{param.name}: {param.annotation}')}"]
    if param.kind in _TYPES and param.known:
        options.append(f"default={literal(param.default)}, type={_TYPES[param.kind]}")
    elif param.required:
        options.append("required=True, type=str")
    else:
        options.append(f"default={literal(param.text if param.known else None)}, type=str")
    return f"    {param.clean} = Parameter({', '.join(options)})"
