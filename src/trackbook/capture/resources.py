"""CPU and memory of a cell, sampled by one thread that sleeps while nothing runs."""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from contextlib import suppress
from functools import cache

import msgspec
import psutil

FIRST_INTERVAL = 0.25
"""Seconds between samples; doubled whenever there are `MAX_SAMPLES`, so that a long cell has no more of them."""

MAX_SAMPLES = 240

AWAKE_SECONDS = 5.0
"""Seconds without a cell after which the thread sleeps until the next one."""


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One moment: seconds since the start, CPU in percent of one core since the sample before, memory in bytes."""

    seconds: float
    cpu_percent: float
    memory_bytes: int


class Resources(msgspec.Struct, frozen=True):
    """What a cell used: wall and CPU time in seconds (its child processes included) and its peak memory in bytes."""

    seconds: float
    cpu_seconds: float
    peak_memory_bytes: int
    samples: tuple[Sample, ...] = ()


class ResourceSampler:
    """Samples this process between `start` and `stop`."""

    # No threading.Condition: an interrupt in its midst, or a fork while the thread is in it, leaves its lock held for
    # ever.  What both sides touch is replaced whole; a queue wakes the thread.

    def __init__(self) -> None:
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._pid: int | None = None
        self._going: _Going | None = None
        self._is_asleep = False

    def start(self) -> None:
        """Begin to sample; what was going on before is dropped."""
        self._going = _Going()
        if self._pid != os.getpid():  # threads do not survive a fork
            self._wake, self._is_asleep = queue.SimpleQueue(), False
            threading.Thread(target=self._run, args=(self._wake,), name="trackbook-resources", daemon=True).start()
            self._pid = os.getpid()
        elif self._is_asleep:
            self._wake.put(None)

    def stop(self) -> Resources | None:
        """Return what was used since `start`; None without one."""
        going, self._going = self._going, None
        return None if going is None else going.result()

    def _run(self, wake: queue.SimpleQueue[None]) -> None:
        # One thread for all cells, and awake for a while after each: to start a thread, or to wake one, costs more
        # than a trivial cell may.
        idle = 0.0
        while wake is self._wake:
            self._is_asleep = idle > AWAKE_SECONDS
            going = self._going  # read after the line above: who starts a cell later sees that it has to wake us
            wait = FIRST_INTERVAL if going is None else going.interval
            with suppress(queue.Empty):
                wake.get(timeout=None if self._is_asleep and going is None else wait)
            idle = 0.0 if self._is_asleep or going is not None else idle + wait
            if going is not None and going is self._going:
                going.sample()


class _Going:
    """The samples of one cell."""

    def __init__(self) -> None:
        self.interval = FIRST_INTERVAL
        self._began = time.perf_counter()
        self._cpu_began = self._cpu_last = _cpu_seconds()
        self._last = self._began
        self._highest_ever = _highest_memory()
        self._samples: list[Sample] = []

    def sample(self) -> None:
        now, cpu = time.perf_counter(), _cpu_seconds()
        percent = 100 * (cpu - self._cpu_last) / max(now - self._last, 1e-9)
        self._samples.append(Sample(round(now - self._began, 3), round(percent, 1), _memory()))
        self._last, self._cpu_last = now, cpu
        if len(self._samples) >= MAX_SAMPLES:
            self._samples, self.interval = self._samples[1::2], self.interval * 2

    def result(self) -> Resources:
        seconds = time.perf_counter() - self._began
        return Resources(
            round(seconds, 6), round(_cpu_seconds() - self._cpu_began, 6), self._peak(), tuple(self._samples)
        )

    def _peak(self) -> int:
        """Return the exact peak where this cell set a new one for the process, else the highest sample."""
        highest = _highest_memory()
        exact = highest if highest > self._highest_ever else 0
        return max(exact, *(sample.memory_bytes for sample in self._samples), 0) or _memory()


def _cpu_seconds() -> float:
    own = os.times()
    return own.user + own.system + own.children_user + own.children_system


def _memory() -> int:
    """Return the resident memory of this process in bytes."""
    return int(_process(os.getpid()).memory_info().rss)


@cache
def _process(pid: int) -> psutil.Process:
    return psutil.Process(pid)


def _highest_memory() -> int:
    """Return the highest resident memory that this process ever had, in bytes; 0 where the system does not say."""
    if sys.platform == "win32":
        return 0
    import resource

    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest * 1024
