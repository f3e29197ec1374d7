"""What a filter and an order say, as frozen values: no text any more, and no SQL yet."""

from __future__ import annotations

import msgspec

TEXT_ATTRIBUTES = (
    "run_id", "run_name", "status", "experiment", "user", "kind", "notebook", "parent_run_id", "git_commit",
    "artifact_uri", "note",
)  # fmt: skip
TIME_ATTRIBUTES = ("start_time", "end_time")
NUMBER_ATTRIBUTES = ("duration",)
"""`duration` is in seconds, of runs that have ended."""
ATTRIBUTES = (*TEXT_ATTRIBUTES, *TIME_ATTRIBUTES, *NUMBER_ATTRIBUTES)
DATASET_FIELDS = ("name", "digest", "context")
EVENT_ATTRIBUTES = ("actor", "authority", "action", "subject", "model", "time", "seq")
"""Those of audit events."""


class Key(msgspec.Struct, frozen=True):
    """What is compared: `collection` is metrics, params, tags, attributes or datasets."""

    collection: str
    name: str

    @property
    def is_time(self) -> bool:
        """Say whether the value is milliseconds since the epoch."""
        return self.collection == "attributes" and self.name in (*TIME_ATTRIBUTES, "time")

    @property
    def is_number(self) -> bool:
        """Say whether this is an attribute that is a number."""
        return self.collection == "attributes" and self.name in (*NUMBER_ATTRIBUTES, "seq")


class Comparison(msgspec.Struct, frozen=True):
    """`operator` is one of = != < <= > >= LIKE ILIKE; a number is compared with numbers, a text with texts."""

    key: Key
    operator: str
    value: str | float


class Membership(msgspec.Struct, frozen=True):
    """`key [NOT] IN (values)`; the values are all numbers or all texts."""

    key: Key
    values: tuple[str, ...] | tuple[float, ...]
    negated: bool = False


class Absence(msgspec.Struct, frozen=True):
    """`key IS [NOT] NULL`; a metric whose last value is NaN is not absent."""

    key: Key
    negated: bool = False


class Negation(msgspec.Struct, frozen=True):
    """True where `part` is not, so also where it compares what a run does not have."""

    part: Node


class Conjunction(msgspec.Struct, frozen=True):
    """True where all parts are; without parts always."""

    parts: tuple[Node, ...]


class Disjunction(msgspec.Struct, frozen=True):
    """True where any part is; without parts never."""

    parts: tuple[Node, ...]


Node = Comparison | Membership | Absence | Negation | Conjunction | Disjunction
EVERYTHING = Conjunction(())
NOTHING = Disjunction(())


class Mention(msgspec.Struct, frozen=True):
    """A key as it stands in a text: from `position`, `length` characters long."""

    key: Key
    position: int
    length: int


class Filter(msgspec.Struct, frozen=True):
    """A filter that has been read."""

    text: str
    tree: Node
    mentions: tuple[Mention, ...] = ()


class Term(msgspec.Struct, frozen=True):
    """One clause of an order."""

    key: Key
    descending: bool
    text: str
    mention: Mention


def conjuncts(node: Node) -> tuple[Node, ...]:
    """Return what must all be true for `node` to be true, flat."""
    if isinstance(node, Conjunction):
        return tuple(part for each in node.parts for part in conjuncts(each))
    return (node,)


def keys_of(node: Node) -> frozenset[Key]:
    """Return all keys that a tree names."""
    if isinstance(node, Comparison | Membership | Absence):
        return frozenset({node.key})
    parts = (node.part,) if isinstance(node, Negation) else node.parts
    return frozenset(key for part in parts for key in keys_of(part))
