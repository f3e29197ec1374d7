"""Dask clusters as people start them: a scheduler and workers, each a process with a folder of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from support.s3 import CREDENTIALS

START_SECONDS = 60.0


class DaskProcess:
    """A scheduler or a worker; `address` is its own."""

    def __init__(self, command: list[str], folder: Path, said: str) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self._log = folder / "log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "dask", *command],
                cwd=folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | CREDENTIALS | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            )
        self.address = self._wait_for(rf"{said}:?\s+(\S+://\S+)")

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        if self._process.poll() is None:
            self.kill()

    def memory(self) -> int:
        """Return the bytes of memory that it has."""
        return int(psutil.Process(self._process.pid).memory_info().rss)

    def steps(self) -> list[psutil.Process]:
        """Return the processes of steps that it has started."""
        return psutil.Process(self._process.pid).children(recursive=True)

    def _wait_for(self, pattern: str) -> str:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if match := re.search(pattern, self._log.read_text()):
                return match[1]
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        self.close()
        raise AssertionError(self._log.read_text())


class Cluster:
    """A scheduler with workers that share nothing but what they are told to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        quiet = ["--no-dashboard", "--host", "127.0.0.1"]
        self.scheduler = DaskProcess(["scheduler", "--port", "0", *quiet], folder / "scheduler", "Scheduler at")
        self.workers: list[DaskProcess] = []

    @property
    def address(self) -> str:
        return self.scheduler.address

    def add_worker(self, resources: Mapping[str, float] | None = None, threads: int = 1) -> DaskProcess:
        """Start a worker in a folder of its own."""
        folder = self._folder / f"worker-{len(self.workers)}"
        options = ["--nthreads", str(threads), "--no-dashboard", "--no-nanny"]
        options += ["--local-directory", str(folder), "--death-timeout", "20"]
        if resources:
            options += ["--resources", " ".join(f"{name}={amount}" for name, amount in resources.items())]
        worker = DaskProcess(["worker", self.address, *options], folder, "Registered to")
        self.workers.append(worker)
        return worker

    def close(self) -> None:
        for process in [*self.workers, self.scheduler]:
            process.close()
