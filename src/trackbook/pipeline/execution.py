"""Runs a notebook in a fresh kernel of this interpreter, cell by cell.

The kernel is always the Python that runs Trackbook, whatever kernels are installed for the user; it
never outlives the call.  Cell ids travel with each request (nbclient leaves them out), so that what runs
in the kernel can tell the cells apart.
"""

from __future__ import annotations

import asyncio
import math
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, TypedDict, TypeVar, Unpack

import msgspec
import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from trackbook.errors import ExecutionError, NotebookError
from trackbook.tracking.reproduction.processes import child_environment

T = TypeVar("T")
Execution = Callable[[], Coroutine[Any, Any, NotebookNode]]
"""Starts a run of a notebook."""

STARTUP_SECONDS = 60
CANCEL_SECONDS = 15.0
LONGEST_SOCKET_FOLDER = 90
"""Characters; the path of a Unix socket may have about 100."""

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class CellProgress(msgspec.Struct, frozen=True):
    """One code cell begins (`state` is "started") or has ended ("finished", "failed").

    `position` counts the code cells that are run from 1 to `total`; `cell_index` counts all cells of the
    notebook from 0; `seconds` is the time that the cell took; `run` tells runs of one notebook apart.
    """

    state: str
    position: int
    total: int
    cell_index: int
    cell_id: str | None
    seconds: float = 0.0
    run: str = ""


class OnCell(Protocol):
    """Is told about each cell, in the thread that runs the notebook's event loop."""

    def __call__(self, progress: CellProgress, /) -> None: ...


def read_notebook(path: Path) -> NotebookNode:
    """Return the notebook at `path`; raises NotebookError when there is none or it is damaged."""
    try:
        node: NotebookNode = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        return node
    except FileNotFoundError:
        raise NotebookError(f"there is no notebook {path}: check the path") from None
    except Exception as error:
        raise NotebookError(f"{path} is no notebook that can be read: {error}") from error


class Options(TypedDict, total=False):
    """How a notebook is run.

    `cwd` is the notebook's folder unless given, `timeout` is in seconds for each cell (None: no limit), `env` is added
    to this process's environment, `startup` is code that the kernel runs silently before the first cell, and `path`
    says where a notebook given as a node comes from.
    """

    cwd: Path | None
    timeout: float | None
    on_cell: OnCell | None
    env: Mapping[str, str] | None
    startup: str
    path: Path | None


def execute_notebook(notebook: Path | NotebookNode, **options: Unpack[Options]) -> NotebookNode:
    """Run all cells of `notebook` in a fresh kernel and return it with the new outputs; the file stays as it is.

    Raises ExecutionError with the cell, the exception and its traceback when a cell raises, takes too long or kills
    the kernel.
    """
    (outcome,) = execute_together([execution(notebook, **options)])
    if isinstance(outcome, ExecutionError):
        raise outcome
    return outcome


def execution(notebook: Path | NotebookNode, **options: Unpack[Options]) -> Execution:
    """Return what starts a run of `notebook`, for `execute_together`."""
    source = notebook if isinstance(notebook, Path) else options.get("path")
    node = read_notebook(notebook) if isinstance(notebook, Path) else notebook
    folder = options.get("cwd") or (source.parent if source else Path.cwd())
    variables = child_environment(options.get("env"))
    if source is not None:
        variables["TRACKBOOK_NOTEBOOK"] = str(source.resolve())
    seconds = _cell_seconds(options.get("timeout"))
    client = _Client(node, options.get("on_cell") or _say_nothing, options.get("startup", ""), seconds)
    return lambda: client.run(folder, variables)


def execute_together(starts: Sequence[Execution]) -> list[NotebookNode | ExecutionError]:
    """Run notebooks side by side, each in a kernel of its own, and return each with its outputs or its failure.

    An interrupt ends all kernels before it goes on.
    """

    async def run(start: Execution) -> NotebookNode | ExecutionError:
        try:
            return await start()
        except ExecutionError as error:
            return error

    async def every() -> list[NotebookNode | ExecutionError]:
        tasks = [asyncio.create_task(run(start)) for start in starts]
        try:
            return list(await asyncio.gather(*tasks))
        except BaseException:
            # Told once more after a while: what waits for a kernel may take a cancellation for something else.
            while waiting := [task for task in tasks if not task.done()]:
                for task in waiting:
                    task.cancel()
                await asyncio.wait(waiting, timeout=CANCEL_SECONDS)
            raise

    return _run_anywhere(every)


def _cell_seconds(timeout: float | None) -> int | None:
    return None if timeout is None else max(1, math.ceil(timeout))


def _say_nothing(progress: CellProgress) -> None:
    return None


