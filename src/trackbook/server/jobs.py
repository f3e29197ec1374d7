"""Reproductions, conversions and runs of pipelines that the server has started.

Each is a process of its own, `python -m trackbook.server.job`, followed by a thread.  It reports progress in lines,
ends when the server does, and cleans up behind itself when it is told to end.  A verdict is in the store, so a server
that restarts loses only the progress of what it had started.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
import threading
from collections import OrderedDict, deque
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from trackbook.errors import NotFoundError, TrackbookError
from trackbook.pipeline.outcome import CACHED, EXECUTED, SKIPPED
from trackbook.pipeline.outcome import FAILED as STEP_FAILED
from trackbook.server.events import EventLog
from trackbook.store import iso, now_ms

WAITING, RUNNING, DONE, FAILED, CANCELLED = "waiting", "running", "done", "failed", "cancelled"
AT_ONCE = 2
"""How many run side by side; the others wait."""
KEPT = 100
PATIENCE_SECONDS = 10.0
"""How long a process may clean up after it was told to end."""


class BusyError(TrackbookError):
    """Other work on the same thing is going on."""

    code = "busy"


class Job(msgspec.Struct):
    """One piece of work: its `stage`, `text` for people, and where it is by `position` and `total`.

    `parts` says the same of each of several runs that go on side by side.
    `kind` is reproduction, conversion, pipeline_run or check; `subject` names what it is about, and the process is
    told its values.  `log` holds what happened in a run of a pipeline.
    """

    job_id: str
    kind: str
    root: str
    subject: dict[str, str]
    start_time: int
    state: str = WAITING
    stage: str = ""
    position: int = 0
    total: int = 0
    parts: dict[str, dict[str, int]] = {}
    text: str = ""
    end_time: int | None = None
    message: str = ""
    result: dict[str, Any] | None = None
    log: EventLog = msgspec.field(default_factory=EventLog)

    @property
    def is_open(self) -> bool:
        """Say whether it has not come to its end."""
        return self.state in (WAITING, RUNNING)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        fields = msgspec.structs.asdict(self)
        for inner in ("root", "kind", "subject", "result", "log"):
            del fields[inner]
        times = {"start_time": iso(self.start_time), "end_time": iso(self.end_time)}
        return fields | times | self.subject | {self.kind: self.result}


class Jobs:
    """Starts, follows and ends the processes; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places = threading.Semaphore(AT_ONCE)
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, kind: str, root: Path, subject: dict[str, str]) -> Job:
        """Start a job of `kind`, or join the one about the same that is going on."""
        with self._lock:
            for job in self._jobs.values():
                if job.is_open and (job.kind, job.root, job.subject) == (kind, str(root), subject):
                    return job
            job = Job(secrets.token_hex(16), kind, str(root), subject, now_ms())
            self._jobs[job.job_id] = job
            for old in [each for each in self._jobs.values() if not each.is_open][: max(0, len(self._jobs) - KEPT)]:
                del self._jobs[old.job_id]
        threading.Thread(target=self._follow, args=(job,), name=f"{kind} {job.job_id[:8]}", daemon=True).start()
        return job

    def get(self, kind: str, job_id: str) -> Job:
        """Return a job; raises NotFoundError for one that this server has not started."""
        job = self._jobs.get(job_id)
        if job is None or job.kind != kind:
            name = f"{kind.replace('_', ' ')} {job_id[:12]}"
            raise NotFoundError(f"this server has not started a {name}; what has ended before is in the store")
        return job

    def open_of(self, kind: str, root: Path, name: str, value: str) -> Job | None:
        """Return the job that is going on whose subject has this value of `name`."""
        with self._lock:
            jobs = [job for job in self._jobs.values() if job.is_open and job.kind == kind]
        return next((job for job in jobs if (job.root, job.subject.get(name)) == (str(root), value)), None)

    def cancel(self, kind: str, job_id: str) -> Job:
        """End a job; one that has ended stays as it is."""
        job = self.get(kind, job_id)
        with self._lock:
            if not job.is_open:
                return job
            _end(job, CANCELLED)
            process = self._processes.get(job_id)
        if process is not None:
            process.terminate()
            insist = threading.Timer(PATIENCE_SECONDS, process.kill)  # harmless for one that has ended
            insist.daemon = True
            insist.start()
        return job

    def close(self) -> None:
        """End everything that is going on, as the server ends."""
        for job in list(self._jobs.values()):
            if job.is_open:
                self.cancel(job.kind, job.job_id)

    def _follow(self, job: Job) -> None:
        with self._places:
            process = self._launch(job)
            if process is None:
                return
            try:
                errors = _listen(process, job)
            finally:
                with self._lock:
                    self._processes.pop(job.job_id, None)
            with self._lock:
                if job.is_open:
                    last = errors[-1] if errors else f"its process ended with status {process.returncode}"
                    _end(job, FAILED, last)

    def _launch(self, job: Job) -> subprocess.Popen[bytes] | None:
        """Start the process, unless the job was cancelled while it waited."""
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "trackbook.server.job", job.kind, *job.subject.values()]
        with self._lock:
            if not job.is_open:
                return None
            job.state = RUNNING
            try:
                process = subprocess.Popen(command, cwd=job.root, stdin=pipe, stdout=pipe, stderr=pipe)
            except OSError as error:
                _end(job, FAILED, f"its process cannot be started: {error}")
                return None
            self._processes[job.job_id] = process
            return process


def _end(job: Job, state: str, message: str = "") -> None:
    job.state, job.message, job.end_time = state, message, now_ms()


def _listen(process: subprocess.Popen[bytes], job: Job) -> deque[str]:
    """Take in what the process says until it ends; return its last words on standard error."""
    errors: deque[str] = deque(maxlen=5)
    stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
    assert stdin is not None
    assert stdout is not None
    assert stderr is not None

    def complain() -> None:
        with stderr:
            errors.extend(line.decode("utf-8", "replace").strip() for line in stderr if line.strip())

    listener = threading.Thread(target=complain, daemon=True)
    listener.start()
    with stdout:
        for line in stdout:
            with suppress(msgspec.DecodeError):  # a library may print into the pipe
                note(job, msgspec.json.decode(line))
    try:
        process.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    listener.join(1.0)
    stdin.close()
    return errors


def note(job: Job, message: Any) -> None:
    """Take in one message of the process: progress, the result, or why there is none."""
    if not isinstance(message, dict) or not job.is_open:
        return
    if "progress" in message:
        for name in ("stage", "position", "total", "text", "parts"):
            setattr(job, name, message["progress"].get(name, getattr(job, name)))
    elif "event" in message:
        _hear(job, message["event"])
    elif "result" in message:
        job.result = message["result"]
        _end(job, DONE)
    elif "error" in message:
        _end(job, FAILED, str(message["error"]))


def _hear(job: Job, event: dict[str, Any]) -> None:
    job.log.add(event)
    if event.get("event") == "step":
        job.total = event["total"]
        job.position += event["state"] in (EXECUTED, CACHED, STEP_FAILED, SKIPPED)
