"""The tables, as a list of steps that only ever grows.

All rooms keep their tables here: one order of steps for one file.  Times are INTEGER milliseconds since the epoch
(`*_time`), structured values are JSON text.  Metric values have no declared type because SQLite turns a REAL NaN
into NULL: NaN is kept as the text 'NaN' (see `store.metrics`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from trackbook.store.connection import Database
from trackbook.store.guards import AUDIT_GUARDS
from trackbook.store.metrics import Point, Series, from_stored
from trackbook.store.points import encode_chunks

if TYPE_CHECKING:
    from sqlite_utils import Migrations

Step = Callable[[Database], None]
STEPS: list[Step] = []


def migrate(db: Database, applied: Sequence[str]) -> None:
    """Bring a database up to date inside the transaction of the caller; `applied` names the steps it has behind it."""
    from sqlite_utils import Database as Wrapped  # here: it imports pandas, and few processes ever migrate

    if len(applied) < len(STEPS):
        migrations().apply(Wrapped(db, execute_plugins=False))


def migrations() -> Migrations:
    """Return the steps as sqlite-utils wants them; it keeps the record of those that a database has been through."""
    from sqlite_utils import Migrations

    every = Migrations("trackbook")
    for step in STEPS:
        every(name=step.__name__)(_unwrapped(step))
    return every


def _unwrapped(step: Step) -> Callable[..., None]:
    def apply(wrapped: object) -> None:
        step(wrapped.conn)  # type: ignore[attr-defined]  # sqlite-utils' own type loads pandas

    return apply


def _step(step: Step) -> Step:
    STEPS.append(step)
    return step


def _execute(db: Database, *statements: str) -> None:
    for statement in statements:
        db.execute(statement)


@_step
def m001_tracking(db: Database) -> None:
    _execute(
        db,
        "CREATE TABLE journal (name TEXT PRIMARY KEY, consumed INTEGER NOT NULL) STRICT",
        "CREATE TABLE experiment (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT",
        "CREATE TABLE environment (digest TEXT PRIMARY KEY, content TEXT NOT NULL) STRICT",
        """
        CREATE TABLE run (
            id INTEGER PRIMARY KEY,
            run_id TEXT NOT NULL UNIQUE,
            experiment_id INTEGER REFERENCES experiment (id),
            run_name TEXT, kind TEXT, status TEXT NOT NULL,
            start_time INTEGER, end_time INTEGER,
            parent_run_id TEXT, user TEXT,
            source TEXT, notebook TEXT, cell_id TEXT, execution_count INTEGER,
            git_commit TEXT, git_branch TEXT,
            environment TEXT,
            error_type TEXT, error_message TEXT, traceback TEXT
        ) STRICT
        """,
        "CREATE INDEX run_by_experiment ON run (experiment_id, start_time)",
        "CREATE INDEX run_by_time ON run (start_time)",
        "CREATE INDEX run_by_parent ON run (parent_run_id) WHERE parent_run_id IS NOT NULL",
        "CREATE TABLE key (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT",
        """
        CREATE TABLE param (
            run_id INTEGER NOT NULL REFERENCES run (id), key_id INTEGER NOT NULL REFERENCES key (id),
            value TEXT NOT NULL, number REAL, PRIMARY KEY (run_id, key_id)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE metric (
            run_id INTEGER NOT NULL REFERENCES run (id), key_id INTEGER NOT NULL REFERENCES key (id),
            last ANY, last_step INTEGER NOT NULL, last_time INTEGER NOT NULL,
            first ANY, min REAL, max REAL, count INTEGER NOT NULL, PRIMARY KEY (run_id, key_id)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX metric_by_value ON metric (key_id, last)",
        """
        CREATE TABLE metric_point (
            id INTEGER PRIMARY KEY,
            run_id INTEGER NOT NULL, key_id INTEGER NOT NULL, step INTEGER NOT NULL, time INTEGER NOT NULL, value ANY
        ) STRICT
        """,
        "CREATE INDEX metric_point_by_run ON metric_point (run_id, key_id, step)",
        """
        CREATE TABLE tag (
            run_id INTEGER NOT NULL REFERENCES run (id), key TEXT NOT NULL, value TEXT NOT NULL,
            PRIMARY KEY (run_id, key)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE run_data (
            run_id INTEGER NOT NULL REFERENCES run (id), role TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,
            fingerprint TEXT, rows INTEGER, size INTEGER, columns TEXT, reason TEXT, PRIMARY KEY (run_id, role, name)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX run_data_by_fingerprint ON run_data (fingerprint) WHERE fingerprint IS NOT NULL",
        """
        CREATE TABLE artifact (
            run_id INTEGER NOT NULL REFERENCES run (id), path TEXT NOT NULL,
            digest TEXT NOT NULL, size INTEGER NOT NULL, media_type TEXT NOT NULL, PRIMARY KEY (run_id, path)
        ) STRICT, WITHOUT ROWID
        """,
    )


@_step
def m002_data(db: Database) -> None:
    _execute(
        db,
        "CREATE TABLE dataset (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT",
        """
        CREATE TABLE dataset_version (
            id INTEGER PRIMARY KEY,
            dataset_id INTEGER NOT NULL REFERENCES dataset (id), version INTEGER NOT NULL,
            fingerprint TEXT NOT NULL, digest TEXT NOT NULL, format TEXT NOT NULL, size INTEGER NOT NULL,
            rows INTEGER, columns INTEGER, schema TEXT NOT NULL, source TEXT,
            run_id TEXT, created_time INTEGER NOT NULL, created_by TEXT NOT NULL,
            UNIQUE (dataset_id, version)
        ) STRICT
        """,
    )


@_step
def m003_registry(db: Database) -> None:
    _execute(
        db,
        """
        CREATE TABLE audit_event (
            seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
            subject TEXT NOT NULL, payload TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL UNIQUE
        ) STRICT
        """,
        """
        CREATE TABLE model (
            id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, description TEXT NOT NULL, created_time INTEGER NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE model_version (
            id INTEGER PRIMARY KEY,
            model_id INTEGER NOT NULL REFERENCES model (id), version INTEGER NOT NULL,
            digest TEXT NOT NULL, format TEXT NOT NULL, size INTEGER NOT NULL, stage TEXT NOT NULL,
            run_id TEXT, params TEXT NOT NULL, metrics TEXT NOT NULL, signature TEXT, environment TEXT,
            description TEXT NOT NULL, created_time INTEGER NOT NULL, created_by TEXT NOT NULL,
            UNIQUE (model_id, version)
        ) STRICT
        """,
        """
        CREATE TABLE model_alias (
            model_id INTEGER NOT NULL REFERENCES model (id), alias TEXT NOT NULL, version INTEGER NOT NULL,
            PRIMARY KEY (model_id, alias)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE gate_result (
            id INTEGER PRIMARY KEY, model_version_id INTEGER NOT NULL REFERENCES model_version (id),
            stage TEXT NOT NULL, gate TEXT NOT NULL, passed INTEGER NOT NULL, value ANY, reason TEXT NOT NULL,
            judged_digest TEXT NOT NULL, time INTEGER NOT NULL
        ) STRICT
        """,
        "CREATE INDEX gate_result_by_version ON gate_result (model_version_id)",
    )


@_step
def m004_pipeline(db: Database) -> None:
    _execute(
        db,
        """
        CREATE TABLE pipeline_verification (
            id INTEGER PRIMARY KEY, notebook TEXT NOT NULL, script TEXT NOT NULL, script_digest TEXT NOT NULL,
            verdict TEXT NOT NULL, content TEXT NOT NULL, time INTEGER NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE step_cache (
            key TEXT PRIMARY KEY, step TEXT NOT NULL, outputs TEXT NOT NULL, run_id TEXT, time INTEGER NOT NULL
        ) STRICT
        """,
    )


@_step
def m005_monitoring(db: Database) -> None:
    _execute(
        db,
        """
        CREATE TABLE drift_report (
            id INTEGER PRIMARY KEY, report_id TEXT NOT NULL UNIQUE, reference TEXT NOT NULL, current TEXT NOT NULL,
            state TEXT NOT NULL, content TEXT NOT NULL, run_id TEXT, created_time INTEGER NOT NULL
        ) STRICT
        """,
    )


@_step
def m006_writers(db: Database) -> None:
    _execute(
        db,
        """
        CREATE TABLE run_writer (
            run_id INTEGER NOT NULL REFERENCES run (id), journal TEXT NOT NULL, PRIMARY KEY (journal, run_id)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX run_writer_by_run ON run_writer (run_id)",
    )


@_step
def m007_proof(db: Database) -> None:
    _execute(
        db,
        """
        CREATE TABLE cell_execution (
            session TEXT NOT NULL, number INTEGER NOT NULL, source TEXT NOT NULL, start_time INTEGER NOT NULL,
            seconds REAL NOT NULL, status TEXT NOT NULL,
            notebook TEXT, cell_id TEXT, execution_count INTEGER, error_line INTEGER, PRIMARY KEY (session, number)
        ) STRICT
        """,
        "CREATE INDEX cell_execution_by_notebook ON cell_execution (notebook, start_time) WHERE notebook IS NOT NULL",
        "CREATE INDEX run_by_notebook ON run (notebook, cell_id, start_time) WHERE notebook IS NOT NULL",
        """
        CREATE TABLE run_program (
            run_id INTEGER NOT NULL REFERENCES run (id), session TEXT NOT NULL, number INTEGER NOT NULL,
            PRIMARY KEY (run_id, session, number)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE run_fact (
            run_id INTEGER NOT NULL REFERENCES run (id), name TEXT NOT NULL, content TEXT NOT NULL,
            PRIMARY KEY (run_id, name)
        ) STRICT, WITHOUT ROWID
        """,
        "ALTER TABLE run ADD COLUMN git_remote TEXT",
        "ALTER TABLE run ADD COLUMN git_patch TEXT",
        "CREATE TABLE environment_lock (digest TEXT PRIMARY KEY, lock TEXT NOT NULL, time INTEGER NOT NULL) STRICT",
        """
        CREATE TABLE reproduction (
            id INTEGER PRIMARY KEY, reproduction_id TEXT NOT NULL UNIQUE, run_id TEXT NOT NULL,
            verdict TEXT NOT NULL, content TEXT NOT NULL, start_time INTEGER NOT NULL, end_time INTEGER NOT NULL,
            user TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX reproduction_by_run ON reproduction (run_id, id)",
    )


@_step
def m008_search(db: Database) -> None:
    """What a search needs: the experiment leads every index.  And what is said of a run later: edits, deletion."""
    _execute(
        db,
        "ALTER TABLE run ADD COLUMN deleted_time INTEGER",
        "ALTER TABLE run ADD COLUMN note TEXT",
        "ALTER TABLE run ADD COLUMN changed INTEGER NOT NULL DEFAULT 0",
        "CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID",
        "CREATE INDEX run_by_status ON run (experiment_id, status, start_time)",
        "CREATE INDEX run_by_deletion ON run (deleted_time) WHERE deleted_time IS NOT NULL",
        """
        CREATE TABLE run_edit (
            run_id INTEGER NOT NULL REFERENCES run (id), field TEXT NOT NULL, value TEXT, time INTEGER NOT NULL,
            user TEXT NOT NULL, PRIMARY KEY (run_id, field)
        ) STRICT, WITHOUT ROWID
        """,
        "ALTER TABLE param ADD COLUMN experiment_id INTEGER REFERENCES experiment (id)",
        "ALTER TABLE metric ADD COLUMN experiment_id INTEGER REFERENCES experiment (id)",
        "UPDATE param SET experiment_id = (SELECT experiment_id FROM run WHERE run.id = run_id)",
        "UPDATE metric SET experiment_id = (SELECT experiment_id FROM run WHERE run.id = run_id)",
        "CREATE INDEX param_by_value ON param (experiment_id, key_id, value, run_id)",
        "CREATE INDEX param_by_number ON param (experiment_id, key_id, number, run_id) WHERE number IS NOT NULL",
        "CREATE INDEX metric_by_experiment ON metric (experiment_id, key_id, last, run_id)",
        "DROP INDEX metric_by_value",
        "CREATE INDEX metric_by_value ON metric (key_id, last, run_id)",
        "CREATE INDEX tag_by_value ON tag (key, value, run_id)",
    )


@_step
def m009_points(db: Database) -> None:
    """Metric points in compressed chunks, instead of a row each."""
    _execute(
        db,
        """
        CREATE TABLE metric_chunk (
            id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL, key_id INTEGER NOT NULL, number INTEGER NOT NULL,
            count INTEGER NOT NULL, content BLOB NOT NULL, UNIQUE (run_id, key_id, number)
        ) STRICT
        """,
    )
    rows = db.execute("SELECT run_id, key_id, step, time, value FROM metric_point ORDER BY run_id, key_id, id")
    for (run, key), points in groupby(rows, key=lambda row: row[:2]):
        series = Series.of(Point(step, time, from_stored(value)) for _, _, step, time, value in points)
        if len(series) > 1:  # one point is what its summary says
            db.executemany(
                "INSERT INTO metric_chunk (run_id, key_id, number, count, content) VALUES (?, ?, ?, ?, ?)",
                [(run, key, number, count, content) for number, (count, content) in enumerate(encode_chunks(series))],
            )
    db.execute("DROP TABLE metric_point")


@_step
def m011_exchange(db: Database) -> None:
    """What an exchange with other stores remembers, so that nothing is moved twice."""
    _execute(
        db,
        # The record of a run as of `run.changed`, and the records of others that are in these tables already.
        """
        CREATE TABLE run_record (
            run_id INTEGER PRIMARY KEY REFERENCES run (id), changed INTEGER NOT NULL, digest TEXT NOT NULL
        ) STRICT
        """,
        "CREATE TABLE received (digest TEXT PRIMARY KEY) STRICT, WITHOUT ROWID",
        "CREATE TABLE run_purged (run_id TEXT PRIMARY KEY, time INTEGER NOT NULL) STRICT, WITHOUT ROWID",
        # The number that a dataset version had where it was made, when that was taken here.
        "ALTER TABLE dataset_version ADD COLUMN origin INTEGER",
    )


@_step
def m012_listing(db: Database) -> None:
    """What lists and counts need: the runs of an experiment as they came, and whether a run is deleted."""
    _execute(
        db,
        "CREATE INDEX run_by_arrival ON run (experiment_id)",
        "CREATE INDEX run_deleted ON run (id) WHERE deleted_time IS NOT NULL",
    )


@_step
def m013_automatic(db: Database) -> None:
    _execute(db, "ALTER TABLE dataset_version ADD COLUMN automatic INTEGER NOT NULL DEFAULT 0")


@_step
def m014_archive(db: Database) -> None:
    """An outbox for the archive: each change of a row that no journal holds is noted where it happens."""
    _execute(
        db,
        "CREATE TABLE outbox (id INTEGER PRIMARY KEY, table_name TEXT NOT NULL, row INTEGER NOT NULL) STRICT",
        "DROP TABLE run_purged",
        "CREATE TABLE run_purged (run_id TEXT PRIMARY KEY, time INTEGER NOT NULL) STRICT",
    )
    for table in (
        *("environment", "environment_lock", "dataset", "dataset_version", "audit_event", "reproduction"),
        *("drift_report", "pipeline_verification", "run_purged"),
    ):
        note = f"INSERT INTO outbox (table_name, row) VALUES ('{table}', NEW.rowid)"  # noqa: S608 - ours
        _execute(
            db,
            f"INSERT INTO outbox (table_name, row) SELECT '{table}', rowid FROM {table}",  # noqa: S608 - ours
            f"CREATE TRIGGER {table}_inserted AFTER INSERT ON {table} BEGIN {note}; END",
            f"CREATE TRIGGER {table}_updated AFTER UPDATE ON {table} BEGIN {note}; END",
        )


@_step
def m015_scripts(db: Database) -> None:
    """What the script of a notebook was made of when it was written last."""
    _execute(
        db,
        """
        CREATE TABLE pipeline_script (
            script TEXT PRIMARY KEY, digest TEXT NOT NULL, content TEXT NOT NULL, text TEXT NOT NULL,
            time INTEGER NOT NULL
        ) STRICT
        """,
    )


@_step
def m016_audit(db: Database) -> None:
    """Audit events are only ever added, and say who vouched for the name of the actor."""
    _execute(
        db,
        "ALTER TABLE audit_event ADD COLUMN authority TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX audit_event_by_subject ON audit_event (subject, seq)",
        "DROP TRIGGER audit_event_updated",
        *(AUDIT_GUARDS[name] for name in sorted(AUDIT_GUARDS)),
    )


_REGISTRY = (
    """
    CREATE TABLE model (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, description TEXT NOT NULL, created_time INTEGER NOT NULL,
        owner TEXT NOT NULL DEFAULT '', tags TEXT NOT NULL DEFAULT '{}', intended_use TEXT NOT NULL DEFAULT '',
        limits TEXT NOT NULL DEFAULT ''
    ) STRICT
    """,
    """
    CREATE TABLE model_version (
        id INTEGER PRIMARY KEY,
        model_id INTEGER NOT NULL REFERENCES model (id), version INTEGER NOT NULL,
        digest TEXT NOT NULL, format TEXT NOT NULL, size INTEGER NOT NULL, stage TEXT NOT NULL,
        run_id TEXT, params TEXT NOT NULL, metrics TEXT NOT NULL, signature TEXT, environment TEXT,
        description TEXT NOT NULL, created_time INTEGER NOT NULL, created_by TEXT NOT NULL,
        author TEXT NOT NULL DEFAULT '', authority TEXT NOT NULL DEFAULT '', owner TEXT NOT NULL DEFAULT '',
        tags TEXT NOT NULL DEFAULT '{}', example TEXT, training TEXT, program TEXT,
        datasets TEXT NOT NULL DEFAULT '[]', libraries TEXT NOT NULL DEFAULT '{}',
        override TEXT, deprecated TEXT, deleted_time INTEGER,
        UNIQUE (model_id, version)
    ) STRICT
    """,
    # All that a list of models looks at, so that it reads no params and metrics on its way.
    """
    CREATE INDEX model_version_listed ON model_version
        (model_id, version, deleted_time, created_time, override, deprecated, format)
    """,
    """
    CREATE INDEX model_version_staged ON model_version
        (stage, model_id, version, deleted_time, override, deprecated, format)
        WHERE stage IN ('staging', 'production')
    """,
    """
    CREATE TABLE model_alias (
        model_id INTEGER NOT NULL REFERENCES model (id), alias TEXT NOT NULL, version INTEGER NOT NULL,
        PRIMARY KEY (model_id, alias)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE gate_result (
        id INTEGER PRIMARY KEY, model_version_id INTEGER NOT NULL REFERENCES model_version (id),
        stage TEXT NOT NULL, gate TEXT NOT NULL, passed INTEGER NOT NULL, value ANY, reason TEXT NOT NULL,
        judged_digest TEXT NOT NULL, time INTEGER NOT NULL,
        evidence TEXT, digests TEXT NOT NULL DEFAULT '{}', policy TEXT, event INTEGER
    ) STRICT
    """,
    "CREATE INDEX gate_result_by_version ON gate_result (model_version_id)",
    """
    CREATE TABLE approval (
        event INTEGER PRIMARY KEY, model_version_id INTEGER NOT NULL REFERENCES model_version (id),
        stage TEXT NOT NULL, approver TEXT NOT NULL, authority TEXT NOT NULL, approved INTEGER NOT NULL,
        comment TEXT NOT NULL, judged_digest TEXT NOT NULL, gates TEXT NOT NULL, policy TEXT NOT NULL,
        time INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE INDEX approval_by_version ON approval (model_version_id)",
    """
    CREATE TABLE model_policy (
        model_id INTEGER NOT NULL REFERENCES model (id), stage TEXT NOT NULL, policy TEXT NOT NULL,
        content TEXT NOT NULL, PRIMARY KEY (model_id, stage)
    ) STRICT, WITHOUT ROWID
    """,
)
"""The tables of the registry, which all follow from its audit events."""


@_step
def m017_policy(db: Database) -> None:
    """What approvals, policies and the care for versions need."""
    # SQLite looks through the whole file for each column that it adds, so the few small tables are made anew.
    tables = ("gate_result", "model_alias", "model_version", "model")  # those first that refer to others
    for table in tables:
        _execute(db, f"CREATE TEMP TABLE old_{table} AS SELECT * FROM main.{table}", f"DROP TABLE main.{table}")  # noqa: S608
    _execute(db, *_REGISTRY)
    for table in reversed(tables):
        columns = ", ".join(row[1] for row in db.execute(f"PRAGMA temp.table_info(old_{table})").fetchall())
        _execute(
            db,
            f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM temp.old_{table}",  # noqa: S608 - ours
            f"DROP TABLE temp.old_{table}",
        )
