"""A workflow of GitHub Actions with a schedule."""

from __future__ import annotations

import shlex
from pathlib import Path

from trackbook.pipeline.exports.gather import gathered
from trackbook.pipeline.exports.github import scheduled
from trackbook.pipeline.exports.text import MADE
from trackbook.pipeline.schedules.job import Job


def files(job: Job) -> tuple[Path, dict[str, str]]:
    """Return the repository's folder, and the workflow by its path there.

    Raises UsageError for a notebook, as GitHub is to run what can be reviewed, and for a script outside the project.
    """
    base, export = gathered(job.root, job.root / job.target, "github")
    words = job.words("trackbook")
    remarks = [
        f"{MADE[2:]}{job.target} by `{shlex.join(job.command)}`.",
        "",
        "GitHub reads the times in UTC, runs no more often than every five minutes, and may come late. It does so",
        "on the default branch only, and in a public repository stops after 60 days without a commit.",
    ]
    return base, {f".github/workflows/{job.name}.yml": scheduled(export, job.cron.text, words, remarks)}
