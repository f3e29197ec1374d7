"""The order of a listing: what it sorts by, where it goes on after a cursor, and the indexes that have it ready.

Every clause sorts by a rank, then by a value.  Rank 0 holds what compares as the clause says (numbers, or texts where
there are no numbers), then come a metric's NaN or a param's other texts, and last the runs that have no value.  Equal
runs stand in the order in which the store met them, the latest first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from trackbook.store.metrics import NAN
from trackbook.tracking.search.sql import COLUMNS, KeyIds, Sql
from trackbook.tracking.search.tree import Key, Term

NEWEST = Key("attributes", "start_time")
Experiments = tuple[int | None, ...] | None
"""Row numbers of experiments, None among them for the runs without one."""


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a run stands in a listing: a rank and a value for every clause, then its row number."""

    ranks: tuple[int, ...]
    values: tuple[Any, ...]
    row: int


class Sort(msgspec.Struct, frozen=True):
    """What one clause sorts by: `rank` and `value` are SQL over `run` and what `join` adds to it."""

    key: Key
    key_id: int | None
    descending: bool
    join: Sql
    rank: str
    value: str

    def order(self) -> str:
        """Return the terms of an ORDER BY."""
        return f"{self.rank}, {self.value}{_direction(self.descending)}"


class Source(msgspec.Struct, frozen=True):
    """The runs of one rank of the first clause, read from an index in the order that they have there.

    `row` and `value` are SQL over `table`, which stands as `s0`; `value` is NULL where all are equal.
    """

    rank: int
    table: str
    where: Sql
    row: str
    value: str
    scoped: bool


def sorts_of(terms: Sequence[Term], ids: KeyIds) -> tuple[Sort, ...]:
    """Return what the clauses sort by, each key once; newest first where no run has any of the metrics and params."""
    wanted: dict[Key, bool] = {}
    for term in terms:
        if term.key.collection not in ("metrics", "params") or term.key.name in ids:
            wanted.setdefault(term.key, term.descending)
    wanted = wanted or {NEWEST: True}
    return tuple(_sort(number, key, descending, ids) for number, (key, descending) in enumerate(wanted.items()))


def _sort(number: int, key: Key, descending: bool, ids: KeyIds) -> Sort:
    name = f"s{number}"
    match key.collection:
        case "metrics":
            join = Sql(f" LEFT JOIN metric AS {name} ON {name}.run_id = run.id AND {name}.key_id = ?", (ids[key.name],))
            rank = f"CASE WHEN {name}.last IS NULL THEN 2 WHEN {name}.last = '{NAN}' THEN 1 ELSE 0 END"
            return Sort(key, ids[key.name], descending, join, rank, f"nullif({name}.last, '{NAN}')")
        case "params":
            join = Sql(f" LEFT JOIN param AS {name} ON {name}.run_id = run.id AND {name}.key_id = ?", (ids[key.name],))
            rank = f"CASE WHEN {name}.value IS NULL THEN 2 WHEN {name}.number IS NULL THEN 1 ELSE 0 END"
            return Sort(key, ids[key.name], descending, join, rank, f"coalesce({name}.number, {name}.value)")
        case "tags":
            join = Sql(f" LEFT JOIN tag AS {name} ON {name}.run_id = run.id AND {name}.key = ?", (key.name,))
            return Sort(key, None, descending, join, f"{name}.value IS NULL", f"{name}.value")
        case _:
            column = COLUMNS[key.name]
            return Sort(key, None, descending, Sql(""), f"{column} IS NULL", column)


def after(sorts: Sequence[Sort], place: Place) -> Sql:
    """Return the condition that a run stands behind `place`."""
    return _behind(sorts, place, "run.id")


def _behind(sorts: Sequence[Sort], place: Place, row: str) -> Sql:
    test = Sql(f"{row} < ?", (place.row,))
    for sort, rank, value in reversed(list(zip(sorts, place.ranks, place.values, strict=True))):
        sign = "<" if sort.descending else ">"
        test = Sql(
            f"({sort.rank}) > ? OR (({sort.rank}) = ? AND ({sort.value} {sign} ?"
            f" OR ({sort.value} IS ? AND ({test.text}))))",
            (rank, rank, value, value, *test.values),
        )
    return test


