"""Runs a query: takes the shortest way to the runs, and counts them."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from trackbook.tracking.search.groups import RunGroups, groups_of
from trackbook.tracking.search.order import Place, Source, sources_of
from trackbook.tracking.search.plan import (
    LIMITS,
    Counted,
    Limits,
    fewest,
    is_shorter,
)
from trackbook.tracking.search.query import DELETED, Query
from trackbook.tracking.search.ranges import Range, ranges
from trackbook.tracking.search.sql import Sql
from trackbook.tracking.search.tree import Key

if TYPE_CHECKING:
    from trackbook.store import Database

Rows = list[tuple[Any, ...]]
_FIRST_STRETCH = 4
"""Entries that are tried at first for each run that is wanted."""


class Searcher:
    """Finds the runs of one query in one snapshot of the database."""

    def __init__(self, db: Database, query: Query, limits: Limits = LIMITS) -> None:
        self._db = db
        self._limits = limits
        self._query = query
        self._ranges = list(ranges(query.tree, query.ids, query.scope))
        if query.left_out == "kept":
            self._ranges.append(Range((), Sql(DELETED), exact=False))

    def places(self, place: Place | None, wanted: int, skip: int = 0) -> Rows:
        """Return `wanted` rows (see `query.place_of`) of those that stand behind `place`, after leaving out `skip`."""
        limits, ranks = self._limits, sources_of(self._query.sorts, self._query.experiments)
        best = self._best(limits.few + 1)
        if best is not None and best.count == 0:
            return []
        if best is not None and best.count is not None:
            return self._through(best, place, wanted, skip)
        if ranks is None:
            return self._through(self._best(limits.counted), place, wanted, skip)
        if best is None:
            return self._along(ranks, place, wanted, skip)
        if len(self._query.sorts) == 1 and wanted + skip <= limits.tried:
            found = self._try(ranks, place, wanted + skip)
            if len(found) == wanted + skip:
                return found[skip:]
            best = self._best(limits.counted_fully)
            if best is not None and is_shorter(best, limits, found=len(found), wanted=wanted + skip):
                return self._through(best, place, wanted, skip)
        elif (best := self._best(limits.counted)) is not None and best.count is not None:
            return self._through(best, place, wanted, skip)
        return self._along(ranks, place, wanted, skip)

    def number(self) -> int:
        """Return how many runs the query finds."""
        (number,) = self._one(self._query.number_through(self._smallest()))
        return int(number)

    def grouped(self, key: Key, metric: str | None, limit: int) -> RunGroups:
        """Return the runs that the query finds by the values of `key`, with the spread of `metric`."""
        return groups_of(self._all(self._query.grouped(self._smallest(), key, metric, limit)))

    def _smallest(self) -> Range | None:
        """Return the range with the fewest entries, None where there is no range."""
        best = None
        if len(self._ranges) > 1:
            best = self._best(self._limits.counted)
            best = self._best(self._limits.counted_fully) if best is None or best.count is None else best
        return best.range if best is not None else next(iter(self._ranges), None)

    def _best(self, limit: int) -> Counted | None:
        return fewest([Counted(each, self._count(each, limit)) for each in self._ranges])

    def _through(self, best: Counted | None, place: Place | None, wanted: int, skip: int) -> Rows:
        return self._all(self._query.through(best.range if best else None, place, wanted, skip))

    def _count(self, range: Range, limit: int) -> int | None:
        if not range.counted:
            return None
        total = sum(self._one(count)[0] for count in range.counts(limit))
        return total if total < limit else None

    def _try(self, ranks: Sequence[Sequence[Source]], place: Place | None, wanted: int) -> Rows:
        """Return the first `wanted` rows, or those of them that stand in the first stretch of the order's index."""
        source, *others = ranks[place.ranks[0] if place else 0]
        if others:
            return []
        length = min(_FIRST_STRETCH * wanted, self._limits.tried)
        found = self._all(self._query.along(source, place, wanted, stretch=length))
        if len(found) < wanted and length < self._limits.tried:
            longer = 3 * length * wanted // (2 * len(found)) if found else self._limits.tried
            found = self._all(self._query.along(source, place, wanted, stretch=min(longer, self._limits.tried)))
        return found

    def _along(self, ranks: Sequence[Sequence[Source]], place: Place | None, wanted: int, skip: int) -> Rows:
        """Take rows from one rank after the other, in the order of their indexes."""
        rows: Rows = []
        for rank, sources in enumerate(ranks):
            if place is not None and rank < place.ranks[0]:
                continue
            behind = place if place is not None and rank == place.ranks[0] else None
            take = self._of_one if len(sources) == 1 else self._merged
            found, skip = take(sources, behind, wanted - len(rows), skip)
            rows += found
            if len(rows) == wanted:
                break
        return rows

    def _of_one(self, sources: Sequence[Source], place: Place | None, wanted: int, skip: int) -> tuple[Rows, int]:
        """Return rows of one source, and how many are still to be skipped behind them."""
        found = self._all(self._query.along(sources[0], place, wanted, skip))
        if found or not skip:
            return found, 0
        return [], skip - self._one(self._query.number_along(sources[0], place))[0]

    def _merged(self, sources: Sequence[Source], place: Place | None, wanted: int, skip: int) -> tuple[Rows, int]:
        """Return rows of several sources in their common order, and how many are still to be skipped behind them."""
        found = [row for source in sources for row in self._all(self._query.along(source, place, wanted + skip))]
        found.sort(key=itemgetter(0), reverse=True)
        found.sort(key=itemgetter(2), reverse=self._query.sorts[0].descending)
        return found[skip : skip + wanted], max(0, skip - len(found))

    def _all(self, sql: Sql) -> Rows:
        return self._db.execute(sql.text, sql.values).fetchall()

    def _one(self, sql: Sql) -> tuple[Any, ...]:
        row: tuple[Any, ...] = self._db.execute(sql.text, sql.values).fetchone()
        return row
