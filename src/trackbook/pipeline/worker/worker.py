"""The process that runs the steps of one pipeline: `python -m trackbook.pipeline.worker.worker`.

It knows neither the store nor the tracker.  It is told which function to call with which values, keeps the
values, and says what each call did.  When the runner goes away, however that happens, it ends.
"""

from __future__ import annotations

import io
import numbers
import os
import pickle
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import IO, Any

import msgspec

from trackbook.capture.randomness import random_state, restore_random_state
from trackbook.data import paths
from trackbook.pipeline.slots import name_of
from trackbook.pipeline.worker import spooling
from trackbook.pipeline.worker.cluster import Cluster
from trackbook.pipeline.worker.importing import give_by_value, import_from, import_script
from trackbook.pipeline.worker.keeping import changeable, sign, signature_or_none, spool, unsafe
from trackbook.pipeline.worker.lineage import READ, WRITTEN, DataWatch
from trackbook.pipeline.worker.observe import Observer, changed, process_state
from trackbook.pipeline.worker.protocol import (
    Command,
    Done,
    Failed,
    Load,
    Loaded,
    Open,
    Opened,
    Printed,
    Reply,
    RunStep,
    Value,
    receive_command,
    send,
)
from trackbook.pipeline.worker.signature import shared
from trackbook.tracking.relay import Reported, active_relay, log_from_scripts, relay_to

PRINTED_LIMIT = 1_000_000


class Worker:
    """Holds the script, its parameters and the values of the steps that have run."""

    def __init__(self, printed: _Channel) -> None:
        self._printed = printed
        self._values: dict[str, Any] = {}
        self._observer = Observer()
        self._reports: list[Reported] = []
        self._cluster: Cluster | None = None

    def handle(self, command: Command) -> Reply:
        """Do what is asked; an exception of the user's code becomes a reply."""
        began = time.perf_counter()
        try:
            if isinstance(command, Open):
                return self._open(command)
            if isinstance(command, Load):
                return self._load(command)
            return self._run(command)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code may raise anything
            return _failure(error, time.perf_counter() - began)

    def _open(self, command: Open) -> Opened:
        os.chdir(command.cwd)
        self._values = {}
        import_from(command.cwd)
        self._observer.home = command.cwd
        self._module = import_script(Path(command.script))
        self._data = DataWatch(command.versions)
        overrides = pickle.loads(command.params)  # noqa: S301 - written by the runner a moment ago
        self._params = self._module.Params(**overrides)
        return Opened({name: signature_or_none(value) for name, value in vars(self._params).items()})

    def _load(self, command: Load) -> Loaded:
        arguments = [self._values.get(slot) for slot in command.arguments]
        outputs = spooling.read(Path(command.path), command.digest, arguments)
        self._values.update(zip(command.slots, outputs, strict=True))
        return Loaded()

    def _run(self, command: RunStep) -> Done:
        if command.random_state is not None:
            restore_random_state(command.random_state)
        if command.cluster:
            self._cluster = self._cluster or Cluster(command.cluster)
            self._observer.own = self._cluster.places
        arguments = [self._argument(value) for value in command.arguments]
        before = [signature_or_none(value) for value in arguments]
        data = self._data.look(READ, _named(command.arguments, arguments), command.run_id)
        state, generators = process_state(self._module), random_state()
        outputs, seconds, effects = self._call(command, arguments)
        self._log_metrics(command, outputs)
        after = random_state()
        touched = [value for value, old in zip(arguments, before, strict=True) if old != signature_or_none(value)]
        live = {slot: self._values[slot] for slot in command.live if slot in self._values}
        altered = {slot: signature_or_none(live[slot]) for slot in live if touched and shared([live[slot]], touched)}
        self._values = live | dict(zip(command.slots, outputs, strict=True))
        names = map(name_of, command.slots)
        signatures, reasons = sign(command.slots, outputs)
        if None in before:
            reasons.append("it cannot be told whether an argument changed")
        reasons += unsafe(outputs, arguments, touched, [*live.values(), *changeable(self._module)], bool(altered))
        reasons += effects.reasons
        if not command.slots and not effects.complete:
            reasons.append("returns nothing, and the folder is too big to see whether it writes files")
        text, complete = self._printed.take()
        if not complete:
            reasons.append(f"prints more than {PRINTED_LIMIT:,} characters")
        data += self._data.look(WRITTEN, dict(zip(names, outputs, strict=True)), command.run_id)
        references, writer = self._spool(command, outputs, arguments, touched, reasons)
        return Done(
            seconds,
            signatures,
            bool(touched),
            altered,
            references,
            effects,
            tuple(changed(state, process_state(self._module))),
            None if after == generators else after,
            text,
            tuple(reasons),
            data,
            writer,
            tuple(self._reports),
        )

    def report(self, report: Reported) -> None:
        """Keep what a step logs, so that it can stand for the step with its result."""
        self._reports.append(msgspec.structs.replace(report, content=None))

    def _log_metrics(self, command: RunStep, outputs: list[Any]) -> None:
        """Log the results of metric cells that are numbers."""
        relay = active_relay()
        for slot, value in zip(command.slots, outputs, strict=True):
            is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
            if relay is not None and is_number and name_of(slot) in command.metrics:
                relay.log_metric(name_of(slot), float(value))

    def _spool(
        self, command: RunStep, outputs: list[Any], arguments: list[Any], touched: list[Any], reasons: list[str]
    ) -> tuple[tuple[int, ...], int]:
        """Write outputs; returns the arguments that they point to and the process that still writes, adds `reasons`."""
        if not command.spool or (reasons and not command.hand_on):
            return (), 0
        # Another process may ask for what is handed on as soon as the step has ended.
        may_fork = not command.hand_on
        references, writer, faults = spool(Path(command.spool), outputs, arguments, touched, may_fork=may_fork)
        reasons += faults
        if writer:
            threading.Thread(target=os.waitpid, args=(writer, 0), name="trackbook-writer", daemon=True).start()
        return references, writer

    def _argument(self, value: Value) -> Any:
        return self._values[value.slot] if value.slot is not None else getattr(self._params, value.param or "")

    def _call(self, command: RunStep, arguments: list[Any]) -> tuple[list[Any], float, Any]:
        function = getattr(self._module, command.function)
        pairs = list(zip(command.arguments, arguments, strict=True))
        positional = [item for value, item in pairs if value.keyword is None]
        keywords = {value.keyword: item for value, item in pairs if value.keyword is not None}
        texts = [item for item in arguments if isinstance(item, str)]
        give_by_value(self._module)
        self._printed.take()
        self._reports.clear()
        self._observer.start(alone=not command.beside)
        began = time.perf_counter()
        try:
            with self._cluster.used(self._module) if command.cluster and self._cluster else nullcontext():
                result = function(*positional, **keywords)
        finally:
            seconds = time.perf_counter() - began
            sys.stdout.flush()
            effects = self._observer.stop([*command.named, *texts])
        return _unpack(command, result), seconds, effects