class _ThisInterpreter(KernelSpecManager):
    """Knows one kernel: ipykernel in the running interpreter."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python", language="python")


class _Client(NotebookClient):
    """nbclient with a kernel of its own, cell ids, and progress."""

    def __init__(self, node: NotebookNode, on_cell: OnCell, startup: str, timeout: int | None) -> None:
        manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=_ThisInterpreter())
        super().__init__(node, km=manager, timeout=timeout, startup_timeout=STARTUP_SECONDS)
        self.extra_arguments = ["--HistoryManager.hist_file=:memory:"]
        self.on_cell_execute, self.on_cell_executed = self._before, self._after
        self._on_cell, self._startup = on_cell, startup
        self._positions = {index: place + 1 for place, index in enumerate(_runnable(node, self.skip_cells_with_tag))}
        self._current, self._began = -1, 0.0

    async def run(self, cwd: Path, env: Mapping[str, str]) -> NotebookNode:
        try:
            with tempfile.TemporaryDirectory(prefix="trackbook-kernel-") as folder:
                self._connect_in(Path(folder))
                return await self.async_execute(cwd=str(cwd), env=dict(env))
        except CellExecutionError as error:
            raise self._failure(
                f"raised {error.ename}: {error.evalue}", error.ename, error.evalue, error.traceback
            ) from None
        except CellTimeoutError:
            seconds = f"{self.timeout} s"
            raise self._failure(
                f"ran longer than {seconds}; make it faster or allow more time", "TimeoutError", seconds
            ) from None
        except DeadKernelError:
            message = "ended the kernel (out of memory, or a crash in native code)"
            raise self._failure(message, "DeadKernelError", "the kernel died") from None

    def _connect_in(self, folder: Path) -> None:
        """Use sockets in a private folder where there are such; TCP would be open to every user of the machine."""
        assert self.km is not None
        self.km.connection_file = str(folder / "kernel.json")
        if os.name == "posix" and len(str(folder)) < LONGEST_SOCKET_FOLDER:
            self.km.transport, self.km.ip = "ipc", str(folder / "k")

    @asynccontextmanager
    async def async_setup_kernel(self, **kwargs: Any) -> AsyncIterator[None]:
        """Start the kernel and end it whatever happens; an interrupt cancels the block, it is not handled apart."""
        try:
            await self.async_start_new_kernel(**kwargs)
            await self.async_start_new_kernel_client()
            if self._startup:
                await self._prepare()
            yield
        finally:
            await self._async_cleanup_kernel()

    async def _prepare(self) -> None:
        assert self.kc is not None
        reply = await self.async_wait_for_reply(self.kc.execute(self._startup, silent=True, store_history=False))
        content = reply["content"] if reply else {}
        if content.get("status") != "ok":
            text = "\n".join(content.get("traceback", ()))
            what = f"could not start ({content.get('ename')}: {content.get('evalue')})"
            raise self._failure(what, content.get("ename", ""), content.get("evalue", ""), text)

    def _before(self, cell: NotebookNode, cell_index: int) -> None:
        assert self.kc is not None
        # The session puts its default metadata into every message; ipykernel takes `cellId` from there.
        self.kc.session.metadata = {"cellId": cell["id"]} if "id" in cell else {}
        self._current, self._began = cell_index, time.monotonic()
        self._on_cell(self._progress("started", cell))

    def _after(self, cell: NotebookNode, cell_index: int, execute_reply: Mapping[str, Any]) -> None:
        state = "finished" if execute_reply["content"]["status"] == "ok" else "failed"
        self._on_cell(self._progress(state, cell, time.monotonic() - self._began))

    def _progress(self, state: str, cell: NotebookNode, seconds: float = 0.0) -> CellProgress:
        place, total = self._positions[self._current], len(self._positions)
        return CellProgress(state, place, total, self._current, cell.get("id"), seconds)

    def _failure(self, what: str, ename: str, evalue: str, traceback: str = "") -> ExecutionError:
        cell = self.nb.cells[self._current] if self._current >= 0 else {}
        where = f"cell {self._current}" if self._current >= 0 else "the notebook"
        return ExecutionError(
            f"{where} {what}",
            cell_index=self._current,
            cell_id=cell.get("id"),
            ename=ename,
            evalue=evalue,
            traceback=_COLOURS.sub("", traceback),
        )


def _runnable(node: NotebookNode, skip_tag: str) -> list[int]:
    """Return the indices of the cells that nbclient sends to the kernel."""
    return [
        index
        for index, cell in enumerate(node.cells)
        if cell.cell_type == "code" and cell.source.strip() and skip_tag not in cell.metadata.get("tags", ())
    ]


def _run_anywhere(start: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end, in a thread of its own where this thread already has a running loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(start())
    outcome: list[T] = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            outcome.append(asyncio.run(start()))
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread below
            failure.append(error)

    thread = threading.Thread(target=work, name="trackbook-notebook")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]
