"""`trackbook data …`."""

from __future__ import annotations

from pathlib import Path

import click

from trackbook.cli.output import exits_with_status, json_option, print_json, print_table
from trackbook.project import Project
from trackbook.tracking.words import local_time


@click.group("data")
def data_group() -> None:
    """Dataset versions: list, show and add them."""


@data_group.command("list")
@click.argument("name", required=False)
@json_option
@exits_with_status
def list_command(name: str | None, as_json: bool) -> None:
    """List all dataset versions, or those of one dataset."""
    versions = Project.open(create=False).data.list(name)
    if as_json:
        print_json([version.to_dict() for version in versions])
        return
    print_table(
        ["dataset", "version", "rows", "columns", "fingerprint", "size", "created"],
        [
            [
                version.name,
                version.version,
                version.rows,
                version.columns,
                version.fingerprint[:12],
                f"{version.size:,}",
                local_time(version.created_time),
            ]
            for version in versions
        ],
        empty="No datasets yet. `%snapshot NAME VARIABLE` in a notebook keeps a version.",
    )


@data_group.command("show")
@click.argument("uri")
@json_option
@exits_with_status
def show_command(uri: str, as_json: bool) -> None:
    """Show one version, with its schema: NAME, data:/NAME or data:/NAME@VERSION."""
    version = Project.open(create=False).data.resolve(uri)
    if as_json:
        print_json(version.to_dict())
        return
    rows = "" if version.rows is None else f", {version.rows:,} rows"
    click.echo(f"{version.uri}{rows}, {version.size:,} bytes, {version.fingerprint[:12]}, by {version.created_by}")
    print_table(
        ["column", "type", "missing"],
        [[column.name, column.type, column.nulls] for column in version.schema.columns],
        empty="It is a file; its columns are not known.",
    )


@data_group.command("snapshot")
@click.argument("path", type=click.Path(path_type=Path))
@click.argument("name")
@json_option
@exits_with_status
def snapshot_command(path: Path, name: str, as_json: bool) -> None:
    """Keep the file at PATH as the next version of the dataset NAME."""
    version = Project.open().data.snapshot(path, name)
    if as_json:
        print_json(version.to_dict())
    else:
        click.echo(f"{version.uri}: {version.size:,} bytes, {version.fingerprint[:12]}")
