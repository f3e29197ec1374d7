"""`trackbook gc`."""

from __future__ import annotations

import re

import click

from trackbook.cli.output import exits_with_status, json_option, print_json, print_text
from trackbook.errors import UsageError
from trackbook.project import Project

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}


@click.command("gc")
@click.option("--yes", "remove", is_flag=True, help="Remove it; without, it is only said what would be.")
@click.option("--grace", help="Spare what was deleted or used within this time, as 12h, 14d or 2w (default 14d).")
@json_option
@exits_with_status
def gc_command(remove: bool, grace: str | None, as_json: bool) -> None:
    """Remove deleted runs, and objects that nothing refers to, when a time of grace is over.

    Nothing that is in use is ever removed.  The default of --grace is `grace_days` under [store] in trackbook.toml.
    """
    from trackbook.store.gc import DAY, collect

    project = Project.open(create=False)
    seconds = project.settings.store.grace_days * DAY if grace is None else _seconds(grace)
    garbage = collect(project.store, grace=seconds, remove=remove)
    if as_json:
        print_json(garbage.to_dict())
        return
    runs, objects = len(garbage.runs), len(garbage.objects)
    found = f"{runs:,} deleted run{'s' * (runs != 1)} and {objects:,} unused object{'s' * (objects != 1)}"
    done = "removed" if remove else "would be removed; --yes does it"
    print_text(f"{found}, {garbage.size:,} bytes, {done}.")
    if garbage.young:
        print_text(f"{garbage.young:,} more that nothing refers to are spared, as they were used within the grace.")


def _seconds(text: str) -> float:
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([smhdw])?", text.strip())
    if match is None or (match[2] is None and float(match[1]) != 0):
        raise UsageError(f"--grace is a time such as 12h, 14d or 2w, not {text!r:.40}")
    return float(match[1]) * _UNITS[match[2] or "s"]
