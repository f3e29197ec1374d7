"""The runs of a search by the values of a key: how many have each, and the spread of a metric among them."""

from __future__ import annotations

from typing import Any

import msgspec

from trackbook.errors import UsageError
from trackbook.store.metrics import NAN
from trackbook.tracking.search.sql import COLUMNS, KeyIds, Sql
from trackbook.tracking.search.tree import Key

GROUPED = ("params", "tags", "attributes")


class Spread(msgspec.Struct, frozen=True):
    """The smallest, mean and largest last value of a metric; NaN is left out."""

    min: float
    mean: float
    max: float


class RunGroup(msgspec.Struct, frozen=True):
    """The runs that have the same value; None stands for those without one, a `metric` of None for no number at all."""

    value: Any
    runs: int
    metric: Spread | None


class RunGroups(msgspec.Struct, frozen=True):
    """The largest groups first; `more` counts those that are left out."""

    groups: tuple[RunGroup, ...]
    more: int


def check_groupable(key: Key) -> None:
    """Raise UsageError for a key whose values make no groups."""
    if key.collection not in GROUPED:
        raise UsageError(f"runs are grouped by a param, a tag or an attribute, not by {key.collection}.{key.name}")


def value_of(key: Key, ids: KeyIds) -> tuple[Sql, str]:
    """Return what joins the values of `key` to `run`, and the expression of a value."""
    match key.collection:
        case "params":
            joined = " LEFT JOIN param AS g ON g.run_id = run.id AND g.key_id = ?"
            return Sql(joined, (ids.get(key.name),)), "g.value"
        case "tags":
            return Sql(" LEFT JOIN tag AS g ON g.run_id = run.id AND g.key = ?", (key.name,)), "g.value"
        case _:
            return Sql(""), COLUMNS[key.name]


def numbers_of(metric: str | None, ids: KeyIds) -> Sql:
    """Return what joins the last values of a metric, those that are numbers, as `m.last`."""
    joined = f" LEFT JOIN metric AS m ON m.run_id = run.id AND m.key_id = ? AND m.last < '{NAN}'"
    return Sql(joined, (ids.get(metric or ""),))


def groups_of(rows: list[tuple[Any, ...]]) -> RunGroups:
    """Return the groups from the rows of `Query.grouped`."""
    groups = tuple(RunGroup(value, runs, Spread(*spread) if runs and spread[0] is not None else None)
                   for value, runs, *spread, _ in rows)  # fmt: skip
    return RunGroups(groups, rows[0][-1] - len(rows) if rows else 0)
