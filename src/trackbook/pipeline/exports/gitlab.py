"""GitLab CI: a job for each stage from validation to promotion, which waits for a person."""

from __future__ import annotations

from typing import Any

from trackbook.pipeline.exports import stages
from trackbook.pipeline.exports.names import dashed
from trackbook.pipeline.exports.stages import REPORT
from trackbook.pipeline.exports.text import provenance, yaml_text
from trackbook.pipeline.exports.values import Export, Files, Param

STAGES = ["validate", "train", "gate", "fairness", "benchmark", "register", "promote"]
_REQUEST = '$CI_PIPELINE_SOURCE == "merge_request_event"'
_DEFAULT = "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"
_NOTE = """if [ -n "${GITLAB_TOKEN:-}" ] && [ -n "${CI_MERGE_REQUEST_IID:-}" ]; then
  curl --fail --silent --show-error --output /dev/null --header "PRIVATE-TOKEN: $GITLAB_TOKEN" \\
    --data-urlencode "body@%s" "$CI_API_V4_URL/projects/$CI_PROJECT_ID/merge_requests/$CI_MERGE_REQUEST_IID/notes"
fi"""

Job = dict[str, Any]


def files(export: Export) -> Files:
    """Return the pipeline file."""
    document: dict[str, Any] = {
        "stages": STAGES,
        "workflow": {"rules": [{"if": _REQUEST}, {"if": _DEFAULT}]},
        "variables": _variables(export),
        "default": _default(export),
        "validate": {"stage": "validate", "script": [stages.validate(export)]},
        "train": _train(export),
    }
    for item in stages.CHECKS:
        document[item.name] = _check(export, item)
    document |= {"register": _register(export), "promote": _promote(export)}
    remarks = [
        *provenance(export),
        "",
        *stages.remarks(export),
        "Protect the environment `production` (Settings, CI/CD, Protected environments): the manual job `promote` is",
        "then for those who may. With a project access token in GITLAB_TOKEN (scope api, masked) the report becomes a",
        "note on the merge request. A merge request trains and is judged, and registers nothing.",
    ]
    return {export.output: yaml_text(document, remarks)}


def _variables(export: Export) -> dict[str, Any]:
    found: dict[str, Any] = {
        "MODEL": {"value": export.model, "expand": False},
        "PIP_CACHE_DIR": "$CI_PROJECT_DIR/.cache/pip",
    }
    if export.storage:
        found["TRACKBOOK_STORAGE"] = {"value": export.storage, "expand": False}
    return found | {param.variable: _variable(param) for param in export.params}


def _variable(param: Param) -> dict[str, Any]:
    """Return a variable that a person can set when starting a pipeline; `expand: false` keeps a `$` in it."""
    found: dict[str, Any] = {
        "value": param.text,
        "description": f"{param.name}: {param.annotation}",
        "expand": False,
    }
    options = [str(choice) for choice in param.choices]
    return found | ({"options": options} if param.text in options else {})


def _default(export: Export) -> Job:
    folder = [f"cd {stages.quoted(export.subfolder)}"] if export.subfolder else []
    return {
        "image": export.image or f"python:{export.python}",
        "before_script": [*folder, *([] if export.image else [stages.install(export)])],
        "interruptible": True,
        "cache": [{"key": "pip", "paths": [".cache/pip"]}],
    }


def _train(export: Export) -> Job:
    lines = [line for _, line in stages.train(export)]
    return {
        "stage": "train",
        "resource_group": f"trackbook-{dashed(export.clean)}",
        "cache": [{"key": "pip", "paths": [".cache/pip"]}, _cache(export, "pull-push")],
        "script": [
            *_exchange(export, "pull"),
            *lines,
            f"RUN=$({stages.candidate(export)})",
            'echo "RUN=$RUN" > candidate.env',
            *_exchange(export, "push"),
        ],
        "artifacts": _handed(export, "candidate.env"),
    }


def _check(export: Export, item: stages.Check) -> Job:
    return {
        "stage": item.name,
        "script": [stages.check(item)],
        "after_script": [*_default(export)["before_script"][: 1 if export.subfolder else 0], _NOTE % REPORT],
        "artifacts": {
            "when": "always",
            "expose_as": f"Trackbook {item.name}",
            "paths": [_below(export, REPORT)],
        },
    }


def _register(export: Export) -> Job:
    return {
        "stage": "register",
        "rules": [{"if": _DEFAULT}],
        "interruptible": False,
        "script": [
            f"VERSION=$({stages.register()})",
            'echo "VERSION=$VERSION" > version.env',
            *_exchange(export, "push"),
        ],
        "artifacts": _handed(export, "version.env"),
    }


def _promote(export: Export) -> Job:
    return {
        "stage": "promote",
        "rules": [{"if": _DEFAULT, "when": "manual"}],
        "interruptible": False,
        "environment": {"name": "production"},
        "resource_group": f"trackbook-{dashed(export.clean)}",
        "cache": [{"key": "pip", "paths": [".cache/pip"]}, _cache(export, "push")],
        "script": [stages.promote()],
    }


def _handed(export: Export, variables: str) -> Job:
    """Return what a job hands on: the store, which only those see who may push, and what it found out."""
    return {
        "paths": [_below(export, ".trackbook"), _below(export, REPORT)],
        "access": "developer",
        "expire_in": "30 days",
        "reports": {"dotenv": _below(export, variables)},
    }


def _cache(export: Export, policy: str) -> Job:
    return {"key": f"trackbook-{dashed(export.clean)}", "paths": [_below(export, ".trackbook")], "policy": policy}


def _exchange(export: Export, verb: str) -> list[str]:
    return [f"trackbook {verb}"] if export.has_remote else []


def _below(export: Export, name: str) -> str:
    return f"{export.subfolder}/{name}" if export.subfolder else name
