"""Airflow: a DAG with a task for each task; commands are lists of words, so that no shell reads a parameter."""

from __future__ import annotations

from typing import Any

from trackbook.pipeline.exports.names import dashed
from trackbook.pipeline.exports.python import docstring, literal, module
from trackbook.pipeline.exports.text import run_command
from trackbook.pipeline.exports.values import Export, Files, Param

_TYPES = {"int": "integer", "float": "number", "bool": "boolean", "str": "string"}

_BODY = '''
from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pendulum

try:
    from airflow.sdk import Param, dag, get_current_context, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task
    from airflow.models.param import Param
    from airflow.operators.python import get_current_context

# The project's folder on the workers, where the script and .trackbook are, and the command `trackbook`.
PROJECT = Path(os.environ.get("TRACKBOOK_PROJECT", {project}))
TRACKBOOK = os.environ.get("TRACKBOOK_COMMAND", "trackbook")

# What each task runs, and the parameters of the script that it is handed.
COMMANDS = {commands}
PARAMS = {names}


def run(task_id: str) -> None:
    """Run the steps of a task, with the parameters of this DAG run."""
    given = get_current_context()["params"]
    options = [f"{{name}}={{given[key]}}" for key, name in PARAMS[task_id].items() if given[key] is not None]
    words = [word for option in options for word in ("-p", option)]
    subprocess.run([TRACKBOOK, *COMMANDS[task_id], *words], cwd=PROJECT, check=True)


@dag(
    dag_id={dag_id},
    schedule=None,
    start_date=pendulum.datetime(2024, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    tags=["trackbook"],
    params={params},
)
def pipeline():
{tasks}


pipeline()
'''


def files(export: Export) -> Files:
    """Return the module of the DAG."""
    tasks: list[str] = []
    for item in export.tasks:
        tasks.append(f"    {item.clean} = task(task_id={item.clean!r})(run)({item.clean!r})")
    for item in export.tasks:
        if item.after:
            tasks.append(f"    [{', '.join(item.after)}] >> {item.clean}")
    body = _BODY.format(
        project=literal(_home(export)),
        commands=literal({item.clean: _words(export, item) for item in export.tasks}),
        names=literal(
            {
                item.clean: {param.clean: param.name for param in export.params if param.name in item.given}
                for item in export.tasks
            }
        ),
        dag_id=literal(dashed(export.clean)),
        params="{" + ", ".join(f"{param.clean!r}: {_param(param)}" for param in export.params) + "}",
        tasks="\n".join(tasks),
    )
    remarks = [
        "Put it into Airflow's folder of DAGs. The workers need the project's folder (TRACKBOOK_PROJECT), and the",
        "command of an environment in which the script runs (TRACKBOOK_COMMAND); workers that share no disk exchange",
        "results through --storage. A parameter that is None has the script's own default.",
    ]
    return {export.output: module(export, f"Airflow DAG of {docstring(export.script)}.", remarks, body)}


def _home(export: Export) -> str:
    return f"/opt/airflow/projects/{export.clean}"


def _words(export: Export, item: Any) -> list[str]:
    storage = ["--storage", export.storage] if export.storage else []
    return run_command(export, item)[1:] + storage


def _param(param: Param) -> str:
    words = f"{param.name}: {param.annotation}"
    if param.required:
        return f"Param(type='string', description={literal(words)})"
    if param.choices and param.known:
        choices = [str(choice) for choice in param.choices]
        default = str(param.default) if str(param.default) in choices else None
        if default is not None:
            return f"Param({literal(default)}, enum={literal(choices)}, description={literal(words)})"
    if param.kind != "other" and param.known:
        return f"Param({literal(param.default)}, type=['null', {_TYPES[param.kind]!r}], description={literal(words)})"
    default = param.text if param.known else None
    return f"Param({literal(default)}, type=['null', 'string'], description={literal(words)})"
