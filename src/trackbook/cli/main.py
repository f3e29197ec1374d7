"""The command `trackbook` itself: its commands are imported when they are used."""

from __future__ import annotations

import click

from trackbook import __version__
from trackbook.cli.grammar import defer
from trackbook.cli.lazy import LazyGroup

COMMANDS = {
    "demo": "trackbook.cli.demo:demo_command",
    "doctor": "trackbook.cli.doctor:doctor_command",
    "runs": "trackbook.cli.runs:runs_command",
    "show": "trackbook.cli.runs:show_command",
    "compare": "trackbook.cli.runs:compare_command",
    "edit": "trackbook.cli.edits:edit_command",
    "delete": "trackbook.cli.edits:delete_command",
    "undelete": "trackbook.cli.edits:undelete_command",
    "reproduce": "trackbook.cli.reproduce:reproduce_command",
    "graph": "trackbook.cli.graph:graph_command",
    "convert": "trackbook.cli.convert:convert_command",
    "pipeline": "trackbook.cli.pipeline:pipeline_group",
    "data": "trackbook.cli.data:data_group",
    "models": "trackbook.cli.models:models_group",
    "audit": "trackbook.cli.audit:audit_group",
    "drift": "trackbook.cli.drift:drift_command",
    "push": "trackbook.cli.exchange:push_command",
    "pull": "trackbook.cli.exchange:pull_command",
    "backup": "trackbook.cli.backup:backup_command",
    "restore": "trackbook.cli.backup:restore_command",
    "gc": "trackbook.cli.gc:gc_command",
    "fsck": "trackbook.cli.fsck:fsck_command",
}


@click.group(cls=LazyGroup, places=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="trackbook %(version)s")
def main() -> None:
    """Turn a Jupyter notebook into a complete MLOps system.

    Begin with `trackbook demo`.  Commands work on the project of the working directory: the nearest folder upwards
    that holds .trackbook, trackbook.toml or .git.

    Exit status: 0 done, 1 the answer is no, 2 bad usage.
    """
    defer()
