"""Starting, asking and ending the process that runs the steps."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping

from trackbook.pipeline.worker.protocol import Command, Done, Failed, Printed, Reply, receive_reply, send
from trackbook.tracking.relay import Reported
from trackbook.tracking.reproduction.processes import family, worker_environment

OnOutput = Callable[[str, str], None]
"""Is handed the stream, `stdout` or `stderr`, and the text."""
OnReport = Callable[[Reported], None]
"""Is handed what a step logs."""


class WorkerProcess:
    """A fresh interpreter that serves `trackbook.pipeline.worker.worker`, in a process group of its own."""

    def __init__(self, environ: Mapping[str, str | None] | None = None) -> None:
        """Start it; `environ` says which variables are other than here, None which are not set."""
        changed = dict(environ or {})
        variables = worker_environment({name: value for name, value in changed.items() if value is not None})
        for name in (name for name, value in changed.items() if value is None and name != "PYTHONHASHSEED"):
            variables.pop(name, None)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "trackbook.pipeline.worker.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=variables,
            start_new_session=True,
        )
        self.writers: set[int] = set()
        """Processes that write results, and are to go on when this one is ended."""

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Tell whether the process is still there."""
        return self._process.poll() is None

    def ask(self, command: Command, on_output: OnOutput, on_report: OnReport | None = None) -> Reply:
        """Send a command and return its answer, passing on what is printed and logged meanwhile."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        began = time.perf_counter()
        try:
            send(self._process.stdin, command)
        except BrokenPipeError:
            return self._dead(began)
        while (reply := receive_reply(self._process.stdout)) is not None:
            if isinstance(reply, Done) and reply.writer:
                self.writers.add(reply.writer)
            if isinstance(reply, Printed):
                on_output(reply.stream, reply.text)
            elif not isinstance(reply, Reported):
                return reply
            elif on_report is not None:
                on_report(reply)
        return self._dead(began)

    def kill(self) -> None:
        """Kill the process and what it started, but for those that write results."""
        for process in family(self._process.pid):
            if process.pid not in self.writers:
                process.kill()

    def close(self) -> None:
        """End the process and what it started, but for those that write results."""
        self.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def _dead(self, began: float) -> Failed:
        status = self._process.wait()
        what = f"the process of the steps ended with status {status} (out of memory, or a crash in native code)"
        return Failed(time.perf_counter() - began, "ProcessEnded", what, f"{what}\n")


class Processes:
    """Starts the processes of steps, and keeps up to `spare` of those that are as good as new for the next run.

    Starting one and importing pandas takes a second, which a sweep of a hundred trials need not wait for each time.
    Safe to use from several threads.
    """

    def __init__(self, spare: int = 0, environ: Mapping[str, str | None] | None = None) -> None:
        """Keep none by default; `environ` says which of their variables are other than here, None which are not set."""
        self._most, self._environ = spare, environ
        self._spare: list[WorkerProcess] = []
        self._lock = threading.Lock()

    def take(self) -> WorkerProcess:
        """Return a process that has to be told which script to import."""
        with self._lock:
            while self._spare:
                process = self._spare.pop()
                if process.is_alive:
                    return process
                process.close()
        return WorkerProcess(self._environ)

    def give(self, process: WorkerProcess, *, reusable: bool) -> None:
        """Take a process back; it ends unless it is `reusable` and one is wanted."""
        with self._lock:
            if reusable and len(self._spare) < self._most:
                self._spare.append(process)
                return
        process.close()

    def close(self) -> None:
        """End the processes that are kept."""
        with self._lock:
            spare, self._spare, self._most = self._spare, [], 0
        for process in spare:
            process.close()
