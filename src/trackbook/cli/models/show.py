"""`trackbook models list` and `show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from trackbook.cli.output import (
    exits_with_status,
    json_option,
    pairs,
    print_json,
    print_table,
    print_text,
)
from trackbook.project import Project
from trackbook.registry import ModelVersion
from trackbook.tracking.words import local_time

if TYPE_CHECKING:
    from trackbook.registry.listing import VersionMark


@click.command("list")
@json_option
@exits_with_status
def list_command(as_json: bool) -> None:
    """List all models: their versions, which are in production and staging, and aliases."""
    registry = Project.open(create=False).registry
    if as_json:
        print_json(registry.listed())
        return
    print_table(
        ["model", "versions", "latest", "production", "staging", "aliases", "owner", "registered"],
        [
            [
                model.name,
                model.count,
                _mark(model.latest),
                _mark(model.production),
                _mark(model.staging),
                " ".join(f"{alias}={version}" for alias, version in model.aliases.items()),
                model.owner,
                local_time(model.changed_time),
            ]
            for model in registry.summaries()
        ],
        empty="No models yet. `%register MODEL NAME` in a notebook registers one.",
    )


def _mark(mark: VersionMark | None) -> Any:
    """Return a version for the table, in red with words when it overrides gates, is deprecated or a pickle."""
    if mark is None:
        return ""
    words = " override" * mark.override + " deprecated" * mark.deprecated + " pickle" * mark.dangerous
    if not words:
        return mark.version
    from rich.text import Text

    return Text(f"{mark.version}{words}", style="bold red")


@click.command("show")
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


def _print_version(version: ModelVersion) -> None:
    aliases = f" @{' @'.join(version.aliases)}" if version.aliases else ""
    print_text(f"{version.name} version {version.version} · {version.stage}{aliases}", "bold")
    print_text(
        f"  {version.format}, {version.size:,} bytes, {version.digest[:12]}, run {(version.run_id or 'none')[:8]}"
    )
    print_text(f"  registered by {version.maker}")
    for warning in version.warnings:
        print_text(f"  {warning}", "bold red")
    if version.metrics:
        print_text(f"  {pairs(version.metrics)}")
    for result in version.gates:
        print_text(f"  {'✓' if result.passed else '✗'} {result.stage}: {result.reason}")
    for approval in version.approvals:
        who = approval.approver if approval.authority else f"{approval.approver} (not authenticated)"
        said = f": {approval.comment}" if approval.comment else ""
        print_text(f"  {who} {'approved' if approval.approved else 'rejected'} it for {approval.stage}{said}")
