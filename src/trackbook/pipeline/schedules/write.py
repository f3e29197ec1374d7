"""Writes what runs a pipeline by itself, and says how to switch it on; nothing is installed."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import msgspec
from blake3 import blake3

from trackbook.errors import PipelineError, UsageError, nearest
from trackbook.pipeline.exports import files
from trackbook.pipeline.schedules import crontab, github, systemd
from trackbook.pipeline.schedules.cron import Cron, read_cron
from trackbook.pipeline.schedules.job import Job

TARGETS = ("systemd", "crontab", "github")
FLOOR = timedelta(minutes=5)
"""GitHub runs nothing more often."""
SHOWN = 3


class Ask(msgspec.Struct, frozen=True):
    """What is to run when, by what: `to` is systemd, crontab or github, `output` a folder or file of one's own.

    `params` are texts K=V, and `file` is one of parameters, as for a run.
    """

    cron: str
    target: Path
    to: str
    params: tuple[str, ...] = ()
    file: Path | None = None
    output: Path | None = None
    force: bool = False


class Schedule(msgspec.Struct, frozen=True):
    """What was written, or the `text` where it goes nowhere, the next times, and what a person should do and know."""

    files: tuple[Path, ...]
    text: str
    times: tuple[datetime, ...]
    enable: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def schedule(root: Path, ask: Ask) -> Schedule:
    """Write the files, or return the crontab's line.

    Raises UsageError for what is no schedule, for names and values that cannot be written down there, and for files
    that would be lost.
    """
    makers: dict[str, Callable[[Job, Ask], Schedule]] = dict(zip(TARGETS, (_systemd, _crontab, _github), strict=True))
    if ask.to not in makers:
        raise UsageError(f"{ask.to!r} runs no schedule{nearest(ask.to, TARGETS)}: use one of {', '.join(TARGETS)}")
    cron = read_cron(ask.cron)
    below, file = _below(root, ask.target, ask.to), _below(root, ask.file, ask.to) if ask.file else ""
    job = Job(cron, _name(ask.target.stem), root.resolve(), below, ask.params, file, _command(below, file, ask))
    return makers[ask.to](job, ask)


# -- the three


def _systemd(job: Job, ask: Ask) -> Schedule:
    folder = (ask.output or Path()).absolute()
    written = _write(folder, systemd.files(job, _program()), ask)
    units = "~/.config/systemd/user"
    enable = (
        f"mkdir -p {units} && cp {shlex.join(map(str, written))} {units}/",
        f"systemctl --user daemon-reload && systemctl --user enable --now {job.name}.timer",
        "loginctl enable-linger    # so that it also runs while you are not logged in",
    )
    return Schedule(written, "", _times(job.cron), enable)


def _crontab(job: Job, ask: Ask) -> Schedule:
    text = crontab.line(job, _program())
    if ask.output is None:
        again = shlex.join(job.command)
        return Schedule((), text, _times(job.cron), (f"(crontab -l; {again}) | crontab -",))
    path = ask.output.absolute()
    written = _write(path.parent, {path.name: text}, ask)
    return Schedule(written, "", _times(job.cron), (f"(crontab -l; cat {shlex.quote(str(path))}) | crontab -",))


def _github(job: Job, ask: Ask) -> Schedule:
    base, made = github.files(job)
    if ask.output is not None:
        base, made = ask.output.absolute().parent, {ask.output.name: next(iter(made.values()))}
    written = _write(base, made, ask)
    remarks = ["GitHub reads the times in UTC; those below are local"]
    if job.cron.shortest_gap(datetime.now()) < FLOOR:
        remarks.append("GitHub runs nothing more often than every 5 minutes: some of these times will be left out")
    times = tuple(time.astimezone() for time in islice(job.cron.times(datetime.now(UTC)), SHOWN))
    enable = (f"git add {shlex.join(map(str, written))}, commit it, and push it to the default branch",)
    return Schedule(written, "", times, enable, tuple(remarks))


# -- what they share


def _times(cron: Cron) -> tuple[datetime, ...]:
    # Without a zone while they are looked for: each gets the offset that the local zone has then.
    now = datetime.now()
    return tuple(time.astimezone() for time in islice(cron.times(now), SHOWN))


def _write(folder: Path, made: dict[str, str], ask: Ask) -> tuple[Path, ...]:
    return tuple(files.write(folder, {name: files.sealed(text) for name, text in made.items()}, force=ask.force))


def _below(root: Path, path: Path, to: str) -> str:
    """Return the path of a file of the project, which has to be there, from the project's folder on."""
    full, home = path.resolve(), root.resolve()
    if not full.is_file():
        raise PipelineError(f"there is no file {path}; a schedule needs what it is to run")
    if not full.is_relative_to(home):
        raise UsageError(f"{path} lies outside the project {root}; put it there, or schedule it in its own project")
    return full.relative_to(home).as_posix()


def _command(target: str, file: str, ask: Ask) -> tuple[str, ...]:
    words = ["trackbook", "pipeline", "schedule", ask.cron, target, "--to", ask.to]
    words += ["--params", file] if file else []
    for param in ask.params:
        words += ["-p", param]
    return tuple(words)


def _name(stem: str) -> str:
    """Return what units and files are called: ASCII letters, digits and dashes, another for each script."""
    clean = re.sub(r"[^A-Za-z0-9]+", "-", stem).strip("-")
    if clean == stem.replace("_", "-"):
        return f"trackbook-{clean}"
    return "-".join(filter(None, ["trackbook", clean, blake3(stem.encode()).hexdigest(length=3)]))


def _program() -> str:
    """Return the path of the command `trackbook`: schedulers do not know where an environment has it."""
    beside = Path(sys.executable).with_name("trackbook")
    found = str(beside) if beside.exists() else shutil.which("trackbook")
    if not found:
        raise UsageError("this Python has no command `trackbook` beside it; install it there: pip install trackbook")
    return found


def checked_params(params: Sequence[str]) -> dict[str, list[str]]:
    """Return K=V texts as what a grid is read from; raises UsageError for one of another form."""
    found: dict[str, list[str]] = {}
    for param in params:
        key, sign, value = param.partition("=")
        if not sign or not key:
            raise UsageError(f"{param!r} is not of the form K=V; write -p depth=3")
        found.setdefault(key, []).append(value)
    return found
