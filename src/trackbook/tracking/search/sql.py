"""Trees as SQL conditions on one run.  Values are bound, never pasted; names come from the tables below."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from trackbook.store.metrics import NAN
from trackbook.tracking.search.tree import (
    Absence,
    Comparison,
    Conjunction,
    Disjunction,
    Key,
    Membership,
    Negation,
    Node,
)

COLUMNS = {
    "run_id": "run.run_id",
    "run_name": "run.run_name",
    "status": "run.status",
    "start_time": "run.start_time",
    "end_time": "run.end_time",
    "experiment": "(SELECT name FROM experiment WHERE id = run.experiment_id)",
    "user": "run.user",
    "kind": "run.kind",
    "notebook": "run.notebook",
    "parent_run_id": "run.parent_run_id",
    "git_commit": "run.git_commit",
    "artifact_uri": "('runs:/' || run.run_id)",
    "note": "run.note",
    "duration": "((run.end_time - run.start_time) / 1000.0)",
}
DATASET_COLUMNS = {"name": "name", "digest": "fingerprint", "context": "role"}


class Sql(msgspec.Struct, frozen=True):
    """A piece of SQL and the values bound in it."""

    text: str
    values: tuple[Any, ...] = ()

    def __add__(self, other: Sql) -> Sql:
        return Sql(self.text + other.text, self.values + other.values)


# Bound, not spelt out: where SQLite sees that a condition is never true, it forgets those that a partial index needs,
# and has "no query solution" with that index.
NEVER = Sql("?", (0,))
ALWAYS = Sql("?", (1,))
KeyIds = Mapping[str, int]
"""The integer keys of the params and metrics that any run has."""


def joined(separator: str, parts: Iterable[Sql]) -> Sql:
    """Return the parts, each in parentheses, with `separator` between them."""
    parts = tuple(parts)
    return Sql(
        separator.join(f"({part.text})" for part in parts), tuple(value for part in parts for value in part.values)
    )


def condition(node: Node, ids: KeyIds, row: str = "run.id", one: int | None = None) -> Sql:
    """Return the condition that `node` puts on the run whose row number is the expression `row`.

    `one` is the experiment that all those runs belong to, if it is known: its values lie close to each other in an
    index, those of one run after the other do not.

    Attributes are those of a table `run` in the same statement; see `needs_run`.  What compares something that the
    run does not have is NULL or 0.
    """
    match node:
        case Conjunction(parts=parts):
            return joined(" AND ", (condition(part, ids, row, one) for part in parts)) if parts else ALWAYS
        case Disjunction(parts=parts):
            return joined(" OR ", (condition(part, ids, row, one) for part in parts)) if parts else NEVER
        case Negation(part=part):
            inner = condition(part, ids, row, one)
            return Sql(f"({inner.text}) IS NOT 1", inner.values)  # true of NULL too
        case Comparison(key=Key(collection="datasets")) | Membership(key=Key(collection="datasets")):
            return _any_dataset(node, row)
        case Comparison(key=key, operator="=", value=value) if one is not None and key.name in ids and _is_held(key):
            return _listed(key, ids[key.name], row, one, (value,))
        case Membership(key=key, values=values, negated=False) if one is not None and key.name in ids and _is_held(key):
            return _listed(key, ids[key.name], row, one, values)
        case Comparison(key=key, operator=operator, value=value):
            return _of_value(key, ids, row, compared(operator, value))
        case Membership(key=key, values=values, negated=negated):
            return _of_value(key, ids, row, member(values, negated), numeric=isinstance(values[0], float))
        case Absence(key=key, negated=negated):
            return _absent(key, ids, row, negated)


def needs_run(node: Node) -> bool:
    """Say whether the condition of `node` names columns of the table `run`."""
    match node:
        case Conjunction(parts=parts) | Disjunction(parts=parts):
            return any(map(needs_run, parts))
        case Negation(part=part):
            return needs_run(part)
        case _:
            return node.key.collection == "attributes"


def all_of(parts: Iterable[Sql]) -> Sql:
    """Return the parts with AND between them; without parts what is always true."""
    parts = tuple(parts)
    if not parts:
        return ALWAYS
    return Sql(" AND ".join(part.text for part in parts), tuple(value for part in parts for value in part.values))


def compared(operator: str, value: str | float) -> Sql:
    """Return what follows a stored value in a comparison, e.g. ` < ?`."""
    if operator == "LIKE":
        return Sql(" GLOB ?", (glob(str(value)),))
    if operator == "ILIKE":
        return Sql(" LIKE ?", (value,))
    return Sql(f" {operator} ?", (value,))


def member(values: tuple[Any, ...], negated: bool) -> Sql:
    """Return ` IN (?, …)` or ` NOT IN (?, …)`."""
    return Sql(f" {'NOT ' if negated else ''}IN ({', '.join('?' * len(values))})", values)


def glob(pattern: str) -> str:
    """Return SQL's LIKE pattern as a GLOB pattern, which minds the case."""
    escaped = re.sub(r"[*?\[]", lambda match: f"[{match[0]}]", pattern)
    return escaped.replace("%", "*").replace("_", "?")


