"""A run as one value that travels between stores, and the rule that joins two of them.

A record is the events that make the run again, in an order that depends on nothing but the run.  What was logged is
the `core`; a run is written in one place, so of two cores the one that got further is kept whole.  What people say of
a run later may be said anywhere: of two `edits` of one field the later counts.  The rule is commutative, associative
and idempotent, so that it does not matter who exchanges what with whom, in which order, or how often.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import TypeVar

import msgspec
import zstandard
from blake3 import blake3

from trackbook.errors import IntegrityError, StoreVersionError
from trackbook.store import events
from trackbook.store.compression import decompressed
from trackbook.store.edits import FIELDS, TAG
from trackbook.store.objects import is_digest

FORMAT = 1
MAX_SENT = 1 << 28
MAX_UNPACKED = 1 << 31
"""Bytes of one record, as it travels and unpacked; a run of a hundred million points stays below."""

NAME = "run_name"
FILES = ("file", "module")
"""The kinds of data whose fingerprint is the digest of their bytes."""

Value = TypeVar("Value")


class Curve(msgspec.Struct, frozen=True, array_like=True, tag="curve"):
    """All values of one metric, as columns in the order in which they were logged."""

    key: str
    steps: list[int]
    times: list[int]
    values: list[float]


class Attempt(msgspec.Struct, frozen=True, array_like=True):
    """One attempt to repeat the run; `content` is its JSON, times are in milliseconds."""

    verdict: str
    content: str
    start_time: int
    end_time: int
    user: str


Core = (
    events.RunStarted
    | events.RunEnded
    | events.CodeLocated
    | events.EnvironmentSeen
    | events.ParamsLogged
    | events.DataUsed
    | events.ArtifactLogged
    | events.CellExecuted
    | events.ProgramFound
    | events.FactNoted
    | Curve
)
"""What a core is made of, each kind in its place; those of one kind in the order of their names."""


class Edit(msgspec.Struct, frozen=True, array_like=True):
    """The latest word on one field of a run; a `value` of None takes it away.  `time` is in milliseconds."""

    time: int
    value: str | None
    user: str

    @property
    def rank(self) -> tuple[int, bool, str, str]:
        """What decides between two edits of one field: the larger counts."""
        return self.time, self.value is not None, self.value or "", self.user


class RunRecord(msgspec.Struct, frozen=True):
    """All that is known of a run.

    `name` and `tags` are what the run said of itself, as far as nobody edited it; `attempts` to repeat it stand by
    their ids.
    """

    format: int
    run_id: str
    core: tuple[Core, ...] = ()
    name: str | None = None
    tags: dict[str, str] = {}
    edits: dict[str, Edit] = {}
    attempts: dict[str, Attempt] = {}

    def encode(self) -> bytes:
        """Return the record as bytes; equal records have equal bytes."""
        return _encoder.encode(self)

    def has_core_of(self, other: RunRecord) -> bool:
        """Say whether the same was logged; by their bytes, as NaN is no equal of itself."""
        return _encoder.encode(self.core) == _encoder.encode(other.core)

    def digest(self) -> str:
        """Return the BLAKE3 digest of its bytes, which names it on a remote."""
        return blake3(self.encode()).hexdigest()

    def events(self) -> Iterator[events.Event]:
        """Yield the events that make the run in an empty store; its curves and attempts stand beside them."""
        for event in self.core:
            if isinstance(event, events.RunStarted):
                yield msgspec.structs.replace(event, run_name=self.name or "")
            elif not isinstance(event, Curve):
                yield event
        if self.tags:
            yield events.TagsSet(self.run_id, self.tags)
        for field, edit in self.edits.items():
            yield events.RunEdited(self.run_id, field, edit.value, edit.time, edit.user)

    def curves(self) -> Iterator[Curve]:
        """Yield the metrics."""
        yield from (event for event in self.core if isinstance(event, Curve))

    def objects(self) -> set[str]:
        """Return the digests of the objects that the run cannot do without: artifacts, the git patch."""
        found = {event.digest for event in self.core if isinstance(event, events.ArtifactLogged)}
        return found | {
            event.git_patch for event in self.core if isinstance(event, events.CodeLocated) if event.git_patch
        }

    def files(self) -> set[str]:
        """Return the digests of files and modules that the run read; a store may have kept them as objects, or not."""
        used = (event for event in self.core if isinstance(event, events.DataUsed))
        found = (event.fingerprint for event in used if event.kind in FILES)
        return {digest for digest in found if digest is not None and is_digest(digest)}

    @property
    def environment(self) -> str | None:
        """The digest of the run's environment, if it is known."""
        return next((event.digest for event in self.core if isinstance(event, events.EnvironmentSeen)), None)


