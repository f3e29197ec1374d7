"""What was seen while an execution ran, joined with what its text says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from trackbook.cells import catalogue
from trackbook.cells.session import Session
from trackbook.cells.values import Binding, Change, closure

if TYPE_CHECKING:
    from trackbook.cells.history import Outcome

_FIRST = 1
"""The line given to what no line of the text tells."""


def merge(session: Session, outcome: Outcome) -> None:
    """Correct the analysis of the execution that just ended."""
    if outcome.bound is not None:
        _bound(session, outcome.bound, outcome.deleted or frozenset())
    _deleted(session, outcome.deleted or frozenset())
    _changed(session, outcome.changed or frozenset())
    session.touch_files(
        outcome.files_read or frozenset(), outcome.files_written or frozenset(), outcome.files_replaced or frozenset()
    )
    _state(session, outcome.state)
    session.forget_settings(outcome.state_kept)
    for path in outcome.state_fresh & session.library.keys():
        session.freshen(path, changed=path in (outcome.state or ()))


def _bound(session: Session, bound: frozenset[str], deleted: frozenset[str]) -> None:
    foreseen = session.notes.writes.copy()
    for name in sorted(bound):
        if name not in foreseen:
            session.may_bind(name, _FIRST)
        held = session.names.get(name)
        things = held.things if held is not None else session.new()
        line = session.notes.writes.get(name, _FIRST)
        session.names[name] = Binding(things, (Change(session.cell, line, True),))
    for name in foreseen.keys() | session.notes.deletes.keys():
        if name not in bound and name not in deleted and not name.startswith("_"):
            _unless_sure(session, name)


def _unless_sure(session: Session, name: str) -> None:
    """A name that may have been bound or deleted, and holds the very same object: it was not, or it does not matter."""
    binding, before = session.names.get(name), session.before.get(name)
    if binding is None or (binding.bound and all(writer.cell == session.cell for writer in binding.writers)):
        return
    if before is None:
        del session.names[name]
    else:
        session.names[name] = before


def _deleted(session: Session, deleted: Iterable[str]) -> None:
    for name in sorted(deleted):
        session.unbind(name, session.notes.deletes.get(name, _FIRST))


def _changed(session: Session, changed: Iterable[str]) -> None:
    for name in sorted(changed):
        held = session.read_global(name, _FIRST)
        inside = closure(held)
        if session.notes.changed.isdisjoint(inside):
            session.change([thing for thing in inside if thing.kind != "library"], _FIRST, certain=False)
        elif len(held) == 1:
            session.make_certain(held)


def _state(session: Session, state: frozenset[str] | None) -> None:
    if state is None:
        if session.undecided:
            session.change_state(catalogue.RNG_NUMPY, _FIRST)
        return
    for path in sorted(state):
        if session.known(path) not in session.notes.changed:
            session.change_state(path, _FIRST)
            if path not in catalogue.DRAWN and not path.startswith("state:"):
                session.surround(path, _FIRST)
