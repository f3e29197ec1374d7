"""Which audit events a filter means, against a plain search in Python."""

import fnmatch

import pytest

from trackbook.errors import UsageError
from trackbook.registry.audit.filter import between


def model_of(event):
    return event.subject.split("/")[1] if event.subject.startswith("models:/") else None


CASES = {
    None: lambda event: True,
    "m": lambda event: model_of(event) == "m",
    "actor=ada action=alias_*": lambda event: event.action.startswith("alias_"),
    "m action=model_created": lambda event: model_of(event) == "m" and event.action == "model_created",
    "model IN ('m', 'other') OR subject = 'audit:/key'": lambda event: True,
    "model IS NULL": lambda event: model_of(event) is None,
    "NOT model = 'm'": lambda event: model_of(event) != "m",
    "seq >= 3 AND seq < 6": lambda event: 3 <= event.seq < 6,
    "subject=models:/m/*": lambda event: fnmatch.fnmatchcase(event.subject, "models:/m/*"),
    "authority IS NULL": lambda event: True,
    "actor = 'eve'": lambda event: False,
    "time < '1 day ago'": lambda event: False,
}


@pytest.mark.parametrize("text", CASES, ids=str)
def test_a_filter_picks_the_events_that_it_names(history, text):
    """Also page by page, every event is in exactly one page, and the last page has no cursor."""
    every = history.audit_events(100).events
    wanted = [event for event in every if CASES[text](event)]
    found, cursor = [], None
    for _ in range(20):
        page = history.audit_events(2, cursor, text)
        found += page.events
        cursor = page.cursor
        if cursor is None:
            break
    assert found == wanted


@pytest.mark.parametrize(
    "text", ["x'; DROP TABLE audit_event; --", "metrics.r2 > 1", "a b", "seq=x", "time=never", "(", 5]
)
def test_what_is_no_filter_is_refused(history, text):
    """Nothing of it reaches the database."""
    with pytest.raises(UsageError):
        history.audit_events(10, None, text)


def test_times_are_added_to_what_was_asked():
    """An OR in the filter stays within its own parentheses."""
    assert between("a OR b", "today", None) == "(a OR b) AND time >= 'today'"
    assert between(None, None, "it's") == "time <= 'it''s'"
    assert between("m", None, None) == "model = 'm'"
