"""Argo Workflows: a DAG of containers; commands are lists of words, so that no shell reads a parameter."""

from __future__ import annotations

from typing import Any

from trackbook.pipeline.exports.kubernetes import check_braces, plain, words
from trackbook.pipeline.exports.names import dashed
from trackbook.pipeline.exports.text import provenance, used, yaml_text
from trackbook.pipeline.exports.values import Export, Files, Task


def files(export: Export) -> Files:
    """Return the workflow; raises UsageError for names that Argo would fill in."""
    check_braces(export)
    templates = [{"name": "pipeline", "dag": {"tasks": [_task(task) for task in export.tasks]}}]
    document = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": f"{dashed(export.clean)}-"},
        "spec": {
            "entrypoint": "pipeline",
            "arguments": {"parameters": _arguments(export)},
            "securityContext": {"runAsNonRoot": True},
            "templates": [*templates, *(_template(export, task) for task in export.tasks)],
        },
    }
    remarks = [
        *provenance(export),
        "",
        "Each step is a container of the image, which holds the project; results go through the storage, for which its",
        "service account or secrets must give access. Submit it with `argo submit -p NAME=VALUE`.",
        "Parameters without a default that can be told here have to be given.",
    ]
    return {export.output: yaml_text(document, remarks)}


def _arguments(export: Export) -> list[dict[str, Any]]:
    own = {"name": "trackbook-storage", "value": export.storage}
    params = [
        {"name": param.clean, "description": f"{param.name}: {param.annotation}"}
        | ({"value": param.text} if param.known and "{{" not in param.text else {})
        | ({"enum": [str(choice) for choice in param.choices]} if param.choices else {})
        for param in export.params
    ]
    return [own, *params]


def _task(task: Task) -> dict[str, Any]:
    name = dashed(task.clean)
    after = {"dependencies": [dashed(other) for other in task.after]} if task.after else {}
    return {"name": name, "template": f"step-{name}", **after}


def _template(export: Export, task: Task) -> dict[str, Any]:
    arguments = [*words(export, task)[1:], "--storage", "{{workflow.parameters.trackbook-storage}}"]
    for param in used(export, task):
        arguments += ["-p", f"{plain(param.name)}={{{{workflow.parameters.{param.clean}}}}}"]
    return {
        "name": f"step-{dashed(task.clean)}",
        "metadata": {"annotations": {"trackbook/steps": task.title}},
        "container": {"image": export.image, "command": ["trackbook"], "args": arguments},
    }
