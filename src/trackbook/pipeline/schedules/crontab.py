"""A line of a crontab."""

from __future__ import annotations

import shlex

from trackbook.errors import UsageError
from trackbook.pipeline.exports.text import one_line
from trackbook.pipeline.schedules.job import Job

LONGEST = 990
"""Characters of a command that every cron takes."""


def line(job: Job, program: str) -> str:
    """Return the line, under a comment; raises UsageError for what a crontab cannot hold.

    cron ends the command at a `%`, also within quotes, unless a backslash stands before it; what becomes of other
    backslashes is not the same in every cron.
    """
    command = f"cd {shlex.quote(str(job.root))} && {shlex.join(job.words(program))}"
    wrong = next((letter for letter in command if letter == "\\" or not letter.isprintable()), None)
    if wrong is not None:
        raise UsageError(
            f"a crontab cannot hold {wrong!r} for sure; write the params to a file, and give it with --params FILE"
        )
    escaped = command.replace("%", "\\%")
    if len(escaped) > LONGEST:
        raise UsageError("the command is too long for a crontab; write the params to a file for --params FILE")
    return f"# {job.name}: {one_line(job.target)}\n{job.cron.text} {escaped}\n"
