"""A project of its own for every test that asks for one, and real kernels that work in such projects."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any

import pytest

from support.s3 import CREDENTIALS, Bucket, make_bucket, s3_server
from trackbook.project import Project

# A shell starts what it puts into the background with Ctrl-C switched off, and every process below inherits that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

CELL_SECONDS = 60.0
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def isolated(home: Path) -> dict[str, str]:
    """Return an environment in which nothing of the user's own Jupyter, IPython or Trackbook is found."""
    hidden = ("JUPYTER", "IPYTHON", "TRACKBOOK", "JPY", "GIT_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    return kept | {
        "HOME": str(home),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
    }


@dataclass
class Outcome:
    """What one cell showed: streams, results, displays, errors, states of widgets, and the reply to its sender."""

    status: str = ""
    stdout: str = ""
    stderr: str = ""
    results: list[str] = field(default_factory=list)
    displays: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    comms: list[dict[str, Any]] = field(default_factory=list)
    execution_count: int = 0

    @property
    def traceback(self) -> str:
        """All tracebacks as plain text."""
        return "\n".join(_ANSI.sub("", line) for error in self.errors for line in error["traceback"])


class Kernel:
    """One IPython kernel in a process of its own, working in the folder `root`."""

    def __init__(self, root: Path, home: Path, **environment: str) -> None:
        from jupyter_client.manager import KernelManager

        self.root = root
        self._manager = KernelManager(kernel_name="python3")
        self._manager.start_kernel(cwd=str(root), env=isolated(home) | environment)
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=CELL_SECONDS)

    @property
    def pid(self) -> int:
        """The kernel's process id."""
        return int(self._manager.provisioner.pid)

    def run(self, code: str, *, interrupt_at: str | None = None, **options: Any) -> Outcome:
        """Run a cell and return what it showed; interrupts it when `interrupt_at` has been printed."""
        message = self._client.execute(code, **options)
        outcome = self._listen(message, code, interrupt_at)
        while True:
            reply = self._client.get_shell_msg(timeout=CELL_SECONDS)
            if reply["parent_header"].get("msg_id") == message:
                break
        outcome.status = reply["content"]["status"]
        outcome.execution_count = reply["content"].get("execution_count", 0)
        return outcome

    def set_widget(self, comm_id: str, **state: Any) -> Outcome:
        """Change the state of a widget as a frontend does, and return what that led to."""
        content = {"comm_id": comm_id, "data": {"method": "update", "state": state, "buffer_paths": []}}
        message = self._client.session.msg("comm_msg", content)
        self._client.shell_channel.send(message)
        return self._listen(message["header"]["msg_id"], f"a widget with {state}")

    def send_to_widget(self, comm_id: str, **content: Any) -> Outcome:
        """Send a message of its own kind to a widget, such as a click, and return what that led to."""
        data = {"comm_id": comm_id, "data": {"method": "custom", "content": content}}
        message = self._client.session.msg("comm_msg", data)
        self._client.shell_channel.send(message)
        return self._listen(message["header"]["msg_id"], f"a widget with {content}")

    def _listen(self, message: str, code: str, interrupt_at: str | None = None) -> Outcome:
        """Collect what is shown because of a message until the kernel is idle again."""
        outcome = Outcome()
        while True:
            try:
                answer = self._client.get_iopub_msg(timeout=CELL_SECONDS)
            except Empty:
                raise AssertionError(f"the kernel said nothing for {CELL_SECONDS} s:\n{code}\n{outcome}") from None
            if answer["parent_header"].get("msg_id") != message:
                continue
            if answer["msg_type"] == "status" and answer["content"]["execution_state"] == "idle":
                return outcome
            _collect(outcome, answer["msg_type"], answer["content"])
            if interrupt_at and interrupt_at in outcome.stdout:
                time.sleep(0.2)  # into the midst of what follows the print
                self._manager.interrupt_kernel()
                interrupt_at = None

    def project(self) -> Project:
        """Open the project of the kernel's folder in this process."""
        return Project.open(self.root)

    def runs(self, experiment: str) -> list[Any]:
        """Return the runs of an experiment in full, newest first."""
        runs = self.project().runs
        return [runs.get(run.run_id) for run in runs.search(experiment=experiment)]

    def only_run(self, experiment: str) -> Any:
        """Return the one run of an experiment."""
        (run,) = self.runs(experiment)
        return run

    def stop(self) -> None:
        """End the process."""
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)
        self._manager.cleanup_resources()


def _collect(outcome: Outcome, kind: str, content: dict[str, Any]) -> None:
    if kind == "stream" and content["name"] == "stdout":
        outcome.stdout += content["text"]
    elif kind == "stream":
        outcome.stderr += content["text"]
    elif kind == "execute_result":
        outcome.results.append(content["data"]["text/plain"])
    elif kind == "display_data":
        outcome.displays.append(content["data"])
    elif kind == "error":
        outcome.errors.append(content)
    elif kind in ("comm_open", "comm_msg"):
        outcome.comms.append(content)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project in a folder of its own, which is the working directory too."""
    for name in ("TRACKBOOK_DIR", "TRACKBOOK_NOTEBOOK", "JPY_SESSION_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    root = tmp_path / "project"
    root.mkdir()
    (root / "trackbook.toml").write_text("")
    monkeypatch.chdir(root)
    return Project.open(root)


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The address of a real S3 server, one for all tests of a process."""
    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture
def bucket(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """An empty bucket, with the credentials that open it in the environment."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return make_bucket(s3_endpoint)


@pytest.fixture(scope="module")
def start_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Start kernels, each in a new project unless it is given the `root` of another; they end with the module."""
    kernels: list[Kernel] = []

    def start(root: Path | None = None, **environment: str) -> Kernel:
        if root is None:
            root = tmp_path_factory.mktemp("project")
            (root / "trackbook.toml").write_text("")
        kernels.append(Kernel(root, tmp_path_factory.mktemp("home"), **environment))
        return kernels[-1]

    yield start
    for kernel in kernels:
        kernel.stop()


@pytest.fixture
def python(tmp_path: Path) -> Any:
    """Run Python code in a fresh process, in the test's folder; returns the finished process."""
    import subprocess

    def run(code: str, *arguments: str, cwd: Path | None = None, check: bool = True, **environment: str) -> Any:
        return subprocess.run(
            [sys.executable, "-W", "error", "-c", code, *arguments],
            cwd=cwd or tmp_path,
            env=isolated(tmp_path / "home") | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=check,
        )

    return run


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many kills, failures and moments the tests of `faults/` have tried, whichever process ran them."""
    sums: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                for name, number in report.user_properties:
                    if name.startswith("tried: "):
                        sums[name.removeprefix("tried: ")] += number
    if sums:
        terminalreporter.section("tried")
        for what, number in sorted(sums.items()):
            terminalreporter.write_line(f"{number:8,} {what}")
