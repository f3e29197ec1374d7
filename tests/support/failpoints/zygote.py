"""A warm process that forks one child a trial: a death costs a fork, and not a second of imports.

It runs with the shim loaded, reads a request a line and answers each with a `Report`, both as JSON.
"""

from __future__ import annotations

import atexit
import ctypes
import errno
import faulthandler
import gc
import importlib
import json
import os
import shutil
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from support.failpoints.operations import OPERATIONS, Session, end, log, start
from support.failpoints.records import Record, check_records, check_sound
from trackbook.capture import environment
from trackbook.errors import TrackbookError
from trackbook.project import Project
from trackbook.settings import load_settings

READ, CREATE, WRITE, SYNC, NAME, LOCK, SIZE = (1 << bit for bit in range(7))
MODES = {"fail": 1, "fail from there on": 2, "short": 3, "kill": 4, "tear": 5, "interrupt": 6}
EVERY = READ | CREATE | WRITE | SYNC | NAME | LOCK | SIZE
CHANGING = CREATE | WRITE | SYNC | NAME | SIZE
KINDS = {
    "ENOSPC": CREATE | WRITE | SYNC | SIZE,
    "EROFS": CREATE | WRITE | SYNC | NAME | SIZE,
    "EIO": READ | CREATE | WRITE | SYNC | NAME | SIZE,
}
"""The kinds of calls that each error can come from."""

MAX_CALLS = 3000
HANGS_SECONDS = 120
"""A child that lives longer waits for something that will never be."""

Say = Callable[..., None]


class Request(msgspec.Struct, frozen=True):
    """Do `operation`, and at its n-th call what `mode` says, for every n; `error` is the errno's name of a failure.

    With `spool` the user's temporary folder is struck as the store is.  Of more than `limit` calls, `limit` are tried
    that lie evenly between the first and the last.
    """

    operation: str
    mode: str
    error: str | None = None
    spool: bool = False
    limit: int = 1_000_000


class Report(msgspec.Struct):
    """How many of all calls were tried, how the operations ended, and what was wrong afterwards."""

    calls: int = 0
    tried: int = 0
    went_on: int = 0
    refused: int = 0
    wrong: list[str] = []


class Death(msgspec.Struct):
    """How a child ended: its wait status, what it said, what it printed."""

    status: int
    said: list[Record]
    errors: str

    @property
    def wrong(self) -> str | None:
        """What was wrong with an end that should have been a good one."""
        if self.status:
            return self.errors or f"it ended with the status {self.status} and no word"
        noise = any(line.startswith(("Exception ignored", "Traceback")) for line in self.errors.splitlines())
        return self.errors if noise else None


def kinds_of(request: Request) -> int:
    if request.error is not None:
        return KINDS[request.error]
    return {"kill": CHANGING, "tear": WRITE, "short": WRITE, "interrupt": EVERY}[request.mode]


def spread(calls: int, limit: int) -> list[int]:
    """Return the numbers of the calls to strike at: all, or `limit` of them from the first to the last."""
    if calls <= limit:
        return list(range(1, calls + 1))
    return sorted({1 + round(place * (calls - 1) / (limit - 1)) for place in range(limit)})


