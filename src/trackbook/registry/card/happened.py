"""The events of a version's audit trail in a few words each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from trackbook.registry.audit.chain import AuditEvent
from trackbook.registry.card.values import Happened

Content = Mapping[str, Any]

QUIET = ("policy_noted",)
"""Events that say nothing of the version itself."""


def happened(events: Iterable[AuditEvent]) -> tuple[Happened, ...]:
    """Return the events, oldest first, as a card tells them; one that was changed by hand keeps its bare name."""
    return tuple(told(event) for event in events if event.action not in QUIET)


def who(name: str, authority: str) -> str:
    """Return a name with who vouched for it, in so many words."""
    return f"{name} ({authority})" if authority else f"{name} (not authenticated)"


def told(event: AuditEvent) -> Happened:
    """Return an event in words; of one that was changed by hand only its bare name."""
    try:
        content = event.content
    except ValueError:
        content = {}
    content = content if isinstance(content, dict) else {}
    words = _WORDS.get(event.action)
    what = event.action.replace("_", " ") if words is None else words(content)
    red = event.action in _RED or bool(content.get("override"))
    return Happened(event.time, who(event.actor, event.authority), what, _why(content), red)


def _why(content: Content) -> str:
    said = content.get("reason") or content.get("comment") or content.get("lacks") or content.get("override") or ""
    if isinstance(said, list):
        return "; ".join(str(each) for each in said)
    return said if isinstance(said, str) else ""


def _promoted(content: Content) -> str:
    return f"promoted to {content.get('stage')}{' by an override' if content.get('override') else ''}"


def _judged(content: Content) -> str:
    results = [bool(gate.get("passed")) for gate in content.get("gates") or () if isinstance(gate, dict)]
    passed = sum(results)
    return f"gates of {content.get('stage')} judged: {passed} passed, {len(results) - passed} failed"


def _approved(content: Content) -> str:
    return f"{'approved' if content.get('approved') else 'rejected'} for {content.get('stage')}"


def _deprecated(content: Content) -> str:
    return "no longer deprecated" if content.get("reason") is None else "deprecated"


_WORDS: Mapping[str, Callable[[Content], str]] = {
    "version_registered": lambda _: "registered",
    "version_edited": lambda _: "edited",
    "version_promoted": _promoted,
    "promotion_refused": lambda content: f"not promoted to {content.get('stage')}",
    "gates_judged": _judged,
    "approval_given": _approved,
    "alias_set": lambda content: f"named @{content.get('alias')}",
    "alias_deleted": lambda content: f"no longer named @{content.get('alias')}",
    "version_deprecated": _deprecated,
    "version_deleted": lambda _: "deleted",
    "rolled_back": lambda content: f"back in production in place of version {content.get('previous')}",
}
_RED = ("promotion_refused",)
