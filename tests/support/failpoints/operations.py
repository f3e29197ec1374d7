"""What is done to a store while it is mistreated: each operation prepares a project, acts, and says what was kept.

An operation acts on a `Session`, which opens the project as a process does and tells the records of
`failpoints.records`; it is asked to act again, in the same process, when the fault is over.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from trackbook.project import Project
from trackbook.store import backup, durable, events, gc, migrations, objects
from trackbook.store.database import connect_for_writing
from trackbook.store.migrations import STEPS
from trackbook.tracking import ActiveRun

Act = Callable[["Session"], None]
OPERATIONS: dict[str, tuple[Act | None, Act]] = {}
"""By name: what makes the project that is started from, and what is done to it."""


durable.SYNCED_EACH = 2  # so that a batch of few objects goes all the ways that one of thousands does
objects.LONG = 20_000  # so that a file of this size goes the way of one that takes long to copy


class Session:
    """One process's use of the project in `folder`; `label` tells what it does from what others do."""

    def __init__(self, folder: Path, say: Callable[..., None], label: str) -> None:
        self.folder = folder
        self.say = say
        self.label = label

    @cached_property
    def project(self) -> Project:
        return Project.open(self.folder)

    @cached_property
    def tag(self) -> bytes:
        return self.label.encode()


def operation(name: str, prepare: Act | None = None) -> Callable[[Act], Act]:
    """Put what the decorated function does into `OPERATIONS`."""

    def add(act: Act) -> Act:
        OPERATIONS[name] = (prepare, act)
        return act

    return add


def start(session: Session) -> ActiveRun:
    run = session.project.tracker.start_run(session.label, nested=True)
    session.say("start", run.run_id)
    return run


def log(session: Session, run: ActiveRun, points: int = 3) -> None:
    for step in range(points):
        run.log_metric("loss", step / 7)
        session.say("metric", run.run_id, "loss", step, step / 7)
    run.log_param("rate", session.label)
    session.say("param", run.run_id, "rate", session.label)


def end(session: Session, run: ActiveRun) -> None:
    run.end()
    session.say("end", run.run_id)


def used(session: Session) -> None:
    """A store that has been used: every table is there, a run has ended and its journal is drained."""
    run = start(session)
    log(session, run)
    digest = run.log_artifact(b"kept", "a.txt")
    session.say("artifact", run.run_id, "a.txt", digest)
    end(session, run)
    session.project.store.close()


def journalled(session: Session) -> None:
    """A used store, and the journal of a writer that is gone without having drained it."""
    used(session)
    run = start(session)
    log(session, run, 30)
    run.add_artifact("inline.txt", b"travels in the journal")
    run.set_tag("colour", "red")
    session.say("tag", run.run_id, "colour", "red")
    end(session, run)
    os._exit(0)  # as one that is killed: its exit would drain the journal


@operation("first use")
def first_use(session: Session) -> None:
    run = start(session)
    log(session, run)
    end(session, run)
    session.project.runs.search()  # makes the database; of a failing disk it shows what it can, with a warning


@operation("append", used)
def append(session: Session) -> None:
    run = start(session)
    log(session, run)
    run.set_tag("colour", "red")
    session.say("tag", run.run_id, "colour", "red")


@operation("durable append", used)
def durable_append(session: Session) -> None:
    end(session, start(session))


@operation("drain", journalled)
def drain(session: Session) -> None:
    session.project.store.drain()


@operation("read", journalled)
def read(session: Session) -> None:
    for run in session.project.runs.search():
        session.say("start", run.run_id)
        if run.status == "FINISHED":
            session.say("end", run.run_id)


@operation("transaction", journalled)
def transaction(session: Session) -> None:
    with session.project.store.write() as db:
        db.execute("INSERT INTO dataset (name) VALUES (?)", [session.label])
    session.say("row", session.label)


@operation("object put", used)
def object_put(session: Session) -> None:
    content = session.tag * 1000
    session.say("object", session.project.store.objects.put(content), len(content))


@operation("object put compressed", used)
def object_put_compressed(session: Session) -> None:
    content = session.tag * 20_000
    session.say("object", session.project.store.objects.put(content, compress=True), len(content))


@operation("object put of a file", used)
def object_put_file(session: Session) -> None:
    path = session.folder / f"{session.label}.bin"
    path.write_bytes(session.tag * 10_000)
    session.say("object", session.project.store.objects.put(path), path.stat().st_size)


@operation("objects put together", used)
def objects_put(session: Session) -> None:
    contents = [session.tag * 100 + bytes([number]) for number in range(6)]
    digests = session.project.store.objects.put_many(contents)
    for digest, content in zip(digests, contents, strict=True):
        session.say("object", digest, len(content))


@operation("end of a run with artifacts", used)
def run_end(session: Session) -> None:
    run = start(session)
    log(session, run)
    digest = run.log_artifact(session.tag * 1000, "big.bin")
    session.say("artifact", run.run_id, "big.bin", digest)
    run.add_artifact("small.txt", session.tag)
    end(session, run)


@operation("close", used)
def close(session: Session) -> None:
    run = start(session)
    log(session, run)
    session.project.store.close()


@operation("edit", used)
def edit(session: Session) -> None:
    (run, *_) = session.project.runs.search()
    store = session.project.store
    store.append(events.RunEdited(run.run_id, f"tags.{session.label}", "said", 1, "ada"), durable=True)
    session.say("tag", run.run_id, session.label, "said")


@operation("gc", used)
def collect_garbage(session: Session) -> None:
    session.project.store.objects.put(b"nothing refers to it" + session.tag)
    gc.collect(session.project.store, grace=0, remove=True)


@operation("backup", used)
def back_up(session: Session) -> None:
    backup.back_up(session.project.store, session.folder / "backup")
    session.say("backup", "backup")


def of_version(steps: int) -> Act:
    """Return what makes a store as Trackbook made it when it had `steps` migrations."""

    def prepare(session: Session) -> None:
        store = session.project.store
        later = STEPS[steps:]
        del STEPS[steps:]
        try:
            with connect_for_writing(store.database) as db:
                db.execute("BEGIN")
                db.execute("INSERT INTO experiment VALUES (1, 'old')")
                db.execute(
                    "INSERT INTO run (run_id, experiment_id, run_name, kind, status, start_time, end_time)"
                    " VALUES (?, 1, 'old', 'python', 'FINISHED', 1, 2)",
                    ["a" * 32],
                )
                db.execute("INSERT INTO key VALUES (1, 'loss'), (2, 'rate')")
                db.execute("INSERT INTO param (run_id, key_id, value, number) VALUES (1, 2, '0.1', 0.1)")
                db.execute(
                    "INSERT INTO metric (run_id, key_id, last, last_step, last_time, first, min, max, count)"
                    " VALUES (1, 1, 9.0, 9, 9, 0.0, 0.0, 9.0, 10)"
                )
                db.executemany(
                    "INSERT INTO metric_point (run_id, key_id, step, time, value) VALUES (1, 1, ?, ?, ?)",
                    [(step, step, float(step)) for step in range(10)],
                )
                db.execute("COMMIT")
        finally:
            STEPS.extend(later)
        session.say("end", "a" * 32)
        session.say("param", "a" * 32, "rate", "0.1")
        for step in range(10):
            session.say("metric", "a" * 32, "loss", step, float(step))
        os._exit(0)  # its exit would bring the store up to date

    return prepare


for number in range(1, STEPS.index(migrations.m009_points) + 1):  # as long as points are rows of their own
    operation(f"migration from {STEPS[number - 1].__name__}", of_version(number))(read)
