"""Times as cron writes them: five fields, or a word such as @daily."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from cronsim import CronSim, CronSimError

from trackbook.errors import UsageError, nearest

WORDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_FIELDS = (
    ("minute", "0-59", 59),
    ("hour", "0-23", 23),
    ("day of the month", "1-31", 31),
    ("month", "1-12 or JAN-DEC", 12),
    ("day of the week", "0-7 or SUN-SAT", 6),
)
_OPEN_STEP = re.compile(r"(\w+)/(\d+)")
_FORM = "five fields, minute hour day-of-month month day-of-week, as in '30 6 * * MON-FRI', or a word as @daily"
_DAY = 4


@dataclass(frozen=True)
class Cron:
    """A schedule: its five fields as every cron reads them, and the numbers that each lets through.

    Sunday is 0.  With `either_day`, a day of the month or one of the week will do, as cron has it where both are
    given; else a day has to be both.
    """

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    def times(self, after: datetime) -> Iterator[datetime]:
        """Yield the times after `after`, in its zone, or without a zone where it has none."""
        return iter(CronSim(self.text, after))

    def shortest_gap(self, after: datetime) -> timedelta:
        """Return the shortest time between two of the next 200 times."""
        times = list(itertools.islice(self.times(after.replace(tzinfo=None)), 200))
        return min((later - earlier for earlier, later in itertools.pairwise(times)), default=timedelta.max)


def read_cron(text: str) -> Cron:
    """Return the schedule that `text` is; raises UsageError that names the wrong field."""
    fields = [_plain(field, place) for place, field in enumerate(_fields_of(text))]
    plain = " ".join(fields)
    try:
        read = CronSim(plain, datetime(2024, 1, 1))
        next(read)
    except (CronSimError, StopIteration):
        raise UsageError(f"{text!r} never comes: no such month has that day") from None
    weekdays = frozenset(_number(day) % 7 for day in read.weekdays)
    numbers = (frozenset(read.minutes), frozenset(read.hours), frozenset(read.days), frozenset(read.months))
    return Cron(plain, *numbers, weekdays, either_day=not read.day_and)


def _fields_of(text: str) -> list[str]:
    word = text.strip().lower()
    if word == "@reboot":
        raise UsageError("@reboot is no time; enable a systemd service for that, or name times: @daily, '0 6 * * *'")
    if word.startswith("@") and word not in WORDS:
        raise UsageError(f"{text!r} is no schedule{nearest(word, WORDS)}: write {_FORM}")
    fields = WORDS.get(word, text).upper().split()
    if len(fields) != len(_FIELDS):
        raise UsageError(f"{text!r} has {len(fields)} fields: write {_FORM}")
    return fields


def _plain(field: str, place: int) -> str:
    """Return a field as all that read cron's lines understand it, checked by itself."""
    highest = _FIELDS[place][2]
    _check(field, place)
    parts = [_closed(part, highest) for part in field.split(",")]
    plain = ",".join(parts)
    if place == _DAY and "7" in re.findall(r"\d+", re.sub(r"/\d+", "", plain)):
        days = sorted({_number(day) % 7 for day in _alone(plain, place).weekdays})
        return ",".join(map(str, days))  # Sunday as 0: not everywhere 7 is known
    return plain


def _check(field: str, place: int) -> None:
    name, known, _ = _FIELDS[place]
    try:
        if re.search(r"[L#W?]", re.sub(r"[A-Z]{2,}", "", field)):
            raise CronSimError("only some schedulers know that")
        _alone(field, place)
    except CronSimError:
        raise UsageError(
            f"the {name} {field!r} is none: it has numbers ({known}), ranges 1-5, lists 1,3 and steps */2"
        ) from None


def _alone(field: str, place: int) -> CronSim:
    fields = ["*"] * len(_FIELDS)
    fields[place] = field
    return CronSim(" ".join(fields), datetime(2024, 1, 1))


def _closed(part: str, highest: int) -> str:
    """Return `5/15` as `5-59/15`: without an end, it is not everywhere a range."""
    found = _OPEN_STEP.fullmatch(part)
    return f"{found[1]}-{highest}/{found[2]}" if found else part


def _number(day: object) -> int:
    assert isinstance(day, int)
    return day