def behind_in(source: Source, sorts: Sequence[Sort], place: Place) -> Sql:
    """Return the condition that a run of `source`, which has the rank of `place`, stands behind it."""
    rest = _behind(sorts[1:], Place(place.ranks[1:], place.values[1:], place.row), source.row)
    if source.value == "NULL":
        return rest
    sign = "<" if sorts[0].descending else ">"
    value = place.values[0]
    # Said twice, so that SQLite begins in the index at the value.
    return Sql(f"{source.value} {sign}= ? AND ({source.value} {sign} ? OR ({rest.text}))", (value, value, *rest.values))


def sources_of(sorts: Sequence[Sort], experiments: Experiments) -> tuple[tuple[Source, ...], ...] | None:
    """Return the indexes that hold all runs in the order of the first sort, rank by rank; None where there are none.

    `experiments` are those that the runs belong to, None for all.  Where a rank has several sources, each holds the
    runs of one of these in that order, so that they are to be merged; that is done for a single sort only.
    """
    first, one = sorts[0], experiments[0] if experiments is not None and len(experiments) == 1 else None
    match first.key:
        case Key("metrics"):
            return (*((source,) for source in _metrics(first, one)), (_missing(first, "metric", one),))
        case Key("params") if experiments and (one is not None or len(sorts) == 1):
            ranks = zip(*(_params(first, each) for each in experiments), strict=True)
            return (*ranks, (_missing(first, "param", one),))
        case Key("attributes", "start_time"):
            return tuple((source,) for source in _times(one))
    return None


def _metrics(sort: Sort, one: int | None) -> tuple[Source, ...]:
    index, scoped = ("metric_by_value", False) if one is None else ("metric_by_experiment", True)
    of_key = Sql("s0.key_id = ?", (sort.key_id,))
    if one is not None:
        of_key = Sql("s0.experiment_id = ? AND ", (one,)) + of_key
    table = f"metric AS s0 INDEXED BY {index}"
    return (
        Source(0, table, of_key + Sql(f" AND s0.last < '{NAN}'"), "s0.run_id", "s0.last", scoped),
        Source(1, table, of_key + Sql(f" AND s0.last = '{NAN}'"), "s0.run_id", "NULL", scoped),
    )


def _params(sort: Sort, experiment: int | None) -> tuple[Source, ...]:
    of_key = Sql("s0.experiment_id IS ? AND s0.key_id = ?", (experiment, sort.key_id))
    numbers, texts = of_key + Sql(" AND s0.number IS NOT NULL"), of_key + Sql(" AND s0.number IS NULL")
    return (
        Source(0, "param AS s0 INDEXED BY param_by_number", numbers, "s0.run_id", "s0.number", True),
        Source(1, "param AS s0 INDEXED BY param_by_value", texts, "s0.run_id", "s0.value", True),
    )


def _missing(sort: Sort, table: str, one: int | None) -> Source:
    """Return the source of the runs without a value, the ones that the store met last first."""
    without = Sql(
        f"NOT EXISTS (SELECT 1 FROM {table} AS kept WHERE kept.run_id = s0.id AND kept.key_id = ?)",
        (sort.key_id,),
    )
    if one is None:
        return Source(2, "run AS s0", without, "s0.id", "NULL", False)
    within = Sql("s0.experiment_id = ? AND ", (one,)) + without
    return Source(2, "run AS s0 INDEXED BY run_by_arrival", within, "s0.id", "NULL", True)


def _times(one: int | None) -> tuple[Source, ...]:
    if one is None:
        table, within = "run AS s0 INDEXED BY run_by_time", Sql("")
    else:
        table, within = "run AS s0 INDEXED BY run_by_experiment", Sql("s0.experiment_id = ? AND ", (one,))
    return (
        Source(0, table, within + Sql("s0.start_time IS NOT NULL"), "s0.id", "s0.start_time", one is not None),
        Source(1, table, within + Sql("s0.start_time IS NULL"), "s0.id", "NULL", one is not None),
    )


def ordering(source: Source, sorts: Sequence[Sort]) -> str:
    """Return the ORDER BY of one source."""
    first = [] if source.value == "NULL" else [f"{source.value}{_direction(sorts[0].descending)}"]
    return ", ".join([*first, *(sort.order() for sort in sorts[1:]), f"{source.row} DESC"])


def _direction(descending: bool) -> str:
    return " DESC" if descending else ""
