"""Which conditions an index answers: the runs that meet one, as a stretch of an index, without looking at any run."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from trackbook.store.metrics import NAN
from trackbook.tracking.search.sql import KeyIds, Sql, all_of, compared, member
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
_BOUNDS = ("<", "<=", ">", ">=")
_RUNS = "SELECT id AS entry FROM run"
# The index of an attribute over all runs ("": the automatic one, or none), and the one that the experiment leads.
_INDEXES = {
    "run_id": ("", None),
    "parent_run_id": (" INDEXED BY run_by_parent", None),
    "notebook": (" INDEXED BY run_by_notebook", None),
    "status": ("", "run_by_status"),
    "start_time": (" INDEXED BY run_by_time", "run_by_experiment"),
}


class Range(msgspec.Struct, frozen=True):
    """Runs that meet all `nodes`, and perhaps others: `select` gives their row numbers, each once.

    `exact` says that there are no others, `scoped` that all are in the scope, `counted` that counting up to a
    limit reads only about as many entries of the index.
    """

    nodes: tuple[Node, ...]
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
    """Yield the ranges of the conditions that all must be met, those that have one; both ends of an interval as one."""
    intervals: dict[tuple[Key, bool], list[Comparison]] = {}
    for part in conjuncts(tree):
        if isinstance(part, Comparison) and part.operator in _BOUNDS:
            intervals.setdefault((part.key, isinstance(part.value, float)), []).append(part)
        elif (found := range_of(part, ids, scope)) is not None:
            yield found
    for bounds in intervals.values():
        if (found := _compared(tuple(bounds), ids, scope)) is not None:
            yield found


def range_of(node: Node, ids: KeyIds, scope: Scope) -> Range | None:
    """Return the range of one condition; None where no index answers it."""
    match node:
        case Comparison():
            return _compared((node,), ids, scope)
        case Membership(key=key, values=values, negated=negated):
            test = Sql(_column(key, values[0])) + member(tuple(dict.fromkeys(values)), negated)
            return _selected((node,), key, test, ids, scope, counted=not negated)
        case Absence(key=key, negated=True) if key.collection in ("metrics", "params", "tags"):
            return _selected((node,), key, Sql(f"{_column(key, '')} IS NOT NULL"), ids, scope)
        case Disjunction(parts=parts):
            return _union(node, parts, ids, scope)
        case Conjunction():
            inner = next(ranges(node, ids, scope), None)
            if inner is not None:
                exact = inner.exact and inner.nodes == conjuncts(node)
                return msgspec.structs.replace(inner, nodes=(node,), exact=exact)
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
        (node,),
        Sql(text, values),
        exact=all(each.exact for each in known),
        scoped=all(each.scoped for each in known),
        counted=all(each.counted and not each.united for each in known),
        united=tuple(known),
    )


def _compared(parts: tuple[Comparison, ...], ids: KeyIds, scope: Scope) -> Range | None:
    """Return the range of comparisons of one key, all with numbers or all with texts."""
    key = parts[0].key
    column = _column(key, parts[0].value)
    tests = [_test(column, part.operator, part.value) for part in parts]
    if column == "last" and all(part.operator in (">", ">=") for part in parts):
        tests.append((Sql(f"last < '{NAN}'"), True))  # to SQLite a text is more than any number
    return _selected(parts, key, all_of(test for test, _ in tests), ids, scope, counted=any(good for _, good in tests))


def _test(column: str, operator: str, value: str | float) -> tuple[Sql, bool]:
    """Return the condition on an index's column, and whether it is one stretch of the index."""
    test = Sql(column) + compared(operator, value)
    if operator == "LIKE":
        prefix = _prefix(str(value))
        within = Sql(f" AND {column} >= ? AND {column} < ?", (prefix, prefix + _PREFIX_END))
        return (test + within, True) if prefix else (test, False)
    return test, operator not in ("!=", "ILIKE")


def _prefix(pattern: str) -> str:
    """Return the text before the first wildcard of a LIKE pattern."""
    places = [place for place in (pattern.find("%"), pattern.find("_")) if place >= 0]
    return pattern[: min(places)] if places else pattern


def _column(key: Key, value: str | float) -> str:
    """Return the column of the index that holds the values of `key` that compare with `value`."""
    match key.collection:
        case "metrics":
            return "last"
        case "params":
            return "number" if isinstance(value, float) else "value"
        case "tags":
            return "value"
        case "datasets":
            return "fingerprint"
    return key.name


# -- one index each


def _selected(
    nodes: tuple[Node, ...], key: Key, test: Sql, ids: KeyIds, scope: Scope, *, counted: bool = True
) -> Range | None:
    """Return the range of what passes `test`, a condition on a column of the index of `key`."""
    match key.collection:
        case "metrics" | "params" if key.name in ids:
            column = test.text.partition(" ")[0]
            select = _of_key(column, Sql("key_id = ? AND ", (ids[key.name],)) + test, scope)
            return Range(nodes, select, scoped=True, counted=counted)
        case "tags":
            select = Sql("SELECT run_id AS entry FROM tag INDEXED BY tag_by_value WHERE key = ? AND ", (key.name,))
            return Range(nodes, select + test, counted=counted)
        case "datasets" if key.name == "digest" and counted:
            select = Sql("SELECT DISTINCT run_id AS entry FROM run_data INDEXED BY run_data_by_fingerprint WHERE ")
            return Range(nodes, select + test)
        case "attributes" if key.name in _INDEXES and counted:
            return _attribute(nodes, key.name, test, scope)
    return None


def _of_key(column: str, test: Sql, scope: Scope) -> Sql:
    """Select the runs with a metric's or param's value, in the experiments of the scope."""
    if column == "last" and scope is None:
        return Sql("SELECT run_id AS entry FROM metric INDEXED BY metric_by_value WHERE ") + test
    table, index = {
        "last": ("metric", "metric_by_experiment"),
        "value": ("param", "param_by_value"),
        "number": ("param", "param_by_number"),
    }[column]
    known = Sql(" AND number IS NOT NULL" if column == "number" else "")
    return _in_each(f"SELECT run_id AS entry FROM {table} INDEXED BY {index} WHERE", test + known, scope)


def _attribute(nodes: tuple[Node, ...], name: str, test: Sql, scope: Scope) -> Range:
    index, of_experiment = _INDEXES[name]
    if of_experiment and (scope is not None or not index):
        return Range(nodes, _in_each(f"{_RUNS} INDEXED BY {of_experiment} WHERE", test, scope), scoped=True)
    return Range(nodes, Sql(f"{_RUNS}{index} WHERE ") + test)


def _in_each(select: str, rest: Sql, scope: Scope) -> Sql:
    """Return what `select` finds in the experiments of the scope, by an index that the experiment leads."""
    arms = _ANY_EXPERIMENT if scope is None else (f"experiment_id IN ({', '.join('?' * len(scope))})",)
    text = " UNION ALL ".join(f"{select} {arm} AND {rest.text}" for arm in arms)
    return Sql(text, (*(scope or ()), *rest.values) * len(arms))
