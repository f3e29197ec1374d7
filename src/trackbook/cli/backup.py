"""`trackbook backup` and `trackbook restore`."""

from __future__ import annotations

from pathlib import Path

import click

from trackbook.cli.output import exits_with_status, json_option, print_json, print_text
from trackbook.project import Project, find_root, store_folder
from trackbook.tracking.words import local_time

_FOLDER = click.Path(path_type=Path)


@click.command("backup")
@click.argument("folder", type=_FOLDER)
@click.option("--verify", "only_verify", is_flag=True, help="Test the backup that is there; copy nothing.")
@click.option("--with-key", is_flag=True, help="Keep the private key that signs the audit trail, too.")
@json_option
@exits_with_status
def backup_command(folder: Path, only_verify: bool, with_key: bool, as_json: bool) -> None:
    """Copy the store to FOLDER while others write it, and prove that it can be restored from there.

    A second backup to the same folder copies what is new.  Exit status 1 when it could not be restored whole.  Who has
    a backup --with-key can sign in the project's name; who restores one without, where the key is lost, makes another
    with `trackbook audit key --replace`.
    """
    from trackbook.store.backup import back_up, verify

    made = verify(folder) if only_verify else back_up(Project.open(create=False).store, folder, with_key=with_key)
    if as_json:
        print_json(made.to_dict())
        return
    rows = made.rows
    what = (_count(rows["run"], "run"), _count(rows["dataset_version"], "dataset version"))
    more = (_count(rows["model_version"], "model version"), _count(made.objects, "object"))
    tested = local_time(made.verified_time)
    print_text(f"{folder}: {', '.join((*what, *more))} ({made.size:,} bytes); restored as a test at {tested}.")


@click.command("restore")
@click.argument("folder", type=_FOLDER)
@exits_with_status
def restore_command(folder: Path) -> None:
    """Make the project's store again from the backup in FOLDER.

    The store that is there is set aside, not deleted.  Exit status 1, and nothing changed, for a broken backup.
    """
    from trackbook.store.backup import restore

    root = store_folder(find_root(Path.cwd()))
    aside = restore(folder, root)
    print_text(f"{root} is restored from {folder}.")
    if aside is not None:
        print_text(f"What was there before lies in {aside}; delete it when you have no more use for it.")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
