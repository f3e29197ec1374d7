"""Which audit events are meant: the grammar of searches over the fields of an event, and short forms of it.

``iris`` means ``model = 'iris'``, and ``actor=ann action=version_promoted`` what its quoted form with AND does.
"""

from __future__ import annotations

import re

from trackbook.errors import UsageError, nearest
from trackbook.tracking.search.parse import EVENTS, parse_filter
from trackbook.tracking.search.sql import ALWAYS, NEVER, Sql, compared, joined, member
from trackbook.tracking.search.tree import (
    EVENT_ATTRIBUTES,
    Absence,
    Comparison,
    Conjunction,
    Disjunction,
    Negation,
    Node,
)

_MODEL = """
    CASE WHEN subject GLOB 'models:/*'
    THEN substr(subject, 9, CASE instr(substr(subject, 9), '/') WHEN 0 THEN length(subject)
                            ELSE instr(substr(subject, 9), '/') - 1 END) END
"""
_COLUMNS = {name: name for name in EVENT_ATTRIBUTES} | {"model": _MODEL}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PAIR = re.compile(r"(?P<key>[a-z]+)=(?P<value>[^\s'\"=<>!()]+)")


def event_condition(text: str | None, now: int | None = None) -> Sql:
    """Return the condition that a filter puts on a row of `audit_event`; raises UsageError that points at the token."""
    return _sql(parse_filter(_written_out(text), now=now, vocabulary=EVENTS).tree)


def between(text: str | None, since: str | None, until: str | None) -> str | None:
    """Return a filter that also asks for events from the time `since` on, and up to `until`."""
    times = [(operator, time) for operator, time in ((">=", since), ("<=", until)) if time is not None]
    asked = [f"time {operator} '{time.replace(chr(39), chr(39) * 2)}'" for operator, time in times]
    given = _written_out(text)
    return " AND ".join([*([f"({given})"] if given and given.strip() else []), *asked]) if asked else given


def _written_out(text: str | None) -> str | None:
    words = text.split() if isinstance(text, str) else []
    if not words or not all(_NAME.fullmatch(word) or _PAIR.fullmatch(word) for word in words):
        return text
    if any(_NAME.fullmatch(word) for word in words[1:]):
        return text  # a sentence, which the grammar will refuse at the right place
    return " AND ".join(map(_word, words))


def _word(word: str) -> str:
    pair = _PAIR.fullmatch(word)
    if pair is None:
        return f"model = '{word}'"
    key, value = pair["key"], pair["value"]
    if key not in EVENT_ATTRIBUTES:
        known = ", ".join(EVENT_ATTRIBUTES)
        raise UsageError(f"{key!r} is no field of an audit event{nearest(key, EVENT_ATTRIBUTES)}; there is {known}")
    if key == "seq":
        return f"seq = {value}"
    return f"{key} LIKE '{value.replace('*', '%')}'" if "*" in value else f"{key} = '{value}'"


def _sql(node: Node) -> Sql:
    match node:
        case Conjunction(parts=parts):
            return joined(" AND ", map(_sql, parts)) if parts else ALWAYS
        case Disjunction(parts=parts):
            return joined(" OR ", map(_sql, parts)) if parts else NEVER
        case Negation(part=part):
            inner = _sql(part)
            return Sql(f"({inner.text}) IS NOT 1", inner.values)
        case Absence(key=key, negated=negated):
            return Sql(f"nullif({_COLUMNS[key.name]}, '') IS {'NOT ' if negated else ''}NULL")
        case Comparison(key=key, operator=operator, value=value):
            return Sql(_COLUMNS[key.name]) + compared(operator, value)
        case _:
            return Sql(_COLUMNS[node.key.name]) + member(node.values, node.negated)
