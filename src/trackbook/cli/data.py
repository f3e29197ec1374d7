"""`trackbook data …`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from trackbook.cli.output import NO, exits_with_status, json_option, print_json, print_table, print_text
from trackbook.project import Project
from trackbook.tracking.words import local_time

if TYPE_CHECKING:
    from trackbook.data import DatasetVersion
    from trackbook.data.differences import Difference, FrameDifference
    from trackbook.tracking.lineage import DataLineage

SHOWN = 20
"""At most so many paths of a folder's difference, and runs of a version's lineage, are named."""


@click.group("data")
def data_group() -> None:
    """Dataset versions: list, show, add, compare and restore them.

    A version is named data:/NAME (the newest), data:/NAME@3 or data:/NAME@3f2a91c4, by its digest or fingerprint.
    """


@data_group.command("list")
@click.argument("name", required=False)
@json_option
@exits_with_status
def list_command(name: str | None, as_json: bool) -> None:
    """List all dataset versions, or those of one dataset; `*` marks what tracked cells kept by themselves."""
    versions = Project.open(create=False).data.list(name)
    if as_json:
        print_json([version.to_dict() for version in versions])
        return
    print_table(
        ["dataset", "version", "kind", "rows", "columns", "fingerprint", "size", "created"],
        [
            [
                version.name,
                f"{version.version}{'*' if version.automatic else ''}",
                version.kind,
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
    """Show one version: its schema, the runs that made and used it, and the models that came of them."""
    project = Project.open(create=False)
    version = project.data.resolve(uri)
    lineage = project.lineage.of_data(version.fingerprint, version.run_id)
    if as_json:
        print_json({**version.to_dict(), "lineage": msgspec.to_builtins(lineage)})
        return
    click.echo(_headline(version))
    if version.kind == "frame":
        print_table(
            ["column", "type", "missing"],
            [[column.name, column.type, column.nulls] for column in version.schema.columns],
            empty="",
        )
    else:
        print_text(f"It is a {version.kind}, {version.source}; its columns are not known.")
    _print_lineage(lineage)


@data_group.command("snapshot")
@click.argument("path")
@click.argument("name")
@json_option
@exits_with_status
def snapshot_command(path: str, name: str, as_json: bool) -> None:
    """Keep the file or folder at PATH as the next version of the dataset NAME; what is unchanged is not read."""
    version = Project.open().data.snapshot(path, name)
    if as_json:
        print_json(version.to_dict())
    else:
        click.echo(f"{version.uri}: {version.size:,} bytes, {version.fingerprint[:12]}")


@data_group.command("diff")
@click.argument("before")
@click.argument("after")
@click.option("--key", multiple=True, help="A column that tells the rows apart; may be repeated.")
@json_option
@exits_with_status
def diff_command(before: str, after: str, key: tuple[str, ...], as_json: bool) -> None:
    """Say how AFTER differs from BEFORE: versions, or tables in files. Exit status 1 when they differ."""
    found = Project.look().data.diff(before, after, key)
    if as_json:
        print_json({**msgspec.to_builtins(found), "equal": found.is_empty})
    else:
        _print_difference(found)
    if not found.is_empty:
        sys.exit(NO)


@data_group.command("restore")
@click.argument("uri")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Where to write it.")
@click.option("--force", is_flag=True, help="Replace what is there.")
@exits_with_status
def restore_command(uri: str, output: Path, force: bool) -> None:
    """Write a version to a path: a file or folder as it was, a frame as .parquet, .csv or .feather."""
    data = Project.open(create=False).data
    losses = data.restore(uri, output, force=force)
    click.echo(f"{data.resolve(uri).uri} is in {output}")
    for loss in losses:
        print_text(f"  {output.suffix} does not hold all of it: {loss}", style="yellow")


def _headline(version: DatasetVersion) -> str:
    rows = "" if version.rows is None else f", {version.rows:,} rows"
    origin = " automatically" if version.automatic else ""
    when = local_time(version.created_time)
    return (
        f"{version.uri}{rows}, {version.size:,} bytes, {version.fingerprint[:12]}, kept{origin} {when} "
        f"by {version.created_by}"
    )


def _print_lineage(lineage: DataLineage) -> None:
    rows: list[list[Any]] = []
    for word, runs in (("made by run", lineage.written_by), ("read by run", lineage.read_by)):
        rows += [[word, run.run_id[:8], run.run_name, run.name] for run in runs[:SHOWN]]
    rows += [["became model", f"{model.name} v{model.version}", model.detail, ""] for model in lineage.models[:SHOWN]]
    print_table(["lineage", "what", "name", "as"], rows, empty="No run has read or made it.")


def _print_difference(found: Difference) -> None:
    from trackbook.data.differences import FileDifference, FrameDifference

    if found.is_empty:
        click.echo("They are equal.")
    elif isinstance(found, FileDifference):
        click.echo(f"The files differ: {found.size_before:,} bytes, then {found.size_after:,}.")
    elif isinstance(found, FrameDifference):
        _print_frame_difference(found)
    else:
        for word, paths in (("added", found.added), ("removed", found.removed), ("changed", found.changed)):
            for path in paths[:SHOWN]:
                print_text(f"{word}  {path}")
            if len(paths) > SHOWN:
                click.echo(f"{word}  … and {len(paths) - SHOWN:,} more")


def _print_frame_difference(found: FrameDifference) -> None:
    for word, names in (("added", found.columns_added), ("removed", found.columns_removed)):
        for name in names:
            print_text(f"column {word}: {name}")
    for column in found.columns_retyped:
        print_text(f"column retyped: {column.name}, {column.before} → {column.after}")
    for name, count in found.columns_changed.items():
        print_text(f"column changed: {name}, in {count:,} rows")
    changed = "" if found.rows_changed is None else f", {found.rows_changed:,} changed"
    click.echo(f"rows: {found.rows_before:,} → {found.rows_after:,}; {found.rows_added:,} added, "
               f"{found.rows_removed:,} removed{changed}")  # fmt: skip
    if found.reordered:
        click.echo("The same rows stand in another order.")
