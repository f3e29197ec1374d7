"""A search that is ready to run: what it means in one database, and the statements of the ways to its runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.tracking.search.groups import numbers_of, value_of
from trackbook.tracking.search.order import Experiments, Place, Sort, Source, after, behind_in, ordering, sorts_of
from trackbook.tracking.search.ranges import Range, Scope
from trackbook.tracking.search.sql import KeyIds, Sql, condition, is_listed, joined, needs_run
from trackbook.tracking.search.tree import Comparison, Conjunction, Key, Membership, Node, Term, conjuncts, keys_of

if TYPE_CHECKING:
    from trackbook.store import Database

MERGED = 50
"""Experiments whose lists are merged; of more a listing is sorted."""
_EXPERIMENT = Key("attributes", "experiment")
_GONE = (
    "EXISTS (SELECT 1 FROM run AS gone INDEXED BY run_deleted WHERE gone.id = {row} AND gone.deleted_time IS NOT NULL)"
)
DELETED = "SELECT id AS entry FROM run INDEXED BY run_deleted WHERE deleted_time IS NOT NULL"


class Query(msgspec.Struct, frozen=True):
    """A tree and an order with the keys and experiments of one database looked up.

    `left_out` says which runs are: "deleted", "kept" (all that are not), or "" as none is deleted.  `experiments` are
    those of the runs, None where they are too many to ask one by one.
    """

    tree: Node
    ids: KeyIds
    scope: Scope
    sorts: tuple[Sort, ...]
    left_out: str = ""
    experiments: Experiments = None

    def through(self, driver: Range | None, place: Place | None, limit: int, skip: int = 0) -> Sql:
        """Select the places of the runs of `driver` (None: of all runs) that meet the rest, sorted."""
        tests, _ = self._tests("run.id" if driver is None else "found.entry", driver)
        if place is not None:
            tests.append(after(self.sorts, place))
        columns = ", ".join(["run.id", *(f"{sort.rank}, {sort.value}" for sort in self.sorts)])
        return _sum(
            [
                Sql(f"SELECT {columns} FROM "),
                _entries(driver),
                *(sort.join for sort in self.sorts),
                _where(tests),
                Sql(f" ORDER BY {', '.join(sort.order() for sort in self.sorts)}, run.id DESC"),
                Sql(" LIMIT ? OFFSET ?", (limit, skip)),
            ]
        )

    def along(
        self, source: Source, place: Place | None, limit: int, skip: int = 0, *, stretch: int | None = None
    ) -> Sql:
        """Select the places of the runs of `source` in the order of its index; with `stretch`, of so many entries."""
        entries = [source.where, *([behind_in(source, self.sorts, place)] if place else [])]
        table = Sql(source.table)
        if stretch is not None:
            source, table = _stretch(source, self.sorts, entries, stretch)
            entries = []
        tests, looks = self._tests(source.row, scoped=source.scoped)
        others = self.sorts[1:]
        look = Sql(f" CROSS JOIN run ON run.id = {source.row}" if looks or others else "")
        columns = [source.row, str(source.rank), source.value, *(f"{sort.rank}, {sort.value}" for sort in others)]
        return _sum(
            [
                Sql(f"SELECT {', '.join(columns)} FROM "),
                table,
                look,
                *(sort.join for sort in others),
                _where([*entries, *tests]),
                Sql(f" ORDER BY {ordering(source, self.sorts)} LIMIT ? OFFSET ?", (limit, skip)),
            ]
        )

    def number_along(self, source: Source, place: Place | None) -> Sql:
        """Count the runs that `along` selects without a limit."""
        return _counted(self.along(source, place, -1))

    def number_through(self, driver: Range | None) -> Sql:
        """Count the runs of `driver` that meet the rest, looking at no run where that is not needed."""
        if driver is None:
            tests, _ = self._tests("run.id", scoped=True)
            if self.scope is None:
                return Sql("SELECT count(*) FROM run") + _where(tests)
            within = Sql(f"experiment_id IN ({_marks(self.scope)})", self.scope)
            return Sql("SELECT count(*) FROM run INDEXED BY run_by_arrival") + _where([within, *tests])
        tests, looks = self._tests("found.entry", driver)
        look = Sql(" CROSS JOIN run ON run.id = found.entry" if looks else "")
        entries = Sql(f"({driver.select.text}) AS found", driver.select.values)
        return _sum([Sql("SELECT count(*) FROM "), entries, look, _where(tests)])

    def grouped(self, driver: Range | None, key: Key, metric: str | None, limit: int) -> Sql:
        """Select the `limit` largest groups by the values of `key`: value, runs, spread of `metric`, all groups."""
        tests, _ = self._tests("run.id", driver)
        values, value = value_of(key, self.ids)
        spread = "min(m.last), avg(m.last), max(m.last)"
        return _sum(
            [
                Sql(f"SELECT {value} AS value, count(*) AS runs, {spread}, count(*) OVER () FROM "),
                _entries(driver),
                values,
                numbers_of(metric, self.ids),
                _where(tests),
                Sql(" GROUP BY value ORDER BY runs DESC, value LIMIT ?", (limit,)),
            ]
        )

    def _tests(self, row: str, driver: Range | None = None, *, scoped: bool = False) -> tuple[list[Sql], bool]:
        """Return what is still to be checked of the run numbered `row`, and whether that needs the run itself."""
        left = [part for part in conjuncts(self.tree) if driver is None or not driver.exact or part not in driver.nodes]
        one = self.scope[0] if self.scope is not None and len(self.scope) == 1 else None
        left.sort(key=is_listed, reverse=True)  # what is checked first decides most
        tests = [condition(part, self.ids, row, one) for part in left]
        looks = any(map(needs_run, left))
        if self.scope is not None and not scoped and not (driver is not None and driver.scoped):
            tests.append(Sql(f"run.experiment_id IN ({_marks(self.scope)})", self.scope))
            looks = True
        if self.left_out:
            gone = _GONE.format(row=row)
            tests.append(Sql(f"NOT {gone}" if self.left_out == "deleted" else gone))
        return tests, looks


def prepare(
    db: Database,
    tree: Node,
    terms: Sequence[Term],
    experiment: str | None,
    *,
    deleted: bool,
    others: Iterable[Key] = (),
) -> Query | None:
    """Look up what a tree, an order and `others` name; None when no run can be found (no such experiment, …)."""
    tree, scope = _scope(db, tree, experiment)
    any_deleted = db.execute(f"SELECT EXISTS ({DELETED})").fetchone()[0]
    if scope == () or (deleted and not any_deleted):
        return None
    ids = key_ids(db, {*keys_of(tree), *(term.key for term in terms), *others})
    left_out = "kept" if deleted else "deleted" if any_deleted else ""
    return Query(tree, ids, scope, sorts_of(terms, ids), left_out, _experiments(db, scope))


def key_ids(db: Database, keys: Iterable[Key]) -> dict[str, int]:
    """Return the integer keys of the metrics and params among `keys`, those that exist."""
    names = sorted({key.name for key in keys if key.collection in ("metrics", "params")})
    sql = f"SELECT name, id FROM key WHERE name IN ({_marks(names)})"
    return dict(db.execute(sql, names).fetchall()) if names else {}


def place_of(row: Sequence[Any]) -> Place:
    """Return the place of a row that `along` or `through` selected."""
    return Place(tuple(row[1::2]), tuple(row[2::2]), row[0])


def _scope(db: Database, tree: Node, experiment: str | None) -> tuple[Node, Scope]:
    """Take the experiments that a search is confined to out of its tree."""
    names: set[Any] | None = None if experiment is None else {experiment}
    left = []
    for part in conjuncts(tree):
        match part:
            case Comparison(key=key, operator="=", value=name) if key == _EXPERIMENT:
                named = {name}
            case Membership(key=key, values=several, negated=False) if key == _EXPERIMENT:
                named = set(several)
            case _:
                left.append(part)
                continue
        names = named if names is None else names & named
    if names is None:
        return tree, None
    found = db.execute(f"SELECT id FROM experiment WHERE name IN ({_marks(names)})", sorted(names))
    return Conjunction(tuple(left)), tuple(row for (row,) in found.fetchall())


def _experiments(db: Database, scope: Scope) -> Experiments:
    found: Experiments = scope
    if scope is None:
        rows = db.execute("SELECT id FROM experiment LIMIT ?", [MERGED + 1]).fetchall()
        found = (*(row for (row,) in rows), None)
    return found if found and len(found) <= MERGED else None


def _entries(driver: Range | None) -> Sql:
    if driver is None:
        return Sql("run")
    return Sql(f"({driver.select.text}) AS found CROSS JOIN run ON run.id = found.entry", driver.select.values)


def _stretch(source: Source, sorts: Sequence[Sort], entries: Sequence[Sql], length: int) -> tuple[Source, Sql]:
    """Return the first `length` entries of a source, as a source and its table."""
    where = _where(entries)
    table = (
        f"(SELECT {source.row} AS entry, {source.value} AS value FROM {source.table}{where.text}"
        f" ORDER BY {ordering(source, sorts[:1])} LIMIT ?) AS s0"
    )
    value = "NULL" if source.value == "NULL" else "s0.value"
    return msgspec.structs.replace(source, row="s0.entry", value=value), Sql(table, (*where.values, length))


def _counted(select: Sql) -> Sql:
    return Sql(f"SELECT count(*) FROM ({select.text})", select.values)


def _where(tests: Sequence[Sql]) -> Sql:
    return Sql(" WHERE ") + joined(" AND ", tests) if tests else Sql("")


def _sum(parts: Iterable[Sql]) -> Sql:
    total = Sql("")
    for part in parts:
        total += part
    return total


def _marks(values: Iterable[Any]) -> str:
    return ", ".join("?" for _ in values)