def is_listed(node: Node) -> bool:
    """Say whether `node` compares a param or metric with given values only, which is quickly looked up."""
    match node:
        case Comparison(key=key, operator="=") | Membership(key=key, negated=False):
            return _is_held(key)
    return False


def _is_held(key: Key) -> bool:
    return key.collection in ("params", "metrics")


def _listed(key: Key, key_id: int, row: str, one: int, values: tuple[Any, ...]) -> Sql:
    """Return the condition that the run stands in an index under one of the values."""
    if key.collection == "metrics":
        table, column = "metric AS kept INDEXED BY metric_by_experiment", "last"
    elif isinstance(values[0], float):
        table, column = "param AS kept INDEXED BY param_by_number", "number"
    else:
        table, column = "param AS kept INDEXED BY param_by_value", "value"
    test = Sql(f"kept.{column}") + member(values, negated=False)
    known = " AND kept.number IS NOT NULL" if column == "number" else ""
    return Sql(
        f"EXISTS (SELECT 1 FROM {table} WHERE kept.experiment_id = ? AND kept.key_id = ? AND {test.text}"
        f" AND kept.run_id = {row}{known})",
        (one, key_id, *test.values),
    )


def _of_value(key: Key, ids: KeyIds, row: str, test: Sql, *, numeric: bool | None = None) -> Sql:
    """Return the condition that the value of `key` passes `test`."""
    if numeric is None:
        numeric = isinstance(test.values[0], float)
    match key.collection:
        case "attributes":
            return Sql(COLUMNS[key.name]) + test
        case "tags":
            return Sql(f"(SELECT value FROM tag WHERE tag.run_id = {row} AND tag.key = ?)", (key.name,)) + test
        case "metrics":
            # NaN is a text, which to SQLite is more than any number; it differs from all of them, as in Python.
            column = f"nullif(last, '{NAN}')" if test.text.startswith(" >") else "last"
            return _keyed("metric", column, key, ids, row, test)
        case _:
            return _keyed("param", "number" if numeric else "value", key, ids, row, test)


def _keyed(table: str, column: str, key: Key, ids: KeyIds, row: str, test: Sql) -> Sql:
    if key.name not in ids:
        return NEVER
    found = f"SELECT {column} FROM {table} AS kept WHERE kept.run_id = {row} AND kept.key_id = ?"
    return Sql(f"({found})", (ids[key.name],)) + test


def _any_dataset(node: Comparison | Membership, row: str) -> Sql:
    """Return the condition that any dataset of the run passes, as MLflow reads it."""
    column = DATASET_COLUMNS[node.key.name]
    match node:
        case Comparison(operator=operator, value=value):
            test = compared(operator, value)
        case Membership(values=values, negated=negated):
            test = member(values, negated)
    found = f"SELECT 1 FROM run_data WHERE run_data.run_id = {row} AND run_data.{column}{test.text}"
    return Sql(f"EXISTS ({found})", test.values)


def _absent(key: Key, ids: KeyIds, row: str, negated: bool) -> Sql:
    word = "NOT NULL" if negated else "NULL"
    match key.collection:
        case "attributes":
            return Sql(f"{COLUMNS[key.name]} IS {word}")
        case "tags":
            return Sql(f"(SELECT value FROM tag WHERE tag.run_id = {row} AND tag.key = ?) IS {word}", (key.name,))
        case "datasets":
            column = DATASET_COLUMNS[key.name]
            having = f"EXISTS (SELECT 1 FROM run_data WHERE run_data.run_id = {row} AND {column} IS NOT NULL)"
            return Sql(having if negated else f"NOT {having}")
        case _:
            if key.name not in ids:
                return NEVER if negated else ALWAYS
            table = "metric" if key.collection == "metrics" else "param"
            found = f"SELECT 1 FROM {table} AS kept WHERE kept.run_id = {row} AND kept.key_id = ?"
            return Sql(f"({found}) IS {word}", (ids[key.name],))
