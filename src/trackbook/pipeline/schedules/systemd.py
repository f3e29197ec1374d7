"""A systemd timer and the service that it starts."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from trackbook.errors import UsageError
from trackbook.pipeline.exports.text import one_line
from trackbook.pipeline.schedules.cron import Cron
from trackbook.pipeline.schedules.job import Job

_WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "%": "%%"}


def files(job: Job, program: str) -> dict[str, str]:
    """Return the two units by their names; raises UsageError for a folder whose name no unit can hold."""
    return {f"{job.name}.service": _service(job, program), f"{job.name}.timer": _timer(job)}


def calendar(cron: Cron) -> list[str]:
    """Return the values of OnCalendar that stand for a schedule.

    One such value wants the day of the month and that of the week; cron's "either" takes two.
    """
    day = _listed(cron.days, range(1, 32))
    weekday = _weekdays(cron.weekdays)
    clock = f"{_listed(cron.hours, range(24))}:{_listed(cron.minutes, range(60))}:00"
    month = _listed(cron.months, range(1, 13))
    if not cron.either_day:
        return [f"{weekday}*-{month}-{day} {clock}"]
    if day == "*" or not weekday:
        return [f"*-{month}-* {clock}"]
    return [f"*-{month}-{day} {clock}", f"{weekday}*-{month}-* {clock}"]


def quoted(word: str) -> str:
    """Return one word of a command line, of which systemd expands nothing."""
    return '"' + "".join(_escaped(letter) for letter in word) + '"'


def _service(job: Job, program: str) -> str:
    # The colon keeps systemd from putting variables in the place of `$NAME`.
    first, *rest = job.words(program)
    command = " ".join([quoted(f":{first}"), *map(quoted, rest)])
    return (
        f"[Unit]\nDescription={_described(job)}\n\n"
        f"[Service]\nType=oneshot\nWorkingDirectory={_folder(str(job.root))}\nExecStart={command}\n"
    )


def _timer(job: Job) -> str:
    lines = "".join(f"OnCalendar={value}\n" for value in calendar(job.cron))
    return (
        f"[Unit]\nDescription=When to start {job.name}: {job.cron.text}\n\n"
        f"[Timer]\n{lines}# A time that passed while the machine was off is made up for.\nPersistent=true\n\n"
        "[Install]\nWantedBy=timers.target\n"
    )


def _described(job: Job) -> str:
    return f"Pipeline {one_line(job.target)}".replace("%", "%%").rstrip("\\")


def _folder(path: str) -> str:
    if not path.isprintable() or path.endswith("\\"):
        raise UsageError(f"systemd cannot work in the folder {path!r}; move the project to one with a plain name")
    return path.replace("%", "%%")


def _escaped(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if letter.isprintable():
        return letter
    if letter == "\0":
        raise UsageError("no command line can hold the character NUL; leave it out")
    return "".join(f"\\x{byte:02x}" for byte in letter.encode())


def _weekdays(days: Collection[int]) -> str:
    if len(days) == len(_WEEKDAYS):
        return ""
    in_order = sorted(days, key=lambda day: (day - 1) % 7)
    return ",".join(_WEEKDAYS[day] for day in in_order) + " "


def _listed(numbers: Collection[int], every: range) -> str:
    """Return numbers as systemd lists them, runs of three and more as ranges."""
    if len(numbers) == len(every):
        return "*"
    return ",".join(_runs(sorted(numbers)))


def _runs(numbers: list[int]) -> Iterator[str]:
    start = 0
    for at in range(1, len(numbers) + 1):
        if at == len(numbers) or numbers[at] != numbers[at - 1] + 1:
            run = numbers[start:at]
            yield from [f"{run[0]:02}..{run[-1]:02}"] if len(run) > 2 else [f"{number:02}" for number in run]
            start = at
