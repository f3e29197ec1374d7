"""The settings that a search tried, as child runs that have ended already."""

from __future__ import annotations

import uuid

from trackbook.capture.estimators.searches import Candidate, Search
from trackbook.capture.redaction import redact, redact_value
from trackbook.store import events as event
from trackbook.store import now_ms
from trackbook.tracking.names import MAX_LENGTH
from trackbook.tracking.tracker import ActiveRun
from trackbook.tracking.values import FINISHED

KIND = "candidate"
MAX_NAME = 80


def log_candidates(run: ActiveRun, search: Search, estimator: str, seconds: float) -> None:
    """Add a child of `run` for each candidate; the search began `seconds` ago.

    They are facts about what is over: nothing waits for the disk, and the environment is the parent's.
    """
    began = now_ms() - round(seconds * 1000)
    for candidate in search.candidates:
        _log_candidate(run, candidate, estimator, began)


def _log_candidate(run: ActiveRun, candidate: Candidate, estimator: str, began: int) -> None:
    run_id = uuid.uuid4().hex
    params = {name: redact_value(name, value) for name, value in candidate.params.items() if _is_name(name)}
    metrics = {name: value for name, value in candidate.metrics.items() if _is_name(name)}
    ended = began + round(candidate.seconds * 1000)
    tracker = run._tracker
    tracker.append(
        event.RunStarted(
            run_id=run_id,
            experiment=run.experiment,
            run_name=redact(_run_name(candidate)),
            kind=KIND,
            start_time=began,
            user=tracker.user,
            parent_run_id=run.run_id,
        )
    )
    tracker.append(event.ParamsLogged(run_id, params))
    tracker.append(event.MetricsLogged(run_id, metrics, ended, 0))
    tracker.append(event.TagsSet(run_id, {"estimator": estimator, "candidate": str(candidate.number)}))
    tracker.append(event.RunEnded(run_id, FINISHED, ended))


def _run_name(candidate: Candidate) -> str:
    text = ", ".join(f"{name}={value}" for name, value in candidate.params.items())
    text = "".join(character if character.isprintable() else " " for character in text)
    return text[:MAX_NAME].strip() or f"candidate {candidate.number}"


def _is_name(name: str) -> bool:
    return 0 < len(name) <= MAX_LENGTH and name.isprintable()
