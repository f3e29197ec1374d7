"""A script in a process of its own, run by `trackbook.pipeline.verification.driver`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import psutil

from trackbook.pipeline.outcome import StepProgress
from trackbook.tracking.reproduction.processes import family, worker_environment

OnStep = Callable[[StepProgress], None]

_STEP = re.compile(rb"\0(\d+)\0")


class ScriptProcess:
    """Runs a script with notes of what it does going to a folder; ended, with all that it started, by `close`."""

    def __init__(
        self, script: Path, notes: Path, environment: Mapping[str, str], steps: Sequence[str], on_step: OnStep | None
    ) -> None:
        variables = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8", "MPLBACKEND": "Agg", **environment}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "trackbook.pipeline.verification.driver", str(script), str(notes)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=script.parent,
            env=worker_environment(variables),
            start_new_session=True,
        )
        self._output = _Drained(self._process, _announcer(steps, on_step))

    def end(self, timeout: float | None) -> tuple[int | None, str, str]:
        """Wait for the end and return the status and both texts; the status is None where it took too long."""
        try:
            status = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.close()
            return None, "", ""
        return status, *self._output.texts()

    def close(self) -> None:
        """End the process with all that it started, also what its parents left to others."""
        for each in family(self._process.pid):
            with suppress(psutil.NoSuchProcess):
                each.kill()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def _announcer(names: Sequence[str], on_step: OnStep | None) -> Callable[[bytes], None]:
    """Return what tells of each step that begins, when it is handed what the script prints."""

    def heard(data: bytes) -> None:
        for found in _STEP.finditer(data):
            place = int(found[1])
            if on_step is not None and place < len(names):
                on_step(StepProgress("started", place + 1, len(names), names[place]))

    return heard


class _Drained:
    """Reads both streams of a process while it runs, so that it never waits for a full pipe."""

    def __init__(self, process: subprocess.Popen[bytes], heard: Callable[[bytes], None]) -> None:
        self._texts = ["", ""]
        self._threads = [
            threading.Thread(target=self._read, args=(place, stream, heard), daemon=True)
            for place, stream in enumerate((process.stdout, process.stderr))
        ]
        for thread in self._threads:
            thread.start()

    def texts(self) -> tuple[str, str]:
        for thread in self._threads:
            thread.join()
        return self._texts[0], self._texts[1]

    def _read(self, place: int, stream: IO[bytes], heard: Callable[[bytes], None]) -> None:
        read: list[bytes] = []
        with stream:
            while data := os.read(stream.fileno(), 1 << 16):
                read.append(data)
                heard(data)
        text = b"".join(read).decode("utf-8", "replace")
        self._texts[place] = text.replace("\r\n", "\n")
