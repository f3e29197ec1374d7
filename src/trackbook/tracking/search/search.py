"""Runs a query: takes the shortest way to the runs, and counts them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trackbook.tracking.search.order import Place, Source, sources_of
from trackbook.tracking.search.plan import (
    LIMITS,
    Counted,
    Limits,
    drives_after_trying,
    drives_at_once,
    fewest,
)
from trackbook.tracking.search.query import DELETED, Query
from trackbook.tracking.search.ranges import Range, ranges
from trackbook.tracking.search.sql import Sql
from trackbook.tracking.search.tree import EVERYTHING

if TYPE_CHECKING:
    from trackbook.store import Database

Rows = list[tuple[Any, ...]]


class Searcher:
    """Finds the runs of one query in one snapshot of the database."""

    def __init__(self, db: Database, query: Query, limits: Limits = LIMITS) -> None:
        self._db = db
        self._limits = limits
        self._query = query
        self._ranges = list(ranges(query.tree, query.ids, query.scope))
        if query.left_out == "kept":
            self._ranges.append(Range(EVERYTHING, Sql(DELETED), exact=False))

    def places(self, place: Place | None, wanted: int, skip: int = 0) -> Rows:
        """Return `wanted` rows (see `query.place_of`) of those that stand behind `place`, after leaving out `skip`."""
        sources = sources_of(self._query.sorts[0], self._query.scope)
        best = fewest(self._counted(self._limits.counted))
        if best is not None and best.count == 0:
            return []
        if drives_at_once(best, self._limits, ordered=sources is not None):
            return self._all(self._query.through(best.range if best else None, place, wanted, skip))
        if sources is None:
            return self._all(self._query.through(None, place, wanted, skip))
        if self._ranges and len(self._query.sorts) == 1 and wanted + skip <= self._limits.tried:
            found = self._try(sources, place, wanted + skip)
            if len(found) == wanted + skip:
                return found[skip:]
            best = fewest(self._counted(self._limits.counted_fully))
            if drives_after_trying(best, self._limits, found=len(found), wanted=wanted + skip):
                return self._all(self._query.through(best.range if best else None, place, wanted, skip))
        elif best is not None and best.count is not None:
            return self._all(self._query.through(best.range, place, wanted, skip))
        return self._along(sources, place, wanted, skip)

    def number(self) -> int:
        """Return how many runs the query finds."""
        best = fewest(self._counted(self._limits.counted))
        if best is not None and best.count is None:
            best = fewest(self._counted(self._limits.counted_fully))
        (number,) = self._one(self._query.number_through(best.range if best else None))
        return int(number)

    def _counted(self, limit: int) -> list[Counted]:
        return [Counted(each, self._count(each, limit)) for each in self._ranges]

    def _count(self, range: Range, limit: int) -> int | None:
        if not range.counted:
            return None
        total = sum(self._one(count)[0] for count in range.counts(limit))
        return total if total < limit else None

    def _try(self, sources: Sequence[Source], place: Place | None, wanted: int) -> Rows:
        """Return the first `wanted` rows, or those of them that stand in the first stretch of the order's index."""
        source = sources[place.ranks[0] if place else 0]
        return self._all(self._query.along(source, place, wanted, stretch=self._limits.tried))

    def _along(self, sources: Sequence[Source], place: Place | None, wanted: int, skip: int) -> Rows:
        """Take rows from one source after the other, in the order of their indexes."""
        rows: Rows = []
        for source in sources:
            if place is not None and source.rank < place.ranks[0]:
                continue
            behind = place if place is not None and source.rank == place.ranks[0] else None
            found = self._all(self._query.along(source, behind, wanted - len(rows), skip))
            rows += found
            if len(rows) == wanted:
                break
            if skip:
                passed = 0 if found else self._one(self._query.number_along(source, behind))[0]
                skip = 0 if found else skip - passed
        return rows

    def _all(self, sql: Sql) -> Rows:
        return self._db.execute(sql.text, sql.values).fetchall()

    def _one(self, sql: Sql) -> tuple[Any, ...]:
        row: tuple[Any, ...] = self._db.execute(sql.text, sql.values).fetchone()
        return row