def merge(one: RunRecord, other: RunRecord) -> RunRecord:
    """Return what two stores know of one run together."""
    edits = {
        field: max(_both(one.edits, other.edits, field), key=lambda edit: edit.rank)
        for field in one.edits | other.edits
    }
    ahead, behind = sorted((one, other), key=_progress, reverse=True)
    name, tags = ahead.name, ahead.tags
    if ahead.has_core_of(behind):
        # One of them may not know what it said of itself, where it has an edit in that place.
        name = max(filter(None, (one.name, other.name)), default=None)
        tags = {key: max(_both(one.tags, other.tags, key)) for key in one.tags | other.tags}
    attempts = one.attempts | other.attempts
    return msgspec.structs.replace(
        ahead,
        name=None if NAME in edits else name,
        tags={key: value for key, value in tags.items() if TAG + key not in edits},
        edits=edits,
        attempts={key: max(_both(one.attempts, other.attempts, key), key=msgspec.structs.astuple) for key in attempts},
    )


def pack(record: RunRecord) -> bytes:
    """Return a record as it travels."""
    return zstandard.ZstdCompressor(level=9).compress(record.encode())


def unpack(content: bytes, run_id: str, digest: str) -> RunRecord:
    """Return the record of the run `run_id` whose bytes have this digest, proved to be just that.

    Raises StoreVersionError for one that a newer Trackbook wrote, IntegrityError for what no Trackbook wrote.
    """
    data = _unpacked(content)
    if blake3(data).hexdigest() != digest:
        raise IntegrityError("its bytes are not those of its digest")
    _refuse_newer(data)
    try:
        record = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise IntegrityError(f"it is no record of a run ({error})") from error
    fault = _fault(record, run_id)
    if fault is None and record.encode() != data:
        fault = "it is not written as Trackbook writes records"
    if fault is not None:
        raise IntegrityError(fault)
    return record


_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoder = msgspec.msgpack.Decoder(RunRecord)


def _both(one: Mapping[str, Value], other: Mapping[str, Value], key: str) -> list[Value]:
    return [each[key] for each in (one, other) if key in each]


def _progress(record: RunRecord) -> tuple[int, int, bool, bytes]:
    """Return how far a core got: how much was logged, until when, whether the run has ended; then its bytes."""
    size, last, ended = 0, 0, False
    for event in record.core:
        match event:
            case Curve():
                size += len(event.steps)
                last = max(last, *event.times)
            case events.ParamsLogged():
                size += len(event.params)
            case events.RunStarted():
                last = max(last, event.start_time)
            case events.RunEnded():
                last, ended = max(last, event.end_time), True
            case _:
                size += 1
    return size, last, ended, _encoder.encode(record.core)


def _unpacked(content: bytes) -> bytes:
    pieces, size = [], 0
    for piece in decompressed(io.BytesIO(content)):
        size += len(piece)
        if size > MAX_UNPACKED:
            raise IntegrityError(f"it unpacks to more than {MAX_UNPACKED:,} bytes")
        pieces.append(piece)
    return b"".join(pieces)


class _Format(msgspec.Struct):
    format: int


def _refuse_newer(data: bytes) -> None:
    try:
        found = msgspec.msgpack.decode(data, type=_Format).format
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise IntegrityError(f"it is no record of a run ({error})") from error
    if found > FORMAT:
        raise StoreVersionError("a newer Trackbook wrote it; update with `pip install -U trackbook`")


def _fault(record: RunRecord, run_id: str) -> str | None:
    """Return what is wrong with a record that could be decoded, None when nothing is."""
    runs = {record.run_id, *(event.run_id for event in record.core if hasattr(event, "run_id"))}
    if runs != {run_id}:
        return "it is about another run"
    for event in record.core:
        match event:
            case events.ArtifactLogged() if event.content is not None or not is_digest(event.digest):
                return f"its artifact {event.path!r:.80} has no digest"
            case events.ArtifactLogged() if not _is_inside(event.path):
                return f"its artifact {event.path!r:.80} leads out of the run"
            case events.CodeLocated() if event.git_patch is not None and not is_digest(event.git_patch):
                return "its git patch has no digest"
            case events.EnvironmentSeen() if event.content is not None or not is_digest(event.digest):
                return "its environment has no digest"
            case Curve() if not 0 < len(event.steps) == len(event.times) == len(event.values):
                return f"the columns of its metric {event.key!r:.80} are not of one length"
    return next(
        (f"its edit of {field!r:.80} is none" for field, each in record.edits.items() if not _is_edit(field, each)),
        None,
    )


def _is_edit(field: str, edit: Edit) -> bool:
    if field == "deleted_time":
        return edit.value is None or (edit.value.isascii() and edit.value.isdigit() and len(edit.value) < 16)
    return field in FIELDS or (len(field) > len(TAG) and field.startswith(TAG))


def _is_inside(path: str) -> bool:
    return bool(path) and "\\" not in path and not any(part in ("", ".", "..") for part in path.split("/"))
