"""The tables, as a list of steps that only ever grows.

All rooms keep their tables here: one order of steps for one file.  Times are INTEGER milliseconds since the epoch
(`*_time`), structured values are JSON text.  Metric values have no declared type because SQLite turns a REAL NaN
into NULL: NaN is kept as the text 'NaN' (see `store.metrics`).
"""

from __future__ import annotations

from sqlite_utils import Database, Migrations

migrations = Migrations("trackbook")


def _execute(db: Database, *statements: str) -> None:
    for statement in statements:
        db.execute(statement)


@migrations()
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


@migrations()
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


@migrations()
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


@migrations()
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


@migrations()
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


@migrations()
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


@migrations()
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
