"""`trackbook models dossier`."""

from __future__ import annotations

from pathlib import Path

import click

from trackbook.cli.output import exits_with_status, stderr_console
from trackbook.errors import UsageError
from trackbook.project import Project


@click.command("dossier")
@click.argument("name")
@click.argument("version", type=int)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Default: NAME-VERSION.html.")
@click.option("--json", "as_json", is_flag=True, help="Print signed JSON, or write it to the file.")
@exits_with_status
def dossier_command(name: str, version: int, output: Path | None, as_json: bool) -> None:
    """Write all that an auditor asks of a model version into one signed file.

    Data, program, environment, metrics, gates with their evidence, approvals, card, and the audit events with their
    hashes up to the signed head of the trail; HTML is one page that needs no network and prints.  `trackbook audit
    verify --dossier FILE` says whether it is genuine and unchanged.
    """
    as_json = as_json or (output is not None and output.suffix.lower() == ".json")
    text = Project.open(create=False).registry.dossier(name, version, "json" if as_json else "html")
    if as_json and output is None:
        click.echo(text, nl=False)
        return
    path = output or Path(f"{name}-{version}.html")
    try:
        path.write_bytes(text.encode())
    except OSError as error:
        raise UsageError(
            f"the dossier cannot be written to {path} ({error.strerror}); name a file in a folder that exists"
        ) from error
    stderr_console().print(f"wrote {path}", markup=False)
