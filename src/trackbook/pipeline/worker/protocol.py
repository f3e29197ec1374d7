"""What the runner and the process that runs the steps say to each other: msgpack frames over two pipes."""

from __future__ import annotations

from typing import IO

import msgspec

from trackbook.pipeline.worker.lineage import Looked, Versions
from trackbook.pipeline.worker.seen import Effects
from trackbook.tracking.relay import Reported
from trackbook.tracking.reproduction.processes import read_frame, write_frame


class Open(msgspec.Struct, tag=True, frozen=True):
    """Import the script, with `cwd` as working and import folder; `params` pickles what replaces defaults.

    Small frames are kept as dataset versions where `versions` says.
    """

    script: str
    cwd: str
    params: bytes
    versions: Versions | None = None


class Load(msgspec.Struct, tag=True, frozen=True):
    """Bind `slots` to the values of a kept step; `digest` is what the bytes at `path` must have."""

    path: str
    digest: str
    slots: tuple[str, ...]
    arguments: tuple[str, ...]


class Value(msgspec.Struct, frozen=True):
    """One argument: the slot of an earlier output, or a field of the parameters."""

    slot: str | None
    param: str | None
    keyword: str | None


class RunStep(msgspec.Struct, tag=True, frozen=True):
    """Call a function of the script.

    `run_id` is the run of the call.  `live` are the slots that later steps still use, `spool` is where the pickled
    outputs may be written (empty: they will not be kept; with `hand_on` they are, if that can be done at all, as steps
    in other processes need them), `named` the strings of the code, `metrics` the results that are logged where they are
    numbers, `random_state` what to start from.  With `beside`, other steps write in the same folder meanwhile.  joblib
    hands its work to the Dask scheduler at `cluster`, if set.
    """

    function: str
    run_id: str
    arguments: tuple[Value, ...]
    slots: tuple[str, ...]
    unpacked: bool
    live: tuple[str, ...]
    spool: str
    hand_on: bool
    named: tuple[str, ...]
    metrics: tuple[str, ...]
    random_state: bytes | None
    beside: bool = False
    cluster: str = ""


class Opened(msgspec.Struct, tag=True, frozen=True):
    """The script is imported; `params` maps each field to the signature of its value, or to None."""

    params: dict[str, str | None]


class Loaded(msgspec.Struct, tag=True, frozen=True):
    """The slots are bound."""


class Printed(msgspec.Struct, tag=True, frozen=True):
    """Text that went to `stdout` or `stderr`."""

    stream: str
    text: str


class Done(msgspec.Struct, tag=True, frozen=True):
    """A step returned.

    `signatures` has one entry an output (None where it has none), `touched` says whether an argument was
    changed in place, `changed` has the new signatures of values that are still used and were changed with it,
    `references` are the arguments that the kept bytes point to,
    `state` what shared state it changed, `reasons` why its result must not be kept (empty: it may be),
    `writer` the process that still writes its outputs (0: they are written),
    `data` what was handed to it and returned, `reports` what it logged, which was sent at once as well.
    """

    seconds: float
    signatures: tuple[str | None, ...]
    touched: bool
    changed: dict[str, str | None]
    references: tuple[int, ...]
    effects: Effects
    state: tuple[str, ...]
    random_state: bytes | None
    printed: str
    reasons: tuple[str, ...]
    data: Looked = Looked()
    writer: int = 0
    reports: tuple[Reported, ...] = ()


class Failed(msgspec.Struct, tag=True, frozen=True):
    """The script or a step raised."""

    seconds: float
    ename: str
    evalue: str
    traceback: str


Command = Open | Load | RunStep
Reply = Opened | Loaded | Printed | Reported | Done | Failed

_commands = msgspec.msgpack.Decoder[Command](Command)
_replies = msgspec.msgpack.Decoder[Reply](Reply)


def send(stream: IO[bytes], message: Command | Reply) -> None:
    """Write a message as one frame."""
    write_frame(stream, msgspec.msgpack.encode(message))


def receive_command(stream: IO[bytes]) -> Command | None:
    """Return the next command; None when the other end is gone."""
    data = read_frame(stream)
    return None if data is None else _commands.decode(data)


def receive_reply(stream: IO[bytes]) -> Reply | None:
    """Return the next reply; None when the other end is gone."""
    data = read_frame(stream)
    return None if data is None else _replies.decode(data)