def _named(arguments: tuple[Value, ...], values: list[Any]) -> dict[str, Any]:
    names = [value.param or name_of(value.slot or "") for value in arguments]
    return dict(zip(names, values, strict=True))


def _unpack(command: RunStep, result: Any) -> list[Any]:
    if not command.slots:
        return []
    if not command.unpacked:
        return [result]
    values = list(result)
    if len(values) != len(command.slots):
        raise ValueError(f"{command.function} returned {len(values)} values, main() expects {len(command.slots)}")
    return values


def _failure(error: BaseException, seconds: float) -> Failed:
    here = str(Path(__file__))
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == here:
        frames = frames.tb_next
    text = "".join(traceback.format_exception(type(error), error, frames))
    return Failed(seconds, type(error).__name__, str(error), text)


class _Channel(io.RawIOBase):
    """The bytes of `sys.stdout` or `sys.stderr` go to the runner, in order with everything else it is told."""

    def __init__(self, name: str, say: Callable[[Reply], None]) -> None:
        self._name, self._say = name, say
        self.kept: list[str] | None = [] if name == "stdout" else None
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        raw = bytes(data)
        text = raw.decode("utf-8", "replace")
        self._say(Printed(self._name, text))
        self._size += len(text)
        if self.kept is not None and self._size <= PRINTED_LIMIT:
            self.kept.append(text)
        return len(raw)

    def take(self) -> tuple[str, bool]:
        """Return the text since the last call, and whether it is all of it."""
        text, complete = "".join(self.kept or ()), self._size <= PRINTED_LIMIT
        self.kept, self._size = [], 0
        return text, complete


def main() -> None:
    """Serve commands from stdin until it closes; replies go where stdout was."""
    paths.install()
    commands = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    # What native code prints must not get between the replies; what the user's code reads must not eat commands.
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    lock = threading.Lock()

    def say(reply: Reply) -> None:
        with lock:
            send(replies, reply)

    printed = _Channel("stdout", say)
    sys.stdout = io.TextIOWrapper(printed, encoding="utf-8", line_buffering=True)
    sys.stderr = io.TextIOWrapper(_Channel("stderr", say), encoding="utf-8", write_through=True)
    worker = Worker(printed)

    def report(found: Reported) -> None:
        worker.report(found)
        say(found)

    relay_to(report)
    sys.addaudithook(log_from_scripts)
    waiting: queue.SimpleQueue[Command] = queue.SimpleQueue()
    threading.Thread(target=_read_commands, args=(commands, waiting), daemon=True).start()
    while True:
        say(worker.handle(waiting.get()))


def _read_commands(stream: IO[bytes], waiting: queue.SimpleQueue[Command]) -> None:
    """Pass commands on; when the runner is gone, end at once, in the middle of a step too."""
    try:
        while (command := receive_command(stream)) is not None:
            waiting.put(command)
    except msgspec.MsgspecError as error:  # of another version: whoever asked must not wait for ever
        print(f"a command that this Trackbook does not know ({error}): was it updated meanwhile?", file=sys.stderr)
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
