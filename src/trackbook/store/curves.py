"""The curves in the database: chunks of points, and the summary of each (run, key) that lists and searches read.

A metric with one point has no chunk: its summary says all there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackbook.store.metrics import Series, Summary, from_stored, summarise, to_stored
from trackbook.store.points import CHUNK, decode, encode_chunks

if TYPE_CHECKING:
    from trackbook.store.connection import Database


def read_curve(db: Database, run: int, key: int) -> Series:
    """Return all points of one metric of one run, as they were logged; empty without any."""
    rows = db.execute(
        "SELECT content FROM metric_chunk WHERE run_id = ? AND key_id = ? ORDER BY number", [run, key]
    ).fetchall()
    series = Series()
    for (content,) in rows:
        series.extend(decode(content))
    if not rows:
        summary = read_summary(db, run, key)
        if summary is not None:
            series.add(summary.last_step, summary.last_time, summary.last)
    return series


def add_points(db: Database, run: int, key: int, series: Series) -> None:
    """Add points to a curve, and to its summary; inside the caller's transaction."""
    before = read_summary(db, run, key)
    if before is not None:
        number, series_to_write = _continued(db, run, key, before, series)
        _write_chunks(db, run, key, number, series_to_write)
    elif len(series) > 1:
        _write_chunks(db, run, key, 0, series)
    _write_summary(db, run, key, summarise(series, before))


def read_summary(db: Database, run: int, key: int) -> Summary | None:
    """Return the summary of one metric of one run; None when it has no points."""
    row = db.execute(
        "SELECT last, last_step, last_time, first, min, max, count FROM metric WHERE run_id = ? AND key_id = ?",
        [run, key],
    ).fetchone()
    if row is None:
        return None
    last, last_step, last_time, first, low, high, count = row
    return Summary(from_stored(last), last_step, last_time, from_stored(first), low, high, count)


def _continued(db: Database, run: int, key: int, before: Summary, series: Series) -> tuple[int, Series]:
    """Return the number of the chunk to write from, and what it begins with before `series`."""
    last = db.execute(
        "SELECT number, count, content FROM metric_chunk WHERE run_id = ? AND key_id = ? ORDER BY number DESC LIMIT 1",
        [run, key],
    ).fetchone()
    if last is None:
        whole = Series([before.last_step], [before.last_time], [before.last])
    else:
        number, count, content = last
        if count >= CHUNK:
            return number + 1, series
        whole = decode(content)
    whole.extend(series)
    return (0 if last is None else number), whole


def _write_chunks(db: Database, run: int, key: int, number: int, series: Series) -> None:
    db.executemany(
        "INSERT INTO metric_chunk (run_id, key_id, number, count, content) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET count = excluded.count, content = excluded.content",
        [(run, key, at, count, content) for at, (count, content) in enumerate(encode_chunks(series), number)],
    )


def _write_summary(db: Database, run: int, key: int, new: Summary) -> None:
    db.execute(
        """
        INSERT INTO metric (run_id, key_id, last, last_step, last_time, first, min, max, count, experiment_id)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT experiment_id FROM run WHERE id = ?))
        ON CONFLICT DO UPDATE SET last = excluded.last, last_step = excluded.last_step,
            last_time = excluded.last_time, min = excluded.min, max = excluded.max, count = excluded.count
        """,
        [
            run,
            key,
            to_stored(new.last),
            new.last_step,
            new.last_time,
            to_stored(new.first),
            new.min,
            new.max,
            new.count,
            run,
        ],
    )
