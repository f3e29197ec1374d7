"""Parts of things apart: the keys of a dict, the columns of a frame, the attributes of an object.

A part is a thing of its own that knows which cells changed it, so that who reads one key does not depend on who wrote
another.  That holds only for names that hold the whole object: what lies somewhere inside (a view, a row, an element)
is another thing, `within` the first, of which a change may be a change of any part.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from trackbook.cells.catalogue import FRAME_NAMES, MAPPINGS
from trackbook.cells.memory import VALUE, Memory
from trackbook.cells.values import CONTAINERS, EXHAUSTIBLE, IMMUTABLE, NOTHING, Thing, Things

SHAPE = ("shape",)
"""The part that stands for which parts there are, and for their order."""

_LARGE = 50
_KEPT_KINDS = frozenset({"axes", "estimator", "rng", "column", "mask", "frame"})
_UNDIVIDED = frozenset({IMMUTABLE, "library", "builtin", "namespace", "function", "method", "class"}) | EXHAUSTIBLE
_REPLACED = frozenset({"dict", "list", "frame", "record", "instance", "class"})
_PLAIN = _REPLACED - {"frame"}
"""Kinds of which a part is a place that holds values, and not a value itself."""


class Parts(Memory):
    """Reads and writes parts of things."""

    def part(self, owner: Thing, key: object) -> Thing:
        """Return the thing for a part."""
        found = owner.parts.get(key)
        if found is None:
            found = self._new_part(owner)
            self.journal.put(owner.parts, key, found)
        return found

    def _new_part(self, owner: Thing) -> Thing:
        kind = "part" if owner.kind in _PLAIN else {"frame": "column"}.get(owner.kind, "unknown")
        return Thing(self.cell, kind, owner=owner)

    def pick(self, thing: Thing, key: object, line: int) -> Things:
        """Read one part of a thing, and return what it may hold."""
        name = self.partly.get(thing)
        part = self.part(thing, key)
        found: set[Thing] = set()
        if thing.kind != "library":
            found = part.contents | thing.contents
            found |= VALUE if thing.changes else NOTHING
        if thing.kind not in {*_PLAIN, "library"}:
            found.add(part)
        if name is not None:
            self.look_into((thing, part), name, line)
            for item in found - VALUE:
                self.partly.setdefault(item, name)
        return frozenset(found) or VALUE

    def put(self, owner: Thing, key: object, things: Things, line: int, *, alone: bool) -> None:
        """Store `things` as a part of `owner`; `alone` tells that it is stored nowhere else."""
        known = owner.parts.get(key)
        present = known is not None and known.present
        replaced = alone and self.surely and owner.single and owner.kind in _REPLACED and not self.dry
        if replaced:
            self.journal.put(owner.parts, key, self._new_part(owner))
        part = self.part(owner, key)
        if not present and owner.kind not in {"instance", "record", "class", "list", "library"}:
            self.change((self.part(owner, SHAPE),), line, certain=alone)
        part.present = present or replaced
        self.journal.add(part.contents, things)
        self.change((part,), line, certain=alone)

    def fill(self, owner: Thing, pairs: Iterable[tuple[object, Things]], size: int) -> None:
        """Give a new thing its parts; of a large one they are not told apart."""
        for key, things in pairs:
            if key is None or size > _LARGE:
                self.keep(owner, things)
            else:
                part = self.part(owner, key)
                part.present = True
                self.journal.add(part.contents, things)

    def within(self, thing: Thing) -> Things:
        """Return what stands for anything that lies in a thing, or shares memory with it."""
        if thing.kind in _UNDIVIDED or thing.base is not None:
            return frozenset({thing})
        if thing.inner is None:
            kind = thing.kind if thing.kind in _KEPT_KINDS else "unknown"
            thing.inner = Thing(thing.cell, kind, thing.path, base=thing)
        if (name := self.partly.get(thing)) is not None:
            self.partly.setdefault(thing.inner, name)
        return frozenset({thing.inner})

    def inside(self, things: Things) -> Things:
        """Return what may lie in `things`; an array or frame gives views of itself."""
        found: set[Thing] = set()
        self.spend(len(things))
        for thing in things:
            found |= thing.held
            if thing.kind in CONTAINERS or thing.kind in EXHAUSTIBLE or thing.kind == "live":
                continue
            if thing.klass is None or not thing.klass.closed:
                found |= self.within(thing)
        return frozenset(found) or VALUE


def key_of(thing: Thing, key: object) -> object:
    """Return the key that a constant index of `thing` names a part by, None where parts are not told apart."""
    if thing.base is not None:
        return None
    if thing.kind == "dict":
        return key
    if thing.kind == "list":
        return key if type(key) is int and key >= 0 else None
    if thing.kind in {"frame", "unknown"} or (thing.kind == "library" and thing.path in MAPPINGS):
        return key if isinstance(key, str) else None
    return None


def has_fields(thing: Thing, name: str) -> bool:
    """Tell whether the attribute `name` of a thing is a part of it, and no method, property or view."""
    if thing.base is not None or thing.receiver:
        return False
    if thing.kind == "frame":
        return name not in FRAME_NAMES
    if thing.klass is not None and thing.kind in {"instance", "class"}:
        return thing.klass.closed and not any(thing.klass.find(special) for special in _SPECIAL)
    return thing.kind == "record"


_SPECIAL = ("__getattr__", "__getattribute__", "__setattr__")


def constant(node: ast.expr) -> object:
    """Return the constant that `node` spells out; None for all else."""
    return node.value if isinstance(node, ast.Constant) else None


def texts_of(node: ast.expr) -> list[str] | None:
    """Return the texts of a constant, or of a list of constants; None for all else."""
    items = node.elts if isinstance(node, ast.List | ast.Tuple) else [node]
    texts = [item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)]
    return texts if items and len(texts) == len(items) else None


def is_selection(node: ast.expr, things: Things) -> bool:
    """Tell whether an index picks items by a list or mask, so that the result is a copy."""
    if isinstance(node, ast.Tuple):
        return any(isinstance(item, ast.List | ast.Compare) for item in node.elts)
    return isinstance(node, ast.List | ast.Compare) or (
        bool(things) and all(thing.kind in {"mask", "list"} for thing in things)
    )


__all__ = ["NOTHING", "SHAPE", "Parts", "constant", "has_fields", "is_selection", "key_of", "texts_of"]