class Zygote:
    """Runs the trials of one request after the other below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shim = ctypes.CDLL(None)
        self.shim.fault_where.restype = ctypes.c_char_p
        self.shim.fault_arm.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
        self.work = folder / "work"
        self.errors = folder / "stderr"
        self.templates: dict[Any, tuple[Path, list[Record]]] = {}
        self.warm: set[str] = set()

    def serve(self) -> None:
        """Answer requests until there are no more."""
        for line in sys.stdin:
            report = self.run(msgspec.json.decode(line, type=Request))
            print(msgspec.json.encode(report).decode(), flush=True)

    def run(self, request: Request) -> Report:
        template, kept = self.template(request.operation)
        self.warm_up(request.operation, template)
        report = Report(calls=self.count(request, template))
        for number in spread(report.calls, request.limit):
            death, hit, where = self.trial(request, template, number)
            report.tried += hit
            report.went_on += ["went on"] in death.said
            report.refused += any(record[0] == "refused" for record in death.said)
            wrong = self.judge(request, death, hit)
            if wrong is None:
                wrong = self.checked(kept + death.said)
            if wrong is not None:
                what = f"{request.operation}, {request.mode} {request.error or ''} at call {number} ({where})"
                report.wrong.append(f"{what}, which said {death.said[-3:]}:\n{wrong[-3000:]}")
        return report

    def count(self, request: Request, template: Path) -> int:
        """Return at how many calls of the operation something can happen."""
        death, hit, _ = self.trial(request, template, MAX_CALLS)
        assert not hit, f"{request.operation} does not end"
        assert death.wrong is None, death.errors
        return int(self.shim.fault_count())

    def template(self, operation: str) -> tuple[Path, list[Record]]:
        prepare = OPERATIONS[operation][0]
        if prepare not in self.templates:
            place = self.folder / f"template-{len(self.templates)}"
            self.clear()
            death = Death(0, [], "")
            if prepare is not None:
                death = self.forked(lambda say: prepare(Session(self.work, say, "before")))
            assert death.wrong is None, death.wrong
            self.work.rename(place)
            self.templates[prepare] = (place, death.said)
        return self.templates[prepare]

    def warm_up(self, operation: str, template: Path) -> None:
        """Load here what the operation, and the check of it, load: each trial would do so again."""
        if operation in self.warm:
            return
        self.warm.add(operation)

        def act(say: Say) -> None:
            OPERATIONS[operation][1](Session(self.work, lambda *_: None, "warm"))
            self.check([])
            say(*sys.modules)

        self.clear(template)
        death = self.forked(act)
        assert death.wrong is None, death.wrong
        for module in death.said[-1]:
            if module not in sys.modules:
                with suppress(ImportError):  # a name that a package made for itself
                    importlib.import_module(module)
        self.clear(template)
        wrong = self.checked([])
        assert wrong is None, wrong
        gc.collect()
        gc.freeze()

    def clear(self, template: Path | None = None) -> None:
        shutil.rmtree(self.work, ignore_errors=True)
        if template is None:
            self.work.mkdir()
            (self.work / "trackbook.toml").touch()
        else:
            shutil.copytree(template, self.work)
        temporary = Path(os.environ["TMPDIR"])
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()

    def trial(self, request: Request, template: Path, number: int) -> tuple[Death, bool, str]:
        """Let a child do the operation and strike at call `number`; return its end, whether, and where it struck."""
        self.clear(template)
        self.shim.fault_root(0, os.fsencode(self.work / ".trackbook"))
        self.shim.fault_root(2, os.fsencode(self.work / "backup"))
        self.shim.fault_root(1, os.fsencode(os.environ["TMPDIR"]) if request.spool else b"")
        error = getattr(errno, request.error) if request.error else 0
        death = self.forked(lambda say: self.act(request, error, number, say))
        hit = self.shim.fault_hits() > 0
        where = self.shim.fault_where().decode(errors="replace").replace(str(self.folder), "")
        self.shim.fault_disarm()
        return death, hit, where

    def act(self, request: Request, error: int, number: int, say: Say) -> None:
        """In the child: the operation under fault; then, in the same process, without."""
        signal.signal(signal.SIGINT, signal.default_int_handler)
        act = OPERATIONS[request.operation][1]
        session = Session(self.work, say, "first")
        self.shim.fault_arm(MODES[request.mode], kinds_of(request), error, number)
        try:
            act(session)
            say("went on")
        except TrackbookError as refusal:
            say("refused", str(refusal))
        except KeyboardInterrupt:
            if request.mode != "interrupt":
                raise
            say("refused", "interrupted")
        self.shim.fault_disarm()
        session.label = "second"
        vars(session).pop("tag", None)
        act(session)

    def judge(self, request: Request, death: Death, hit: bool) -> str | None:
        """Say what was wrong with how the child ended, None when nothing was."""
        if hit and request.mode in ("kill", "tear"):
            is_killed = os.WIFSIGNALED(death.status) and os.WTERMSIG(death.status) == signal.SIGKILL
            return None if is_killed else death.errors
        if request.mode == "interrupt" and not death.status:
            return None  # one that came in a finalizer is printed, as Python does
        return death.wrong

    def checked(self, said: list[Record]) -> str | None:
        """Say what is wrong with the store that a trial left; here, as a fork for it would cost as much as it does."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                self.check(said)
        except Exception:  # noqa: BLE001 - told to the test, whatever it is
            return traceback.format_exc()
        return None

    def check(self, said: list[Record]) -> None:
        """The next command works on the store as it was left, and everything acknowledged is there."""
        after: list[Record] = []
        session = Session(self.work, lambda *what: after.append(list(what)), "after")
        next_command(session)
        last = {tuple(record[1:3]): record for record in said if record[0] in ("model", "promoting")}
        stages = [record for record in last.values() if record[0] == "model"]
        plain = [record for record in said if record[0] not in ("went on", "refused", "model", "promoting")]
        project = Project.open(self.work)
        check_records(project, plain + stages + after)
        check_sound(project.store)
        session.project.store.close()

    def forked(self, work: Callable[[Say], None]) -> Death:
        """Do `work` in a child that ends as processes do; return how."""
        receive, send = os.pipe()
        self.errors.write_bytes(b"")
        child = os.fork()
        if child == 0:
            os.close(receive)
            self._be_child(work, send)
        os.close(send)
        with os.fdopen(receive, "rb") as pipe:
            lines = pipe.read().decode().split("\n")[:-1]
        _, status = os.waitpid(child, 0)
        return Death(status, [json.loads(line) for line in lines], self.errors.read_text(errors="replace"))

    def _be_child(self, work: Callable[[Say], None], send: int) -> None:
        def say(*what: Any) -> None:
            os.write(send, (json.dumps(what) + "\n").encode())

        fd = os.open(self.errors, os.O_WRONLY | os.O_APPEND)
        os.dup2(fd, 2)
        faulthandler.dump_traceback_later(HANGS_SECONDS, exit=True, file=2)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", ResourceWarning)
                warnings.filterwarnings("ignore", "Trackbook|what was logged last", UserWarning)
                work(say)
                end_process()
        except BaseException:  # noqa: BLE001 - told to the parent, whatever it is
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)


def next_command(session: Session) -> None:
    """What anybody does next: it must simply work."""
    run = start(session)
    log(session, run, 2)
    end(session, run)
    assert run.run_id in [each.run_id for each in session.project.runs.search()]


def end_process() -> None:
    """Do what Python does at the end of a process, without the time that freeing everything takes."""
    atexit._run_exitfuncs()
    os._exit(0)


def main(folder: str, *modules: str) -> None:
    """Serve below `folder`, with the operations of `modules`."""
    for module in modules:
        importlib.import_module(module)
    if not modules:
        sys.modules["pandas"] = None  # type: ignore[assignment]  # sqlite-utils would load it: forks cost twice as much
    # Each process reads these once; here they are read before the fork.
    environment.read_environment = cache(environment.read_environment)
    environment.read_environment()
    load_settings(Path(folder))
    Zygote(Path(folder).resolve()).serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
