"""Runs as they are read back: search, one in full, metric curves, comparison."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from trackbook.capture.environment import Environment
from trackbook.capture.fingerprint.values import fingerprint
from trackbook.errors import NotFoundError, UsageError, nearest, shown
from trackbook.store import Store
from trackbook.store.curves import read_curve
from trackbook.store.metrics import Series
from trackbook.tracking.differences import CodeDifference, code_difference
from trackbook.tracking.names import is_automatic
from trackbook.tracking.rows import find, full_run, summaries
from trackbook.tracking.search.cursor import read_cursor, write_cursor
from trackbook.tracking.search.groups import RunGroups, check_groupable
from trackbook.tracking.search.keys import RunKeys, elsewhere, hints, read_keys
from trackbook.tracking.search.parse import parse_filter, parse_order
from trackbook.tracking.search.plan import LIMITS, Limits
from trackbook.tracking.search.query import place_of, prepare
from trackbook.tracking.search.search import Searcher
from trackbook.tracking.search.tree import Key
from trackbook.tracking.values import MetricPoint, Run, RunPage, RunSummary


class Runs:
    """Reads runs from the store; every call sees what was logged before it."""

    def __init__(self, store: Store, limits: Limits = LIMITS) -> None:
        """Read from `store`; `limits` say how a search chooses its way, which never changes what it finds."""
        self._store = store
        self._limits = limits

    def search(
        self,
        filter: str = "",
        order_by: Sequence[str] = (),
        max_results: int = 100,
        *,
        experiment: str | None = None,
        deleted: bool = False,
    ) -> list[RunSummary]:
        """Return the runs that `filter` lets through, newest first unless `order_by` says otherwise.

        Deleted runs are left out; with `deleted` they alone are found.  Raises UsageError that points at what it
        cannot read.
        """
        _check_number("max_results", max_results, 1)
        return list(self.page(filter, order_by, max_results, experiment=experiment, deleted=deleted).runs)

    def page(
        self,
        filter: str = "",
        order_by: Sequence[str] = (),
        limit: int = 100,
        cursor: str | None = None,
        *,
        skip: int = 0,
        experiment: str | None = None,
        deleted: bool = False,
    ) -> RunPage:
        """Return up to `limit` runs of a search, from behind `cursor` on, after leaving out `skip` of them.

        A cursor is the `next_cursor` of another page of the same search.  It stands at a run, not at a number, so
        that runs that come or go on earlier pages move nothing.  Raises UsageError as `search` does, and for a cursor
        of another search.
        """
        _check_number("limit", limit, 1)
        _check_number("skip", skip, 0)
        read, terms = parse_filter(filter, self._suggest), parse_order(order_by, self._suggest)
        listing = [read.text, [term.text for term in terms], experiment, deleted]
        with self._store.read() as db:
            query = prepare(db, read.tree, terms, experiment, deleted=deleted)
            if query is None:
                return RunPage((), None)
            place = None if cursor is None else read_cursor(cursor, listing, len(query.sorts))
            rows = Searcher(db, query, self._limits).places(place, limit + 1, skip)
            runs = summaries(db, [row[0] for row in rows[:limit]])
        following = write_cursor(place_of(rows[limit - 1]), listing) if len(rows) > limit else None
        return RunPage(tuple(runs), following)

    def count(self, filter: str = "", *, experiment: str | None = None, deleted: bool = False) -> int:
        """Return how many runs `filter` lets through; raises UsageError as `search` does."""
        read = parse_filter(filter, self._suggest)
        with self._store.read() as db:
            query = prepare(db, read.tree, (), experiment, deleted=deleted)
            return 0 if query is None else Searcher(db, query, self._limits).number()

    def groups(
        self,
        by: str,
        filter: str = "",
        *,
        metric: str | None = None,
        experiment: str | None = None,
        deleted: bool = False,
        limit: int = 100,
    ) -> RunGroups:
        """Return the runs that `filter` lets through by the values of the key `by`, the largest groups first.

        Each group comes with the spread of the last values of `metric`, a name.  Raises UsageError as `search` does,
        and for a key whose values make no groups.
        """
        _check_number("limit", limit, 1)
        read, (term, *_) = parse_filter(filter, self._suggest), parse_order([by], self._suggest)
        check_groupable(term.key)
        wanted = (term.key, *([Key("metrics", metric)] if metric else []))
        with self._store.read() as db:
            query = prepare(db, read.tree, (), experiment, deleted=deleted, others=wanted)
            if query is None:
                return RunGroups((), 0)
            return Searcher(db, query, self._limits).grouped(term.key, metric, limit)

    def curves(self, run_ids: Iterable[str]) -> list[str]:
        """Return the names of the metrics that have more than one value in one of the runs."""
        rows = [self._row(run_id) for run_id in run_ids]
        with self._store.read() as db:
            found = db.execute(
                "SELECT DISTINCT name FROM metric JOIN key ON key.id = key_id"
                " WHERE run_id IN (SELECT value FROM json_each(?)) AND count > 1 ORDER BY key_id",
                [msgspec.json.encode(rows).decode()],
            ).fetchall()
        return sorted((name for (name,) in found), key=is_automatic)

    def _row(self, run_id: str) -> int:
        with self._store.read() as db:
            return int(find(db, run_id)["id"])

    def keys(self, experiment: str | None = None) -> RunKeys:
        """Return the names of the params, metrics and tags that runs have: what can be searched for."""
        with self._store.read() as db:
            return read_keys(db, experiment)

    def hints(self, filter: str = "", order_by: Sequence[str] = ()) -> tuple[str, ...]:
        """Return a sentence for every key in a search that no run has, with the nearest that one has."""
        read, terms = parse_filter(filter, self._suggest), parse_order(order_by, self._suggest)
        return hints(read, terms, self.keys()) if read.mentions or terms else ()

    def _suggest(self, word: str) -> str:
        """Return a hint for a word that is no attribute but may be the name of a param, metric or tag."""
        return elsewhere(word, self.keys())

    def get(self, run_id: str) -> Run:
        """Return the run with this id, or with the only id that begins so; raises NotFoundError."""
        with self._store.read() as db:
            row = find(db, run_id)
            return full_run(db, row)

    def resolve(self, run_id: str) -> str:
        """Return the full id of the run whose id begins with `run_id`; raises NotFoundError."""
        with self._store.read() as db:
            return str(find(db, run_id)["run_id"])

    def metric_history(self, run_id: str, key: str) -> list[MetricPoint]:
        """Return all values of one metric of one run, by step."""
        with self._store.read() as db:
            row = find(db, run_id)
            found = db.execute("SELECT id FROM key WHERE name = ?", [key]).fetchone()
            series = read_curve(db, row["id"], found[0]) if found else Series()
        return [MetricPoint(*point) for point in series.ordered()]

    def artifact(self, run_id: str, path: str) -> bytes:
        """Return the content of a run's artifact; raises NotFoundError with the nearest path."""
        run = self.get(run_id)
        for artifact in run.artifacts:
            if artifact.path == path:
                return self._store.objects.get(artifact.digest)
        known = [artifact.path for artifact in run.artifacts]
        raise NotFoundError(f"run {run.run_id[:8]} has no artifact {path!r}{nearest(path, known)}")

    def writer_of(self, value: Any) -> str | None:
        """Return the newest finished run that wrote exactly this value, judged by its fingerprint; None without one."""
        digest = fingerprint(value).digest
        if digest is None:
            return None
        with self._store.read() as db:
            row = db.execute(
                "SELECT run.run_id FROM run_data JOIN run ON run.id = run_data.run_id"
                " WHERE fingerprint = ? AND role IN ('written', 'mutated') AND status = 'FINISHED'"
                " AND deleted_time IS NULL"
                " ORDER BY run.id DESC LIMIT 1",
                [digest],
            ).fetchone()
        return str(row[0]) if row else None

    def experiments(self) -> list[str]:
        """Return the names of all experiments."""
        with self._store.read() as db:
            return [name for (name,) in db.execute("SELECT name FROM experiment ORDER BY name").fetchall()]

    def compare_code(self, run_ids: Iterable[str]) -> dict[str, CodeDifference]:
        """Return what leads from the code of the first run to that of each other one, by the ids given."""
        first, *others = run_ids
        original = self.get(first)
        return {other: code_difference(original, self.get(other)) for other in others}

    def compare(self, run_ids: Iterable[str]) -> dict[str, dict[str, list[str | float | None]]]:
        """Return the values in all the runs under every name where they differ, in groups.

        The groups are `params`, `metrics` and `environment`, with the versions of distributions in the last.
        """
        runs = [self.get(run_id) for run_id in run_ids]
        return {
            "params": _differing([run.summary.params for run in runs]),
            "metrics": _differing([run.summary.metrics for run in runs]),
            "environment": _differing([_environment_rows(run) for run in runs]),
        }


def _environment_rows(run: Run) -> dict[str, Any]:
    return {} if run.environment is None else msgspec.convert(run.environment, Environment).rows()


def _differing(columns: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    names = sorted({name for column in columns for name in column})
    rows = {name: [column.get(name) for column in columns] for name in names}
    return {name: row for name, row in rows.items() if any(not _same(value, row[0]) for value in row)}


def _same(one: Any, other: Any) -> bool:
    return bool(one == other or (one != one and other != other))  # two NaNs are the same here


def _check_number(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < 2**31:
        raise UsageError(f"{name} is a whole number and at least {least}, not {shown(value)}")
