"""The process that repeats the program of one run: `python -m trackbook.tracking.reproduction.replay`.

It is a notebook's kernel without the messages: an IPython shell in which every cell runs as it did, with the execution
count that it had, under the same extension, whose store is a copy.  When the process that asked for it goes away,
however that happens, it ends.
"""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import getpass
import io
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NoReturn

import msgspec
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

from trackbook.capture.session import failed_line
from trackbook.tracking.reproduction.guard import guard
from trackbook.tracking.reproduction.plan import Asked, Cell, Ended, Finished, Plan, Refused, Report, Started
from trackbook.tracking.reproduction.processes import read_frame, write_frame


class ZMQInteractiveShell(InteractiveShell):
    """A shell whose results and displays go nowhere, as a kernel's go to the notebook and not to the terminal.

    It has the name of a kernel's shell, by which pandas, rich and others tell a notebook, where frames are not cut to
    the width of a terminal.
    """

    kernel = None  # that there is such an attribute is the other sign

    class Publisher(DisplayPublisher):
        def publish(self, data: Any, metadata: Any = None, *arguments: Any, **keywords: Any) -> None:
            """Show nothing."""

    class Hook(DisplayHook):
        def write_output_prompt(self) -> None:
            """Show no prompt."""

        def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
            """Show no value."""

    display_pub_class = Type(Publisher)
    displayhook_class = Type(Hook)

    def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
        """Print no traceback: a kernel sends it, past the streams."""
        self._last_traceback = stb

    def enable_gui(self, gui: Any = None) -> None:
        """Start no event loop: there is no screen."""

    def ask_exit(self) -> None:
        """Stay: the cells after `exit` ran too."""


def make_shell() -> Any:
    """Return the process's shell: no history file, no colours, nothing of the user's profile."""
    config = Config()
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    config.IPKernelApp = Config()  # what tqdm tells a notebook by
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.autocall = 0
    return ZMQInteractiveShell.instance(config=config)


class Replay:
    """Runs the cells of a plan in one shell."""

    def __init__(self, shell: Any, say: Any) -> None:
        self._shell = shell
        self._say = say

    async def run(self, cells: tuple[Cell, ...]) -> None:
        """Run the cells in their order; one that fails does not keep the next from running."""
        for position, cell in enumerate(cells):
            self._say(Started(position))
            self._count(cell.execution_count)
            if cell.tracked:
                self._track()
            result = await self._execute(cell)
            await asyncio.sleep(0)  # what a cell left to run in the background goes on, as in a kernel
            self._say(_ended(position, cell.source, result))

    def _count(self, number: int | None) -> None:
        """Give the next cell the number it had, so that `Out[5]` and `In[5]` are what they were."""
        if number is None:
            return
        self._shell.execution_count = number
        history = self._shell.history_manager
        for inputs in (history.input_hist_parsed, history.input_hist_raw):
            del inputs[number:]
            inputs.extend([""] * (number - len(inputs)))

    def _track(self) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            self._shell.run_line_magic("track", "on")

    async def _execute(self, cell: Cell) -> Any:
        """Run one cell as ipykernel does: awaiting ones in the loop that is running, others at once."""
        shell, source, failure = self._shell, cell.source, None
        try:
            transformed = shell.transform_cell(source)
        except Exception:  # noqa: BLE001 - transformers are the user's too; IPython shows it as the cell's failure
            transformed, failure = source, sys.exc_info()
        if not shell.should_run_async(source, transformed_cell=transformed, preprocessing_exc_tuple=failure):
            return shell.run_cell(source, store_history=True, cell_id=cell.cell_id)
        result = None
        try:
            result = await shell.run_cell_async(
                source,
                store_history=True,
                transformed_cell=transformed,
                preprocessing_exc_tuple=failure,
                cell_id=cell.cell_id,
            )
        finally:
            shell.events.trigger("post_execute")
            shell.events.trigger("post_run_cell", result)
        return result


def _ended(position: int, source: str, result: Any) -> Ended:
    error = result.error_before_exec or result.error_in_exec
    if error is None:
        return Ended(position)
    try:
        message = str(error)
    except Exception as fault:  # noqa: BLE001 - the exception is the user's; its __str__ may do anything
        message = f"<its message cannot be shown: {type(fault).__name__}>"
    line = error.lineno if isinstance(error, SyntaxError) else failed_line(error, source)
    return Ended(position, type(error).__name__, message[:2000], line)


@contextlib.contextmanager
def _no_input(say: Any) -> Iterator[None]:
    """Refuse whatever asks for something to be typed, as a notebook that runs without its reader does."""

    def refuse(*_: Any, **__: Any) -> NoReturn:
        say(Asked())
        raise StdinNotImplementedError("the cell asks for something to be typed, and a repeat has nobody to type it")

    kept = (builtins.input, getpass.getpass)
    builtins.input, getpass.getpass = refuse, refuse
    try:
        yield
    finally:
        builtins.input, getpass.getpass = kept


def _import_folders(plan: Plan) -> list[str]:
    """Return the import folders, with those in the project replaced by their copies."""

    def moved(folder: str) -> str:
        for old, new in plan.moved.items():
            if folder == old or folder.startswith(old + os.sep):
                copy = new + folder[len(old) :]
                return copy if Path(copy).exists() else folder
        return folder

    return [*plan.path, *map(moved, sys.path)]


def _replay(plan: Plan, say: Any) -> None:
    os.chdir(plan.cwd)
    sys.path[:] = _import_folders(plan)
    sys.argv = ["ipykernel_launcher.py"]
    shell = make_shell()
    shell.extension_manager.load_extension("trackbook")
    guard(plan.protected, lambda path: say(Refused(path)))
    with _no_input(say):
        asyncio.run(Replay(shell, say).run(plan.cells))


def main() -> None:
    """Read a plan from standard input, run it, and report where standard output was."""
    commands, reports = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # What native code prints must not get between the reports, and what the program reads is nothing.
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=False)  # type: ignore[union-attr]
    lock = threading.Lock()

    def say(report: Report) -> None:
        with lock:
            write_frame(reports, msgspec.msgpack.encode(report))

    data = read_frame(commands)
    if data is None:
        return
    threading.Thread(target=_end_with_the_asker, args=(commands,), daemon=True).start()
    _replay(msgspec.msgpack.decode(data, type=Plan), say)
    say(Finished())
    sys.stderr.flush()
    os._exit(0)  # neither threads nor exit handlers of the program's are waited for: the notebook's had not ended


def _end_with_the_asker(stream: IO[bytes]) -> None:
    stream.read()
    os._exit(1)


if __name__ == "__main__":
    main()
