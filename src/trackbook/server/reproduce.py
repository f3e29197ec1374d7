"""The process of one reproduction: `python -m trackbook.server.reproduce RUN current|locked`.

It says what it does in lines of JSON on standard output, and ends when whoever started it goes away.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from trackbook.errors import TrackbookError
from trackbook.project import Project


def main(run_id: str, environment: str) -> int:
    """Reproduce a run of the project in the working directory; returns the exit status."""
    reports = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the run prints must not get between the reports

    def say(message: dict[str, Any]) -> None:
        reports.write(msgspec.json.encode(message) + b"\n")
        reports.flush()

    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    try:
        reproductions = Project.open(Path.cwd(), create=False).reproductions
        verdict = reproductions.reproduce(
            run_id, env=environment, on_progress=lambda progress: say({"progress": msgspec.to_builtins(progress)})
        )
    except TrackbookError as error:
        say({"error": str(error)})
        return 1
    say({"reproduction": verdict.to_dict()})
    return 0


def _stop(*_: object) -> NoReturn:
    raise SystemExit(143)  # so that every `finally` on the way cleans up


def _end_with_the_server() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
