"""Which conditions an index answers: the runs that meet one, as a stretch of an index, without looking at any run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from trackbook.store.metrics import NAN
from trackbook.tracking.search.sql import KeyIds, Sql, compared, member
from trackbook.tracking.search.tree import (
    Absence,
    Comparison,
    Conjunction,
    Disjunction,
    Key,
    Membership,
    Node,
    conjuncts,
)

Scope = tuple[int, ...] | None
"""The row numbers of the experiments that a search is about; None: all of them, and runs without one."""

_ANY_EXPERIMENT = ("experiment_id IN (SELECT id FROM experiment)", "experiment_id IS NULL")
_PREFIX_END = "\U0010ffff"
_BY_TEXT = {
    "run_id": "",
    "parent_run_id": " INDEXED BY run_by_parent",
    "notebook": " INDEXED BY run_by_notebook",
}


class Range(msgspec.Struct, frozen=True):
    """Runs that meet `node`, and perhaps others: `select` gives their row numbers, each once.

    `exact` says that there are no others, `scoped` that all are in the scope, `counted` that counting up to a
    limit reads only about as many entries of the index.
    """

    node: Node
    select: Sql
    exact: bool = True
    scoped: bool = False
    counted: bool = True
    united: tuple[Range, ...] = ()

    def counts(self, limit: int) -> list[Sql]:
        """Return the SQL of the counts, none of them further than to `limit`, whose sum bounds the number of runs."""
        parts = self.united or (self,)
        return [
            Sql(f"SELECT count(*) FROM ({part.select.text} LIMIT ?)", (*part.select.values, limit)) for part in parts
        ]


def ranges(tree: Node, ids: KeyIds, scope: Scope) -> Iterator[Range]:
    """Yield the ranges of the conditions that all must be met, those that have one."""
    for part in conjuncts(tree):
        found = range_of(part, ids, scope)
        if found is not None:
            yield found


def range_of(node: Node, ids: KeyIds, scope: Scope) -> Range | None:
    """Return the range of one condition; None where no index answers it."""
    match node:
        case Disjunction(parts=parts):
            return _union(node, parts, ids, scope)
        case Conjunction(parts=parts):
            inner = next(ranges(node, ids, scope), None)
            return inner and msgspec.structs.replace(inner, node=node, exact=inner.exact and len(conjuncts(node)) == 1)
        case Comparison(key=key) | Membership(key=key) | Absence(key=key):
            match key.collection:
                case "metrics" | "params" if key.name in ids:
                    return _keyed(node, key, ids[key.name], scope)
                case "tags":
                    return _tagged(node, key)
                case "attributes":
                    return _attribute(node, key, scope)
                case "datasets" if key.name == "digest":
                    return _dataset(node)
    return None


def _union(node: Node, parts: tuple[Node, ...], ids: KeyIds, scope: Scope) -> Range | None:
    """Return the runs of all the parts, if each has a range of its own."""
    found = [range_of(part, ids, scope) for part in parts]
    known = [each for each in found if each is not None]
    if not known or len(known) < len(found):
        return None
    text = " UNION ".join(f"SELECT * FROM ({each.select.text})" for each in known)
    values = tuple(value for each in known for value in each.select.values)
    return Range(
        node,
        Sql(text, values),
        exact=all(each.exact for each in known),
        scoped=all(each.scoped for each in known),
        counted=all(each.counted and not each.united for each in known),
        united=tuple(known),
    )


# -- params and metrics


def _keyed(node: Node, key: Key, key_id: int, scope: Scope) -> Range | None:
    table = "metric" if key.collection == "metrics" else "param"
    match node:
        case Absence(negated=True):
            column, test, counted = "last" if table == "metric" else "value", Sql(""), True
        case Comparison(operator=operator, value=value):
            column = _column(table, value)
            test, counted = _test(column, key, operator, value)
        case Membership(values=values, negated=negated):
            column = _column(table, values[0])
            test, counted = Sql(f"{column}") + member(tuple(dict.fromkeys(values)), negated), not negated
        case _:
            return None
    return Range(node, _in_experiments(table, column, key_id, test, scope), scoped=True, counted=counted)


def _column(table: str, value: str | float) -> str:
    if table == "metric":
        return "last"
    return "number" if isinstance(value, float) else "value"


def _test(column: str, key: Key, operator: str, value: str | float) -> tuple[Sql, bool]:
    """Return the condition on an index's column, and whether it is one stretch of the index."""
    test = Sql(column) + compared(key, operator, value)
    if column == "last" and operator in (">", ">="):
        return test + Sql(f" AND last < '{NAN}'"), True
    if operator == "LIKE":
        prefix = _prefix(str(value))
        within = Sql(f" AND {column} >= ? AND {column} < ?", (prefix, prefix + _PREFIX_END))
        return (test + within, True) if prefix else (test, False)
    return test, operator not in ("!=", "ILIKE")


