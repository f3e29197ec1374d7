"""What a schedule runs, and the texts that it becomes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trackbook.pipeline.exports.text import argument
from trackbook.pipeline.schedules.cron import Cron


@dataclass(frozen=True)
class Job:
    """A pipeline that runs by itself: `root` is the project's folder, `target` and `file` are paths below it.

    `name` is what files and units are called; `params` are texts as `-p` takes them, `file` is one of parameters.
    `command` made the schedule.
    """

    cron: Cron
    name: str
    root: Path
    target: str
    params: tuple[str, ...] = ()
    file: str = ""
    command: tuple[str, ...] = ()

    def words(self, program: str) -> list[str]:
        """Return the command, as words for no shell."""
        words = [program, "pipeline", "run", argument(self.target)]
        words += ["--params", argument(self.file)] if self.file else []
        for param in self.params:
            words += ["-p", param] if not param.startswith("-") else [f"--param={param}"]
        return words
