"""What the server sends about the audit trail: its events in words, and whether it is as it was written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from trackbook.registry.card.happened import told, who
from trackbook.server.pages import read_cursor, write_cursor
from trackbook.store import iso

if TYPE_CHECKING:
    from trackbook.registry import AuditEvent, AuditPage, AuditVerdict

_SUBJECT = re.compile(r"models:/([^/]+)(?:/([0-9]{1,9}))?")


def before(cursor: str | None) -> str | None:
    """Return the service's own cursor for that of a client; raises UsageError for a foreign one."""
    position = read_cursor(cursor, length=1)
    return None if position is None else str(position[0])


def page(found: AuditPage) -> dict[str, Any]:
    """Return one page of events, newest first."""
    return {
        "events": [event(each) for each in found.events],
        "next_cursor": None if found.cursor is None else write_cursor(int(found.cursor)),
    }


def event(found: AuditEvent) -> dict[str, Any]:
    """Return an event in words, with the stage that it moved its version to, and the versions that it moved out."""
    happened, subject = told(found), _SUBJECT.fullmatch(found.subject)
    stage, archived = _moved(found)
    return {
        "seq": found.seq,
        "time": iso(found.time),
        "who": who(found.actor, found.authority),
        "authenticated": bool(found.authority),
        "action": found.action,
        "model": subject[1] if subject else None,
        "version": int(subject[2]) if subject and subject[2] else None,
        "words": happened.what,
        "why": happened.why,
        "red": happened.red,
        "stage": stage,
        "archived": archived,
        "hash": found.hash,
    }


def verdict(found: AuditVerdict) -> dict[str, Any]:
    """Return whether the trail is sound, in words, and what is broken, the first broken event first."""
    plain = found.to_dict()
    fault = [] if found.fault is None else [f"Event {found.fault.seq}: {found.fault.reason}"]
    guards = [f"The guard {each} is gone, which keeps events from being changed" for each in plain.get("guards") or ()]
    signed = bool(plain.get("signed"))
    kept = "every event is as it was written, and every row follows from them"
    anchored = "the newest is the one that was signed" if signed else "the newest is the one that was noted"
    return {
        "sound": found.ok,
        "events": found.events,
        "signed": signed,
        "words": f"{kept}; {anchored}" if found.anchored or signed else kept,
        "faults": [*fault, *found.rows, *guards],
    }


def _moved(found: AuditEvent) -> tuple[str | None, list[int]]:
    try:
        content = found.content
    except ValueError:  # changed by hand: the verdict tells of it
        return None, []
    if not isinstance(content, dict):
        return None, []
    if found.action == "version_promoted":
        return content.get("stage"), list(content.get("archived") or [])
    if found.action == "rolled_back":
        return "production", [content["previous"]] if isinstance(content.get("previous"), int) else []
    return None, []
