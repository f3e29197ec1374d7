"""Points and stretches of time as people write them in a filter.

A text stands for the whole stretch that it names: a day, or one minute, second or millisecond of it, in the reader's
own time zone unless the text gives another.  `=` means within it, `<` before it, `>` after it.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from trackbook.errors import UsageError, nearest

_DAY = timedelta(days=1)
_UNITS = {
    "second": timedelta(seconds=1), "minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": _DAY,
    "week": timedelta(weeks=1),
}  # fmt: skip
_AGO = re.compile(r"(?P<count>\d{1,6}) +(?P<unit>[a-z]+?)s? +ago")
_PRECISION = (
    (re.compile(r"\d{4}-\d\d-\d\d"), _DAY),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?:Z|[+-]\d\d:?\d\d)?"), timedelta(minutes=1)),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:Z|[+-]\d\d:?\d\d)?"), timedelta(seconds=1)),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\.\d{1,6}(?:Z|[+-]\d\d:?\d\d)?"), timedelta(milliseconds=1)),
)
_EXAMPLES = "'2026-11-01', '2026-11-01T10:00', 'today', 'yesterday' or '7 days ago'"


def read_time(text: str, now: int) -> tuple[int, int]:
    """Return the milliseconds at which the time that `text` names begins and ends, the end not included.

    `today`, `yesterday` and `7 days ago` count from `now`, in milliseconds since the epoch; what is `ago` is a single
    millisecond.  Raises UsageError for a text that names no time.
    """
    text, word = text.strip(), text.strip().lower()
    if word in ("today", "yesterday"):
        midnight = datetime.fromtimestamp(now / 1000).replace(hour=0, minute=0, second=0, microsecond=0)
        return _stretch(midnight - (_DAY if word == "yesterday" else timedelta(0)), _DAY)
    ago = _AGO.fullmatch(word)
    if ago is not None:
        start = now - _milliseconds_ago(ago)
        return start, start + 1
    for pattern, precision in _PRECISION:
        if pattern.fullmatch(text):
            return _read(text, precision)
    raise UsageError(f"{text!r:.40} is no time{nearest(word, ('today', 'yesterday'))}; write {_EXAMPLES}")


def _milliseconds_ago(ago: re.Match[str]) -> int:
    unit = _UNITS.get(ago["unit"])
    if unit is None:
        raise UsageError(f"{ago['unit']!r} is no unit of time{nearest(ago['unit'], _UNITS)}; use {', '.join(_UNITS)}")
    return int(ago["count"]) * (unit // timedelta(milliseconds=1))


def _read(text: str, precision: timedelta) -> tuple[int, int]:
    try:
        return _stretch(datetime.fromisoformat(text), precision)
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(f"{text!r} is no time ({error}); write {_EXAMPLES}") from error


def _stretch(start: datetime, length: timedelta) -> tuple[int, int]:
    # Without a zone both ends are the clock's on the wall, so that a day has 23 hours where that jumps ahead.
    return round(start.timestamp() * 1000), round((start + length).timestamp() * 1000)