def _prefix(pattern: str) -> str:
    """Return the text before the first wildcard of a LIKE pattern."""
    places = [place for place in (pattern.find("%"), pattern.find("_")) if place >= 0]
    return pattern[: min(places)] if places else pattern


def _in_experiments(table: str, column: str, key_id: int, test: Sql, scope: Scope) -> Sql:
    rest = Sql("key_id = ?", (key_id,)) + (Sql(" AND ") + test if test.text else test)
    if table == "metric" and scope is None:
        return Sql("SELECT run_id AS entry FROM metric INDEXED BY metric_by_value WHERE ") + rest
    index = {"last": "metric_by_experiment", "value": "param_by_value", "number": "param_by_number"}[column]
    rest += Sql(" AND number IS NOT NULL" if column == "number" else "")
    return _in_each(f"SELECT run_id AS entry FROM {table} INDEXED BY {index} WHERE", rest, scope)


def _in_each(select: str, rest: Sql, scope: Scope) -> Sql:
    """Return what `select` finds in the experiments of the scope, by an index that the experiment leads."""
    arms = _ANY_EXPERIMENT if scope is None else (f"experiment_id IN ({', '.join('?' * len(scope))})",)
    text = " UNION ALL ".join(f"{select} {arm} AND {rest.text}" for arm in arms)
    return Sql(text, (*(scope or ()), *rest.values) * len(arms))


# -- tags, attributes, datasets


def _tagged(node: Node, key: Key) -> Range | None:
    select = "SELECT run_id AS entry FROM tag INDEXED BY tag_by_value WHERE key = ?"
    match node:
        case Absence(negated=True):
            return Range(node, Sql(select, (key.name,)))
        case Comparison(operator=operator, value=value):
            test, counted = _test("value", key, operator, value)
        case Membership(values=values, negated=negated):
            test, counted = Sql("value") + member(values, negated), not negated
        case _:
            return None
    return Range(node, Sql(f"{select} AND ", (key.name,)) + test, counted=counted)


def _attribute(node: Node, key: Key, scope: Scope) -> Range | None:
    match node:
        case Comparison(operator="=", value=value) if key.name in _BY_TEXT:
            return _by_text(node, key.name, (value,))
        case Membership(values=values, negated=False) if key.name in _BY_TEXT:
            return _by_text(node, key.name, tuple(dict.fromkeys(values)))
        case Comparison(operator="=", value=value) if key.name == "status":
            return _by_status(node, (value,), scope)
        case Membership(values=values, negated=False) if key.name == "status":
            return _by_status(node, values, scope)
        case Comparison(operator=operator, value=value) if key.name == "start_time" and operator != "!=":
            return _by_time(node, operator, value, scope)
    return None


def _by_text(node: Node, name: str, values: tuple[Any, ...]) -> Range:
    return Range(node, Sql(f"SELECT id AS entry FROM run{_BY_TEXT[name]} WHERE {name}") + member(values, negated=False))


def _by_status(node: Node, values: tuple[Any, ...], scope: Scope) -> Range:
    test = Sql("status") + member(values, negated=False)
    return Range(node, _in_each("SELECT id AS entry FROM run INDEXED BY run_by_status WHERE", test, scope), scoped=True)


def _by_time(node: Node, operator: str, value: Any, scope: Scope) -> Range:
    test = Sql(f"start_time {operator} ?", (value,))
    if scope is None:
        return Range(node, Sql("SELECT id AS entry FROM run INDEXED BY run_by_time WHERE ") + test, scoped=True)
    select = "SELECT id AS entry FROM run INDEXED BY run_by_experiment WHERE"
    return Range(node, _in_each(select, test, scope), scoped=True)


def _dataset(node: Node) -> Range | None:
    match node:
        case Comparison(operator="=", value=value):
            values: tuple[Any, ...] = (value,)
        case Membership(values=several, negated=False):
            values = several
        case _:
            return None
    select = "SELECT DISTINCT run_id AS entry FROM run_data INDEXED BY run_data_by_fingerprint WHERE fingerprint"
    return Range(node, Sql(select) + member(values, negated=False))
