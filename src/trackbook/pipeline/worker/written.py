"""What a process that writes a result in the background leaves for the runner to read."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import msgspec

_LOOK_SECONDS = 0.02


class Outcome(msgspec.Struct, frozen=True):
    """How writing a file went: its digest and size, or what went wrong."""

    digest: str = ""
    size: int = 0
    fault: str | None = None


def say(path: Path, outcome: Outcome) -> None:
    """Leave `outcome` for whoever waits for the file at `path`."""
    place = _place(path)
    temporary = place.with_suffix(".tmp")
    temporary.write_bytes(msgspec.json.encode(outcome))
    temporary.replace(place)


def wait_for(path: Path, pid: int, *, of_a_worker: bool = False) -> Outcome:
    """Wait until the process `pid` has written the file at `path`; one that ends without a word has failed.

    With `of_a_worker`, another process that has got its number meanwhile is not waited for.
    """
    place = _place(path)
    while True:
        is_going = _is_going(pid) and (
            not of_a_worker or _is_worker(pid)
        )  # before the look: it may end right after it has left its word
        if place.exists():
            outcome = msgspec.json.decode(place.read_bytes(), type=Outcome)
            place.unlink()
            return outcome
        if not is_going:
            return Outcome(fault="the process that wrote it was ended, or the disk is full")
        time.sleep(_LOOK_SECONDS)


def drop(path: Path, pid: int) -> None:
    """Have the process `pid` no longer write the file at `path`, which is deleted."""
    if _is_going(pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for place in (path, _place(path)):
        place.unlink(missing_ok=True)


def _place(path: Path) -> Path:
    return path.with_name(f"{path.name}.done")


def _is_worker(pid: int) -> bool:
    try:
        return b"trackbook.pipeline.worker.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _is_going(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            return file.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False
