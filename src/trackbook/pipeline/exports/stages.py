"""The way of a model through continuous integration, as lines of a shell, for GitHub and GitLab alike.

Every value comes from the environment (`PARAM_…`, `RUN`, `VERSION`, `MODEL`) and is quoted, so that nothing that a
person types is ever part of a line.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from trackbook.pipeline.exports.text import argument, from_environment, shell_command
from trackbook.pipeline.exports.values import Export

REPORT = "trackbook-report.md"
STAGE = "production"
_VERSION = """python -c 'import json, sys; print(json.load(sys.stdin)["version"])'"""


@dataclass(frozen=True)
class Check:
    """A stage that asks gates of trackbook.toml about the candidate: those `about` one thing."""

    name: str
    about: str
    sentence: str


CHECKS = (
    Check("gate", "quality", "gates on the model's metrics"),
    Check("fairness", "fairness", "gates on metrics named after fairness, parity, odds or bias"),
    Check("benchmark", "speed", "gates on seconds, latency, memory and size; seconds.STEP is the time of each step"),
)


def validate(export: Export) -> str:
    """Say what would run: the script has steps, and the parameters are of its types."""
    options = "".join(f" {from_environment(param)}" for param in export.params)
    return f"trackbook pipeline run {_script(export)} --dry-run{options}"


def train(export: Export) -> list[tuple[str, str]]:
    """Return title and line of each task, in an order that keeps every dependency."""
    return [(task.title, shell_command(export, task, export.params)) for task in export.tasks]


def candidate(export: Export) -> str:
    """Make a run of what the steps have kept and print its id: its numbers are what gates judge."""
    options = "".join(f" {from_environment(param)}" for param in export.params)
    return f"trackbook pipeline candidate {_script(export)} --report {REPORT}{options}"


def check(item: Check) -> str:
    """Ask the gates; the line fails where one refuses."""
    return (
        f'trackbook models check "$MODEL" "runs:/$RUN/model.skops" --stage {STAGE} --about {item.about} '
        f"--markdown | tee -a {REPORT}"
    )


def register() -> str:
    """Register the candidate and print its version."""
    return f'trackbook models register "runs:/$RUN/model.skops" "$MODEL" --json | {_VERSION}'


def promote() -> str:
    """Move the version into production, through its gates once more."""
    return f'trackbook models promote "$MODEL" "$VERSION" {STAGE}'


def install(export: Export) -> str:
    """Install what the script and Trackbook need."""
    return shlex.join(["python", "-m", "pip", "install", *export.requirements])


def quoted(text: str) -> str:
    """Return a text as one word of a shell."""
    return shlex.quote(text)


def remarks(export: Export) -> list[str]:
    """Return what a reader should know of a CI file."""
    lines = [
        "Steps run one by one; those whose code, inputs, params and environment are unchanged come from the store",
        "(.trackbook), which is cached between runs. Parameters left empty have the script's own defaults.",
        "Gates are those of trackbook.toml. The stages fairness and benchmark ask only gates whose metric is named so;",
        "where there is none, they say that nothing was checked, and pass.",
    ]
    if export.has_remote:
        lines.append("`trackbook pull` and `push` exchange runs, data and models with the remote of trackbook.toml;")
        lines.append("stages and approvals are not pushed: they are in the cached store.")
    else:
        lines.append("The registry is in the cached store, too: name a `[remote]` in trackbook.toml and export again")
        lines.append("to keep runs, data and models in a place that no cache policy clears.")
    return lines


def _script(export: Export) -> str:
    return shlex.quote(argument(export.script))
