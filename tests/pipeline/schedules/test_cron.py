"""What cron's five fields mean."""

import itertools
import os
import re
import shutil
import subprocess
from datetime import datetime, timedelta

import pytest

pytest.importorskip("cronsim", reason="reads the times of schedules")

from trackbook.errors import UsageError
from trackbook.pipeline.schedules.cron import read_cron
from trackbook.pipeline.schedules.systemd import calendar

BASE = datetime(2026, 1, 1)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("@daily", "0 0 * * *"),
        (" @Weekly ", "0 0 * * 0"),
        ("30  6 * * mon-fri", "30 6 * * MON-FRI"),
        ("5/20 * * * *", "5-59/20 * * * *"),
        ("0 0 * * 5-7", "0 0 * * 0,5,6"),
        ("0 0 * * 7", "0 0 * * 0"),
        ("0 0 1-7 * */7", "0 0 1-7 * */7"),
    ],
)
def test_a_schedule_is_written_as_every_cron_reads_it(text: str, plain: str) -> None:
    """Words become fields, Sunday is 0, and steps have an end."""
    assert read_cron(text).text == plain


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("* * * *", "has 4 fields"),
        ("* * * * * *", "has 6 fields"),
        ("", "has 0 fields"),
        ("61 * * * *", "the minute '61'"),
        ("* 24 * * *", "the hour '24'"),
        ("* * 0 * *", "the day of the month '0'"),
        ("* * * FOO *", "the month 'FOO'"),
        ("* * * * MOO", "the day of the week 'MOO'"),
        ("* * L * *", "the day of the month 'L'"),
        ("* * * * 1#2", "the day of the week '1#2'"),
        ("*/0 * * * *", r"the minute '\*/0'"),
        ("0 0 31 2 *", "never comes"),
        ("@dayly", "did you mean '@daily'"),
        ("@reboot", "is no time"),
        ("\N{ARABIC-INDIC DIGIT ONE} * * * *", "the minute"),
    ],
)
def test_what_is_no_schedule_names_the_field(text: str, said: str) -> None:
    """The wrong field is named, with what it may hold."""
    with pytest.raises(UsageError, match=said):
        read_cron(text)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed here")
@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("*/15 * * * *", ["*-*-* *:00,15,30,45:00"]),
        ("30 6 * * MON-FRI", ["Mon,Tue,Wed,Thu,Fri *-*-* 06:30:00"]),
        ("0 0 1 * MON", ["*-*-01 00:00:00", "Mon *-*-* 00:00:00"]),
        ("0 0 1-31 * MON", ["*-*-* 00:00:00"]),
        ("0 0 1 * 0-7", ["*-*-* 00:00:00"]),
        ("0 0 */10 * SUN", ["Sun *-*-01,11,21,31 00:00:00"]),
        ("1,2,3,10 1-5/2 * JAN,MAR *", ["*-01,03-* 01,03,05:01..03,10:00"]),
        ("0 0 29 2 *", ["*-02-29 00:00:00"]),
    ],
)
def test_systemd_comes_when_cron_does(text: str, values: list[str]) -> None:
    """systemd itself gives the same next ten times; where one of two days will do, two lines together do."""
    cron = read_cron(text)
    assert calendar(cron) == values
    command = ["systemd-analyze", "calendar", "--iterations=10", f"--base-time={BASE}"]
    done = subprocess.run(
        [*command, *values], capture_output=True, text=True, check=True, env={**os.environ, "TZ": "UTC"}
    )
    found = {datetime.fromisoformat(time) for time in re.findall(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC", done.stdout)}
    assert sorted(found)[:10] == list(itertools.islice(cron.times(BASE), 10))


def test_the_shortest_gap_is_between_two_of_its_times() -> None:
    """Also across the hour."""
    assert read_cron("0,58 * * * *").shortest_gap(BASE) == timedelta(minutes=2)
    assert read_cron("*/5 * * * *").shortest_gap(BASE) == timedelta(minutes=5)
