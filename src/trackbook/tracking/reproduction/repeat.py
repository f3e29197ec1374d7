"""The process of a repeat from the outside: started, listened to, and ended whatever it does."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import msgspec
import psutil

from trackbook.tracking.reproduction.plan import Asked, Ended, Finished, Plan, Refused, Report, Started
from trackbook.tracking.reproduction.processes import child_environment, family, read_frame, write_frame

_REPORTS = msgspec.msgpack.Decoder[Report](Report)
_POLL_SECONDS = 0.1
_TAIL_LINES = 5
_NOT_HANDED_ON = frozenset(
    {"JPY_SESSION_NAME", "JPY_PARENT_PID", "TRACKBOOK_NOTEBOOK", "TRACKBOOK_DIR", "PYTHONSTARTUP", "MPLBACKEND"}
)
"""Variables that say something about the process that asks, not about the repeat."""

OnStart = Callable[[int], None]
"""Is handed the position of the cell that begins."""


class Repeat(msgspec.Struct):
    """What a repeat did: how each cell ended by its position; `stopped` says why it did not come to its end."""

    ended: dict[int, Ended] = {}
    running: int | None = None
    refused: list[str] = []
    asked: bool = False
    finished: bool = False
    stopped: str | None = None

    def note(self, report: Report) -> None:
        """Take in what the process reports."""
        if isinstance(report, Started):
            self.running = report.position
        elif isinstance(report, Ended):
            self.ended[report.position] = report
        elif isinstance(report, Refused):
            self.refused.append(report.path)
        elif isinstance(report, Asked):
            self.asked = True
        elif isinstance(report, Finished):
            self.finished = True


def run_repeat(
    command: Sequence[str],
    plan: Plan,
    variables: Mapping[str, str],
    *,
    timeout: float | None = None,
    on_start: OnStart | None = None,
) -> Repeat:
    """Run a plan in a fresh process and return what it did; `timeout` is in seconds for all of it.

    The process and what it started are gone when this returns or raises, as on an interrupt.
    """
    environment = {name: value for name, value in child_environment().items() if name not in _NOT_HANDED_ON}
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        env=environment | dict(variables),
        cwd=plan.cwd,
        start_new_session=True,
    )
    try:
        return _listen(process, plan, timeout, on_start)
    finally:
        _end(process)


def _listen(process: subprocess.Popen[bytes], plan: Plan, timeout: float | None, on_start: OnStart | None) -> Repeat:
    assert process.stdin is not None
    reports: queue.SimpleQueue[Report] = queue.SimpleQueue()
    errors: deque[bytes] = deque(maxlen=_TAIL_LINES)
    listeners = [
        threading.Thread(target=_read_reports, args=(process, reports), daemon=True),
        threading.Thread(target=_read_errors, args=(process, errors), daemon=True),
    ]
    for listener in listeners:
        listener.start()
    with suppress(BrokenPipeError):
        write_frame(process.stdin, msgspec.msgpack.encode(plan))
    repeat = Repeat()
    limit = None if timeout is None else time.monotonic() + timeout
    while not repeat.finished:
        if (report := _next(reports)) is not None:
            repeat.note(report)
            if isinstance(report, Started) and on_start is not None:
                on_start(report.position)
        elif process.poll() is not None:
            listeners[0].join(_POLL_SECONDS)  # what it said last
            while (report := _next(reports)) is not None:
                repeat.note(report)
            if not repeat.finished:
                repeat.stopped = _ending(process.returncode, errors)
            break
        elif limit is not None and time.monotonic() > limit:
            repeat.stopped = f"it was still running after {timeout:g} s, the time it was given"
            break
    return repeat


def _next(reports: queue.SimpleQueue[Report]) -> Report | None:
    try:
        return reports.get(timeout=_POLL_SECONDS)
    except queue.Empty:
        return None


def _read_reports(process: subprocess.Popen[bytes], reports: queue.SimpleQueue[Report]) -> None:
    assert process.stdout is not None
    # Closed here and not by the one who waits: a process that fled from its group may hold the pipe for ever.
    with process.stdout, suppress(msgspec.DecodeError):  # the program itself wrote into the pipe
        while (data := read_frame(process.stdout)) is not None:
            reports.put(_REPORTS.decode(data))


def _read_errors(process: subprocess.Popen[bytes], errors: deque[bytes]) -> None:
    assert process.stderr is not None
    with process.stderr:
        while line := process.stderr.readline(10_000):
            if line.strip():
                errors.append(line)


def _ending(status: int, errors: deque[bytes]) -> str:
    last = errors[-1].decode("utf-8", "replace").strip()[:200] if errors else ""
    if status < 0:
        with suppress(ValueError):
            return f"its process was ended by {signal.Signals(-status).name} (out of memory, or a crash in native code)"
    return f"its process ended with status {status}{f' ({last})' if last and status == 1 else ''}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and what it started, and wait for it."""
    for member in family(process.pid) if process.poll() is None else []:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # what lost its parent is in the group still
    process.wait()
    if process.stdin is not None:
        with suppress(BrokenPipeError):
            process.stdin.close()
