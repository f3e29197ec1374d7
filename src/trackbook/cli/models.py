"""`trackbook models …` and `trackbook audit …`."""

from __future__ import annotations

import sys

import click
import msgspec

from trackbook.cli.output import (
    NO,
    exits_with_status,
    json_option,
    markdown,
    pairs,
    print_json,
    print_markdown,
    print_table,
    print_text,
)
from trackbook.project import Project
from trackbook.registry import STAGES, ModelVersion
from trackbook.tracking.words import local_time


@click.group("models")
def models_group() -> None:
    """Registered models: list them, and move them through their stages."""


@models_group.command("list")
@json_option
@exits_with_status
def list_command(as_json: bool) -> None:
    """List all models with their versions."""
    models = Project.open(create=False).registry.models()
    if as_json:
        print_json([model.to_dict() for model in models])
        return
    print_table(
        ["model", "version", "stage", "aliases", "metrics", "run", "registered"],
        [
            [
                model.name,
                version.version,
                version.stage,
                " ".join(version.aliases),
                pairs(version.metrics),
                (version.run_id or "")[:8],
                local_time(version.created_time),
            ]
            for model in models
            for version in model.versions
        ],
        empty="No models yet. `%register MODEL NAME` in a notebook registers one.",
    )


@models_group.command("show")
@click.argument("name")
@click.argument("version", type=int, required=False)
@json_option
@exits_with_status
def show_command(name: str, version: int | None, as_json: bool) -> None:
    """Show a model, or one VERSION of it with what its gates said."""
    registry = Project.open(create=False).registry
    if as_json:
        print_json(registry.get(name).to_dict() if version is None else registry.version(name, version).to_dict())
        return
    for each in registry.get(name).versions if version is None else (registry.version(name, version),):
        _print_version(each)


@models_group.command("register")
@click.argument("uri")
@click.argument("name")
@click.option("--description", default="", help="A sentence about this version.")
@json_option
@exits_with_status
def register_command(uri: str, name: str, description: str, as_json: bool) -> None:
    """Register the model at URI (runs:/RUN/PATH, or another model's version) as the next version of NAME."""
    version = Project.open(create=False).registry.register(uri, name, description=description)
    _report(version, f"registered {version.name} version {version.version}", as_json)


@models_group.command("promote")
@click.argument("name")
@click.argument("version", type=int)
@click.argument("stage", type=click.Choice(STAGES))
@click.option("--reason", help="Kept with the audit event.")
@json_option
@exits_with_status
def promote_command(name: str, version: int, stage: str, reason: str | None, as_json: bool) -> None:
    """Move a version to STAGE if its gates let it; exit status 1 when one refuses."""
    moved = Project.open(create=False).registry.promote(name, version, stage, reason=reason)
    _report(moved, f"{moved.name} version {moved.version} is in {moved.stage}", as_json)


@models_group.command("check")
@click.argument("name")
@click.argument("model", metavar="VERSION|URI")
@click.option("--stage", default="production", show_default=True, type=click.Choice(STAGES), help="Whose gates.")
@click.option("--about", type=click.Choice(["quality", "fairness", "speed"]), help="Only gates on such metrics.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print a table for a summary or a comment.")
@json_option
@exits_with_status
def check_command(name: str, model: str, stage: str, about: str | None, as_markdown: bool, as_json: bool) -> None:
    """Say what the gates of a stage think of a model, and change nothing; exit status 1 when one refuses.

    The model is a version of NAME, or not registered yet: runs:/RUN/model.skops is judged by the metrics of its run.
    Fairness and speed are gates whose metric is named so (parity, odds, bias; seconds, latency, memory, size).
    """
    target = int(model) if model.isascii() and model.isdigit() else model
    results = Project.open(create=False).registry.check(name, target, stage, about=about)
    title = f"{name}: gates of {stage}{f' about {about}' if about else ''}"
    if as_json:
        print_json([msgspec.to_builtins(result) for result in results])
    elif as_markdown:
        rows = [["passed" if result.passed else "**failed**", markdown(result.reason)] for result in results]
        print_markdown(title, ["", "gate"], rows, empty="No gate: nothing was checked.")
    elif not results:
        print_text(f"{title}: there is none, so nothing was checked")
    else:
        for result in results:
            print_text(f"{'✓' if result.passed else '✗'} {result.reason}")
    if not all(result.passed for result in results):
        sys.exit(NO)


@click.group("audit")
def audit_group() -> None:
    """The audit trail of the registry."""


@audit_group.command("log")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="At most so many events.")
@json_option
@exits_with_status
def log_command(limit: int, as_json: bool) -> None:
    """List audit events, newest first."""
    events = Project.open(create=False).registry.audit_events(limit).events
    if as_json:
        print_json([event.to_dict() for event in events])
        return
    print_table(
        ["seq", "time", "who", "what", "subject", "hash"],
        [
            [event.seq, local_time(event.time), event.actor, event.action, event.subject, event.hash[:12]]
            for event in events
        ],
        empty="The audit trail is empty.",
    )


@audit_group.command("verify")
@json_option
@exits_with_status
def verify_command(as_json: bool) -> None:
    """Check the hash chain, and every row of the registry against it.  Exit status 1 when something was changed."""
    verdict = Project.open(create=False).registry.verify()
    if as_json:
        print_json(verdict.to_dict())
    elif verdict.ok:
        click.echo(f"{verdict.events} audit events, unbroken; the registry is what they say. Head {verdict.head[:12]}")
        if not verdict.anchored and verdict.events:
            click.echo("The note of the newest event is missing, so a trail cut short at its end would not show.")
    else:
        if verdict.fault is not None:
            click.echo(f"event {verdict.fault.seq} does not hold: {verdict.fault.reason}")
        for row in verdict.rows:
            click.echo(f"changed behind the audit trail: {row}")
    if not verdict.ok:
        sys.exit(NO)


def _report(version: ModelVersion, sentence: str, as_json: bool) -> None:
    if as_json:
        print_json(version.to_dict())
    else:
        click.echo(sentence)


def _print_version(version: ModelVersion) -> None:
    aliases = f" @{' @'.join(version.aliases)}" if version.aliases else ""
    print_text(f"{version.name} version {version.version} · {version.stage}{aliases}", "bold")
    print_text(
        f"  {version.format}, {version.size:,} bytes, {version.digest[:12]}, run {(version.run_id or 'none')[:8]}"
    )
    if version.metrics:
        print_text(f"  {pairs(version.metrics)}")
    for result in version.gates:
        print_text(f"  {'✓' if result.passed else '✗'} {result.stage}: {result.reason}")
