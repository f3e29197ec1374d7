"""A process in which steps run, what it holds, and the limits of a call."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.errors import PipelineError
from trackbook.pipeline.cache.results import Result
from trackbook.pipeline.running.process import OnOutput, OnReport, Processes, WorkerProcess
from trackbook.pipeline.worker.lineage import Versions
from trackbook.pipeline.worker.protocol import Done, Failed, Load, Open, Opened, RunStep
from trackbook.settings import StepSettings
from trackbook.tracking.reproduction.processes import family

if TYPE_CHECKING:
    import psutil

LOOK_SECONDS = 0.1
MEGABYTE = 1_000_000


class Loading(msgspec.Struct, frozen=True):
    """A result that is loaded before a step runs: the object's file and what to bind."""

    result: Result
    path: str
    step: str


class Task(msgspec.Struct, frozen=True):
    """What a process is to do for one step: results to load first, the call, and its limits.

    A step that `is_alone` shares no state with others, and what it leaves in the process nobody needs.
    """

    step: str
    loads: tuple[Loading, ...]
    command: RunStep
    limits: StepSettings = StepSettings()
    is_alone: bool = False


class CannotLoadError(Exception):
    """The kept result of `step`, the object `digest`, is damaged or cannot be unpickled."""

    def __init__(self, step: str, digest: str, why: str) -> None:
        super().__init__(f"the kept result of step {step!r} cannot be used: {why}")
        self.step, self.digest = step, digest


class Place:
    """A process that runs steps of one script, one at a time.

    `held` are the slots that it has as they were made; `random` stands for the random state that it is in.  It is
    `clean` as long as no step left a trace in it.  `group` is the group of steps for which it is kept,
    -1 for any.
    """

    def __init__(
        self,
        processes: Processes,
        script: Path,
        cwd: Path,
        given: Mapping[str, Any],
        random: str,
        versions: Versions | None = None,
    ) -> None:
        self._processes, self._has_returned = processes, True
        self._open = Open(str(script.resolve()), str(cwd), pickle.dumps(dict(given)), versions)
        self._fresh = random
        self._worker: WorkerProcess | None = None
        self._opened: Opened | None = None
        self.held: set[str] = set()
        self.random, self.clean, self.group = random, True, -1

    @property
    def is_for_all(self) -> bool:
        """Tell whether steps of other groups may run here when a group has ended."""
        return True

    def spare(self, failed: Failed) -> int:
        """Return how often a step that ended so is called again beyond its own retries, as the fault is not its own."""
        return 0

    @property
    def is_started(self) -> bool:
        """Tell whether there is a process yet."""
        return self._worker is not None

    def open(self, on_output: OnOutput) -> Opened:
        """Start the process and import the script, if that has not been done; raises PipelineError if it cannot be."""
        if self._opened is None:
            self._worker = self._processes.take()
            reply = self._worker.ask(self._open, on_output)
            if not isinstance(reply, Opened):
                assert isinstance(reply, Failed)
                on_output("stderr", reply.traceback)
                raise PipelineError(f"{self._open.script} cannot be imported: {reply.ename}: {reply.evalue}")
            self._opened = reply
        return self._opened

    def run(self, task: Task, on_output: OnOutput, on_report: OnReport | None = None) -> Done | Failed:
        """Load what the step needs and call it."""
        self.open(on_output)
        assert self._worker is not None
        self._has_returned = False
        for load in task.loads:
            result = load.result
            reply = self._worker.ask(Load(load.path, result.digest, result.slots, result.handed), on_output)
            if isinstance(reply, Failed):
                raise CannotLoadError(load.step, result.digest, reply.evalue)
            self.held |= set(result.slots)
        with Watch(self._worker.pid, task.limits, spare=self._worker.writers) as watch:
            answer = self._worker.ask(task.command, on_output, on_report)
        assert isinstance(answer, Done | Failed)
        if watch.complaint:
            answer = Failed(answer.seconds, watch.kind, watch.complaint, f"{watch.kind}: {watch.complaint}\n")
        self._has_returned = isinstance(answer, Done)
        if watch.complaint or not self._worker.is_alive:
            self.close()
        return answer

    def settle(self, task: Task, done: Done) -> None:
        """Take note of what the process holds after a step; slots that nobody uses any more are gone."""
        self.held = (self.held & set(task.command.live)) | set(task.command.slots)
        self.clean = self.clean and not done.state and done.random_state is None

    def close(self) -> None:
        """Give up the process; one that is no longer as good as new ends with all that it started."""
        if self._worker is not None:
            self._processes.give(self._worker, reusable=self.clean and self._has_returned)
            self._worker, self._opened = None, None
            self.held, self.random = set(), self._fresh


class Watch:
    """Ends a process that takes too long or too much memory, and says so.

    `spare` are processes that only share its memory, and are to go on.
    """

    def __init__(self, pid: int, limits: StepSettings, *, spare: Collection[int] = ()) -> None:
        self._pid, self._limits, self._spare = pid, limits, spare
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self.kind, self.complaint = "", ""

    def __enter__(self) -> Watch:
        if self._limits.timeout_seconds is not None or self._limits.memory_mb is not None:
            self._thread = threading.Thread(target=self._look, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        seconds, megabytes = self._limits.timeout_seconds, self._limits.memory_mb
        end = time.monotonic() + seconds if seconds is not None else float("inf")
        while not self._over.wait(min(LOOK_SECONDS, max(0.0, end - time.monotonic()))):
            if time.monotonic() >= end:
                self.kind = "TimeoutError"
                self.complaint = f"took longer than {seconds:g} s; make it faster, or raise its `timeout_seconds`"
            elif megabytes is not None and self._memory() > megabytes * MEGABYTE:
                self.kind = "MemoryError"
                self.complaint = f"needed more than {megabytes:g} MB; let it need less, or raise its `memory_mb`"
            if self.complaint:
                self._kill()
                break

    def _family(self) -> list[psutil.Process]:
        return [process for process in family(self._pid) if process.pid not in self._spare]

    def _memory(self) -> int:
        import psutil  # here: a run in which nothing changed starts no process

        total = 0
        for process in self._family():
            try:
                total += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue  # it has just ended
        return total

    def _kill(self) -> None:
        for process in self._family():
            process.kill()
