"""GitHub Actions: validate, train and check, register, report, and promote after the environment's approval."""

from __future__ import annotations

import re
import shlex
from typing import Any

from trackbook.pipeline.exports import stages
from trackbook.pipeline.exports.names import dashed
from trackbook.pipeline.exports.stages import REPORT
from trackbook.pipeline.exports.text import provenance, yaml_text
from trackbook.pipeline.exports.values import Export, Files, Param

PINS = {
    "actions/checkout": ("de0fac2e4500dabe0009e67214ff5f5447ce83dd", "v6.0.2"),
    "actions/setup-python": ("a309ff8b426b58ec0e2a45f0f869d46889d02405", "v6.2.0"),
    "actions/cache/restore": ("cdf6c1fa76f9f475f3d7449005a359c84ca0f306", "v5.0.3"),
    "actions/cache/save": ("cdf6c1fa76f9f475f3d7449005a359c84ca0f306", "v5.0.3"),
    "actions/upload-artifact": ("330a01c490aca151604b8cf639adc76d48f6c5d4", "v5.0.0"),
    "actions/download-artifact": ("018cc2cf5baa6db3ef3c5f8a56943fffe632ef53", "v6.0.0"),
}
"""Actions by the commits of their releases: a tag can be moved, a commit cannot."""

MAX_INPUTS = 25
_PULL_REQUEST = "github.event_name == 'pull_request'"
_OWN_REQUEST = f"{_PULL_REQUEST} && github.event.pull_request.head.repo.full_name == github.repository"
_DEFAULT_BRANCH = "github.event_name != 'pull_request' && github.ref_name == github.event.repository.default_branch"

Step = dict[str, Any]


def files(export: Export) -> Files:
    """Return the workflow."""
    document: dict[str, Any] = {
        "name": f"Pipeline {export.clean}",
        "on": _events(export),
        "permissions": {"contents": "read"},
        "concurrency": {
            "group": f"trackbook-{export.clean}-${{{{ github.ref }}}}",
            "cancel-in-progress": f"${{{{ {_PULL_REQUEST} }}}}",
        },
        "defaults": {"run": _defaults(export)},
        "env": {"MODEL": literal(export.model)} | _storage(export),
        "jobs": {
            "validate": _validate(export),
            "train": _train(export),
            "register": _register(export),
            "report": _report(export),
            "promote": _promote(export),
        },
    }
    remarks = [
        *provenance(export),
        "",
        *stages.remarks(export),
        "Protect the environment `production` (Settings, Environments, required reviewers): the job `promote` waits",
        "for their approval. A pull request trains and is judged, and registers nothing.",
    ]
    return {export.output: _with_versions(yaml_text(document, remarks))}


def _defaults(export: Export) -> dict[str, str]:
    folder = {"working-directory": literal(export.subfolder)} if export.subfolder else {}
    return {"shell": "bash"} | folder


def _storage(export: Export) -> dict[str, str]:
    return {"TRACKBOOK_STORAGE": literal(export.storage)} if export.storage else {}


def _events(export: Export) -> dict[str, Any]:
    inputs = {param.clean: _input(param) for param in export.params[:MAX_INPUTS]}
    return {
        "workflow_dispatch": {"inputs": inputs} if inputs else {},
        "push": {"branches": ["main", "master"]},
        "pull_request": {},
    }


def _input(param: Param) -> dict[str, Any]:
    words = f"{param.name}: {param.annotation}".replace("${{", "$ {{")
    if param.choices and not param.required:
        options = [str(choice) for choice in param.choices]
        return {"description": words, "type": "choice", "options": options} | (
            {"default": param.text} if param.text in options else {}
        )
    if param.kind == "bool" and param.known:
        return {"description": words, "type": "boolean", "default": bool(param.default)}
    found: dict[str, Any] = {"description": words, "type": "string", "required": param.required}
    # An expression is an error here, and cannot be written as a literal: the script knows its default.
    return found | ({"default": param.text} if param.known and "${{" not in param.text else {})


def _env(export: Export) -> dict[str, dict[str, str]]:
    """Return the key of a job with the parameters; a repository's variable stands in for one without a default."""
    found = {}
    for param in export.params[:MAX_INPUTS]:
        instead = f" || vars.{param.variable}" if param.required else ""
        found[param.variable] = f"${{{{ inputs.{param.clean}{instead} }}}}"
    return {"env": found} if found else {}


def _job(export: Export, steps: list[Step], *, minutes: int, **others: Any) -> dict[str, Any]:
    return {"runs-on": "ubuntu-latest", "timeout-minutes": minutes, **others, "steps": [*_set_up(export), *steps]}


def _set_up(export: Export) -> list[Step]:
    return [
        _uses("actions/checkout", {"persist-credentials": False}),
        _uses("actions/setup-python", {"python-version": export.python}),
        {"name": "Install", "run": literal(stages.install(export))},
    ]


def _uses(action: str, options: dict[str, Any], **others: Any) -> Step:
    return {**others, "uses": f"{action}@{PINS[action][0]}", "with": options}


def _validate(export: Export) -> dict[str, Any]:
    step = {"name": "Validate", "run": literal(stages.validate(export))}
    return _job(export, [step], minutes=15, **_env(export))


