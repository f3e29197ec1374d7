"""The triggers that keep the audit trail as it is: an event is added, and never changed, deleted or replaced."""

from __future__ import annotations

_KEPT = (
    "audit events are never {}: the trail would be broken from here on. Record what holds now as a change of its own, "
    "with `trackbook models`; `trackbook audit verify` checks the trail"
)


def _guard(name: str, when: str, done: str) -> str:
    return f"CREATE TRIGGER {name} BEFORE {when} BEGIN SELECT RAISE(ABORT, '{_KEPT.format(done)}'); END"


AUDIT_GUARDS = {
    name: _guard(name, when, done)
    for name, when, done in (
        ("audit_event_not_changed", "UPDATE ON audit_event", "changed"),
        ("audit_event_not_deleted", "DELETE ON audit_event", "deleted"),
        # INSERT OR REPLACE deletes without the trigger for it.
        (
            "audit_event_not_replaced",
            "INSERT ON audit_event WHEN EXISTS (SELECT 1 FROM audit_event WHERE seq = NEW.seq OR hash = NEW.hash)",
            "replaced",
        ),
    )
}
"""The triggers that keep the trail as it is, by name; `trackbook audit verify` looks whether they are there."""
