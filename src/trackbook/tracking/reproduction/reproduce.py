"""`reproduce RUN`: run its program again in a fresh process, compare, and keep the verdict with the run."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trackbook.errors import UsageError, nearest
from trackbook.store import Store, now_ms
from trackbook.store.ingest import note_change
from trackbook.tracking.reproduction.trial import CURRENT, ENVIRONMENTS, OnProgress, Trial
from trackbook.tracking.runs import Runs
from trackbook.tracking.values import RUNNING, Reproduction, Run

if TYPE_CHECKING:
    from trackbook.tracking.environments import Environments


class Reproductions:
    """Repeats runs of the project in `root`; the project's files, its registry and its runs stay as they are."""

    def __init__(
        self, store: Store, runs: Runs, root: Path, user: str, environments: Environments | None = None
    ) -> None:
        self._store = store
        self._runs = runs
        self._root = root
        self._user = user
        self._environments = environments

    def reproduce(
        self,
        run_id: str,
        *,
        env: str = CURRENT,
        timeout: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> Reproduction:
        """Repeat a run and keep the verdict with it: `reproduced`, `differs` or `cannot_run`.

        `env` is `current` (this interpreter) or `locked` (a fresh environment with the versions of the run); `timeout`
        is in seconds for each repeat of the program.  Raises NotFoundError for an unknown run, UsageError for one that
        is still going on.  An interrupt ends the repeat and keeps nothing.
        """
        if env not in ENVIRONMENTS:
            known = nearest(env, ENVIRONMENTS) if isinstance(env, str) else ""
            raise UsageError(f"the environment is `current` or `locked`, not {env!r}{known}")
        if timeout is not None and not (isinstance(timeout, int | float) and timeout > 0):
            raise UsageError(f"the timeout is a number of seconds above 0, not {timeout!r}")
        run = self._runs.get(run_id)
        if run.summary.status == RUNNING:
            raise UsageError(f"run {run.run_id[:8]} is still going on; reproduce it when it has ended")
        trial = Trial(
            _with_program(run, self._runs),
            self._store,
            self._root,
            env=env,
            timeout=timeout,
            on_progress=on_progress,
            environments=self._environments,
        )
        verdict = trial.judge()
        reproduction = Reproduction(
            reproduction_id=uuid.uuid4().hex,
            run_id=run.run_id,
            environment=env,
            user=self._user,
            end_time=now_ms(),
            **verdict,
        )
        self._keep(reproduction)
        return reproduction

    def _keep(self, reproduction: Reproduction) -> None:
        content = msgspec.json.encode(reproduction).decode()
        with self._store.write() as db:
            db.execute(
                "INSERT INTO reproduction (reproduction_id, run_id, verdict, content, start_time, end_time, user)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    reproduction.reproduction_id,
                    reproduction.run_id,
                    reproduction.verdict,
                    content,
                    reproduction.start_time,
                    reproduction.end_time,
                    reproduction.user,
                ],
            )
            note_change(
                db, [run for (run,) in db.execute("SELECT id FROM run WHERE run_id = ?", [reproduction.run_id])]
            )


def _with_program(run: Run, runs: Runs) -> Run:
    """Return a run with its program: a child's is its parent's where it has none of its own."""
    parent = run.summary.parent_run_id
    if run.program or parent is None:
        return run
    return msgspec.structs.replace(run, program=_with_program(runs.get(parent), runs).program)
