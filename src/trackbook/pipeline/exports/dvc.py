"""DVC: `dvc.yaml` with a stage for each task, and `params.yaml` with the parameters."""

from __future__ import annotations

import shlex
from typing import Any

import yaml

from trackbook.errors import UsageError
from trackbook.pipeline.exports.names import dashed
from trackbook.pipeline.exports.text import argument, provenance, run_command, yaml_text
from trackbook.pipeline.exports.values import Export, Files, Param, Task

MARKS = ".trackbook-steps"


def files(export: Export) -> Files:
    """Return `dvc.yaml`, and the file of parameters where the script has any whose defaults are known."""
    known = [param for param in export.params if param.known]
    name, present = _params_file(export, known)
    document = {"stages": {dashed(task.clean): _stage(export, task, name if known else "") for task in export.tasks}}
    remarks = [
        *provenance(export),
        "",
        "`dvc repro` runs what has changed. Results of steps are kept in .trackbook, or where --storage says; the file",
        f"that a stage leaves in {MARKS} holds their digests, so that an unchanged result stops what follows.",
        "In a clone whose .trackbook is empty, fill it once with `trackbook pipeline run`, or export with --storage.",
    ]
    made = {export.output: yaml_text(document, remarks)}
    return made | ({name: _params_text(known, present)} if known else {})


def _wdir(export: Export) -> dict[str, str]:
    """Return the key of a stage that leads from the file's folder to the project's root, where all paths start."""
    depth = len(export.path.parts) - 1
    return {"wdir": "/".join([".."] * depth)} if depth else {}


def _stage(export: Export, task: Task, params_file: str) -> dict[str, Any]:
    mark = _mark(task)
    options = ["--params", params_file] if params_file else []
    run = run_command(export, task) + options + (["--storage", export.storage] if export.storage else [])
    note = ["trackbook", "pipeline", "kept", argument(export.script), *task.steps, *options, "-o", mark]
    names = [param.name for param in export.params if param.known and param.name in task.params]
    marks = [_mark(other) for other in export.tasks if other.clean in task.after]
    stage: dict[str, Any] = {
        **_wdir(export),
        "cmd": [_escaped(shlex.join(run)), _escaped(shlex.join(note))],
        "deps": [_escaped(path) for path in dict.fromkeys([*export.sources, *task.reads, *marks])],
    }
    if names:
        stage["params"] = [{params_file: names}]
    return stage | {"outs": [_escaped(mark)]}


def _mark(task: Task) -> str:
    return f"{MARKS}/{task.clean}.json"


def _escaped(text: str) -> str:
    """Return a text that DVC does not fill in: it takes `${…}` for a parameter."""
    return text.replace("${", "\\${")


def _params_file(export: Export, known: list[Param]) -> tuple[str, str]:
    """Return the name and present text of the file of parameters; one that holds others' is left to them."""
    present = (export.present or {}).get("params.yaml", "")
    names = {param.name for param in known}
    if present and not _keys(present) <= names:
        own = f"{export.clean}_params.yaml"
        return own, (export.present or {}).get(own, "")
    return "params.yaml", present


def _keys(text: str) -> set[str]:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"the file of parameters is no YAML: {error}; correct it, or move it away") from error
    if found is not None and not isinstance(found, dict):
        raise UsageError("params.yaml holds no names with values; move it away, and export again")
    return {str(key) for key in found or {}}


def _params_text(known: list[Param], present: str) -> str:
    """Return the present text with what it lacks at its end: its values are the user's."""
    missing = [param for param in known if not present or param.name not in _keys(present)]
    if not missing:
        return present
    start = present if not present or present.endswith("\n") else f"{present}\n"
    return start + yaml_text({param.name: _plain(param) for param in missing})


def _plain(param: Param) -> Any:
    """Return a default as YAML can hold it: a text for what it has no kind for."""
    value = param.default
    if isinstance(value, list | dict) and _is_plain(value):
        return value
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    return value is None or isinstance(value, bool | int | float | str)