def _train(export: Export) -> dict[str, Any]:
    steps: list[Step] = [_restore(export, "")]
    steps += _exchange(export, "pull")
    steps += [{"name": literal(f"Step {title}"), "run": literal(line)} for title, line in stages.train(export)]
    line = f'run=$({literal(stages.candidate(export))})\necho "run=$run" >> "$GITHUB_OUTPUT"'
    steps.append({"name": "Candidate", "id": "candidate", "run": line})
    run = {"RUN": "${{ steps.candidate.outputs.run }}"}
    for item in stages.CHECKS:
        name = f"{item.name.capitalize()}: {item.sentence}"
        when = {"if": "always() && steps.candidate.outcome == 'success'"}
        steps.append({"name": name, **when, "run": stages.check(item), "env": run})
    steps += [
        {"name": "Summary", "if": "always()", "run": f'[ ! -f {REPORT} ] || cat {REPORT} >> "$GITHUB_STEP_SUMMARY"'},
        _uses(
            "actions/upload-artifact",
            {"name": "trackbook-report", "path": _below(export, REPORT), "if-no-files-found": "ignore"},
            **{"if": "always()"},
        ),
        *_exchange(export, "push"),
        _save(export, "train", "always()"),
    ]
    outputs = {"run": "${{ steps.candidate.outputs.run }}"}
    return _job(export, steps, minutes=360, needs="validate", outputs=outputs, **_env(export))


def _register(export: Export) -> dict[str, Any]:
    line = f'version=$({stages.register()})\necho "version=$version" >> "$GITHUB_OUTPUT"'
    line += '\necho "Registered $MODEL version $version" >> "$GITHUB_STEP_SUMMARY"'
    steps = [
        _restore(export, "train"),
        {"name": "Register", "id": "register", "run": line, "env": {"RUN": "${{ needs.train.outputs.run }}"}},
        *_exchange(export, "push"),
        _save(export, "register"),
    ]
    outputs = {"version": "${{ steps.register.outputs.version }}"}
    return _job(export, steps, minutes=15, needs="train", outputs=outputs) | {"if": _DEFAULT_BRANCH}


def _promote(export: Export) -> dict[str, Any]:
    line = stages.promote() + '\necho "Promoted $MODEL version $VERSION to production" >> "$GITHUB_STEP_SUMMARY"'
    version = {"VERSION": "${{ needs.register.outputs.version }}"}
    steps = [
        _restore(export, "register"),
        {"name": "Promote", "run": line, "env": version},
        _save(export, "promote"),
    ]
    return _job(export, steps, minutes=15, needs="register", environment="production")


def _report(export: Export) -> dict[str, Any]:
    """Return the only job that may write to a pull request; it runs none of the repository's code."""
    line = f'gh pr comment "$NUMBER" --edit-last --create-if-none --body-file {REPORT}'
    env = {
        "GH_TOKEN": "${{ github.token }}",
        "GH_REPO": "${{ github.repository }}",
        "NUMBER": "${{ github.event.pull_request.number }}",
    }
    return {
        "if": f"always() && {_OWN_REQUEST} && needs.train.result != 'cancelled' && needs.train.result != 'skipped'",
        "needs": "train",
        "runs-on": "ubuntu-latest",
        "timeout-minutes": 5,
        "permissions": {"pull-requests": "write"},
        "defaults": {"run": {"working-directory": "."}},
        "steps": [
            _uses("actions/download-artifact", {"name": "trackbook-report"}),
            {"name": "Comment", "run": line, "env": env},
        ],
    }


def _restore(export: Export, state: str) -> Step:
    """Fetch the store as a job of this run has left it, or before the first the newest of an earlier run."""
    prefix = f"trackbook-{dashed(export.clean)}-"
    run = "${{ github.run_id }}-${{ github.run_attempt }}"
    options: dict[str, Any] = {"path": _below(export, ".trackbook"), "key": f"{prefix}{run}-{state or 'begin'}"}
    return _uses(
        "actions/cache/restore", options | ({"fail-on-cache-miss": True} if state else {"restore-keys": prefix})
    )


def _save(export: Export, state: str, when: str = "") -> Step:
    key = f"trackbook-{dashed(export.clean)}-${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}-{state}"
    others = {"if": when} if when else {}
    return _uses("actions/cache/save", {"path": _below(export, ".trackbook"), "key": key}, **others)


def _exchange(export: Export, verb: str) -> list[Step]:
    return [{"name": verb.capitalize(), "run": f"trackbook {verb}"}] if export.has_remote else []


def _below(export: Export, name: str) -> str:
    return f"{literal(export.subfolder)}/{name}" if export.subfolder else name


def literal(text: str) -> str:
    """Return a text that GitHub leaves as it is: `${{` begins an expression, in names and lines of a shell too."""
    return text.replace("${{", "${{ '${{' }}")


def _with_versions(text: str) -> str:
    """Write the release of each pinned commit beside it, where people and update bots look for it."""
    for action, (commit, version) in PINS.items():
        text = re.sub(rf"^( +(?:- )?uses: {re.escape(action)}@{commit})$", rf"\1 # {version}", text, flags=re.MULTILINE)
    return text


def scheduled(export: Export, cron: str, words: list[str], remarks: list[str]) -> str:
    """Return the workflow that runs a whole pipeline, the command `words`, at the times `cron`, in UTC."""
    steps = [_restore(export, ""), *_exchange(export, "pull"), {"name": "Run", "run": literal(shlex.join(words))}]
    steps += [*_exchange(export, "push"), _save(export, "scheduled", "always()")]
    document: dict[str, Any] = {
        "name": f"Schedule {export.clean}",
        "on": {"schedule": [{"cron": cron}], "workflow_dispatch": {}},
        "permissions": {"contents": "read"},
        "concurrency": {"group": f"trackbook-{export.clean}-schedule", "cancel-in-progress": False},
        "defaults": {"run": _defaults(export)},
        "jobs": {"run": _job(export, steps, minutes=360)},
    }
    return _with_versions(yaml_text(document, remarks))
