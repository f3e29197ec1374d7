"""Compares what two runs of one program did: params, metrics, data, files, outputs, and how they ended.  Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePath

import msgspec

from trackbook.tracking.reproduction.pictures import picture_difference
from trackbook.tracking.reproduction.texts import close, same_line, settled, text_difference
from trackbook.tracking.values import Difference, Run, RunData

RELATIVE = 1e-9
"""How far numbers may be apart; sums in another order differ in the last digits."""

OUTPUTS = "outputs/"
_NOT_JUDGED = frozenset({"outputs/stderr.txt"})
_TEXT = frozenset({".csv", ".tsv", ".txt", ".md", ".json", ".jsonl", ".yaml", ".yml", ".toml", ".log", ".py", ".html"})
_PICTURES = frozenset({".png", ".jpg", ".jpeg"})
_STAMPED = frozenset({".xlsx", ".zip", ".gz", ".docx", ".pdf", ".svg", ".db", ".sqlite", ".duckdb", ".skops", ".tar"})
"""Formats whose files hold the time at which they were made, or other chance."""

_TIME = re.compile(r"(?:^|[._ -])(?:time|seconds?|secs?|duration|elapsed|runtime|latency)(?:$|[._ -])", re.IGNORECASE)

Read = Callable[[str, str], bytes | None]
"""Returns the content of a digest that a path has or had, None when it cannot be had."""


class Comparison(msgspec.Struct, frozen=True):
    """What differs, how many things were compared, and remarks on what could not be or was not judged."""

    differences: tuple[Difference, ...]
    compared: int
    notes: tuple[str, ...]


class Comparer:
    """Compares a run with its repeat.

    `read` returns kept content by its digest, `original` turns the paths in a text of the repeat back into the user's,
    `clocks` are names that the program gives to times, which nobody expects again.
    """

    def __init__(self, read: Read, original: Callable[[str], str], clocks: frozenset[str] = frozenset()) -> None:
        self._read = read
        self._original = original
        self._clocks = clocks
        self._compared = 0
        self._near = 0
        self._notes: list[str] = []
        self._times: list[str] = []

    def compare(self, first: Run, second: Run, children: tuple[Sequence[Run], Sequence[Run]] = ((), ())) -> Comparison:
        """Compare run `first` with its repeat `second`: how they ended, what went in, what came out, what was shown.

        Of the `children` of both params and metrics are compared, pair by pair.
        """
        found = [
            *self._ends(first, second),
            *self._params(first, second),
            *self._data(first, second, ("read",)),
            *self._metrics(first, second),
            *self._data(first, second, ("mutated", "written")),
            *self._artifacts(first, second),
            *self._children(*children),
        ]
        if self._times:
            self._notes.append(f"times are not judged: {', '.join(dict.fromkeys(self._times))}")
        if self._near:
            self._notes.append(f"{self._near} of the numbers agree within 1e-9, not to the last digit")
        return Comparison(tuple(found), self._compared, tuple(dict.fromkeys(self._notes)))

    def _ends(self, first: Run, second: Run) -> Iterator[Difference]:
        self._compared += 1
        a, b = first.error, second.error
        if a is None and b is None:
            if first.summary.status != second.summary.status:
                yield Difference("error", "status", first.summary.status, second.summary.status)
            return
        old = None if a is None else f"{a.type}: {a.message}"
        new = None if b is None else f"{b.type}: {self._original(b.message)}"
        if old is None or new is None or settled(old) != settled(new):
            yield Difference("error", "exception", old, new)

    def _children(self, first: Sequence[Run], second: Sequence[Run]) -> Iterator[Difference]:
        if len(first) != len(second):
            self._compared += 1
            yield Difference("value", "number of child runs", str(len(first)), str(len(second)))
        for place, (a, b) in enumerate(zip(first, second, strict=False), 1):
            for each in (*self._params(a, b), *self._metrics(a, b)):
                yield msgspec.structs.replace(each, name=f"{each.name} of child run {place}")

    def _params(self, first: Run, second: Run) -> Iterator[Difference]:
        old, new = first.summary.params, second.summary.params
        for name in _union(old, new):
            a, b = old.get(name), new.get(name)
            if b is not None:
                b = self._original(b)
            if a is not None and b is not None and _is_time(name, self._clocks):
                continue
            self._compared += 1
            if a is None or b is None or not self._same_text(a, b):
                yield Difference("param", name, a, b)

    def _metrics(self, first: Run, second: Run) -> Iterator[Difference]:
        old, new = first.summary.metrics, second.summary.metrics
        for name in _union(old, new):
            a, b = old.get(name), new.get(name)
            if a is not None and b is not None and _is_time(name, self._clocks):
                if a != b:
                    self._times.append(name)
                continue
            self._compared += 1
            if a is None or b is None or not self._same_number(a, b):
                yield Difference("metric", name, _shown(a), _shown(b), _apart(a, b))

    def _data(self, first: Run, second: Run, roles: Sequence[str]) -> Iterator[Difference]:
        old, new = (
            {(used.role, path(used.name)): used for used in run.data if used.kind != "module" and used.role in roles}
            for run, path in ((first, str), (second, self._original))
        )
        for key in _union(old, new):
            role, name = key
            a, b = old.get(key), new.get(key)
            kind = (a or b).kind if a or b else ""  # type: ignore[union-attr]
            what = "file" if kind in ("file", "folder", "database") else "data"
            if a is None or b is None:
                # What is only read, or not, is seen in what is made of it; what is made must be made again.
                if role != "read":
                    self._compared += 1
                    yield Difference(what, name, role if a else None, role if b else None)
            elif a.fingerprint is None or b.fingerprint is None:
                self._notes.append(f"{name} ({kind}) was not compared: {a.reason or b.reason or 'no fingerprint'}")
            else:
                yield from self._fingerprints(what, role, name, a, b)

    def _fingerprints(self, what: str, role: str, name: str, a: RunData, b: RunData) -> Iterator[Difference]:
        if a.fingerprint == b.fingerprint:
            self._compared += 1
            return
        if what == "data" and name in self._clocks:
            self._times.append(name)
            return
        if what == "data" and _only_times(a, b):
            self._times.append(f"columns of {name}")
            return
        assert a.fingerprint is not None
        assert b.fingerprint is not None
        if what == "file" and role != "read":
            yield from self._contents(what, name, a.fingerprint, b.fingerprint)
            return
        self._compared += 1
        yield Difference(what, name, a.fingerprint[:12], b.fingerprint[:12], f"{role}: {_columns(a, b)}")

    def _artifacts(self, first: Run, second: Run) -> Iterator[Difference]:
        old = {artifact.path: artifact.digest for artifact in first.artifacts}
        new = {artifact.path: artifact.digest for artifact in second.artifacts}
        for path in _union(old, new):
            a, b = old.get(path), new.get(path)
            if path in _NOT_JUDGED:
                if a != b:
                    self._notes.append("what was written to stderr differs: it is not judged")
            elif a is None or b is None:
                self._compared += 1
                yield Difference("output", _output(path), "there" if a else None, "there" if b else None)
            else:
                yield from self._contents("output", path, a, b)

    def _contents(self, what: str, path: str, a: str, b: str) -> Iterator[Difference]:
        """Compare two contents by their digests: exactly, then as their format allows."""
        name, suffix = _output(path), PurePath(path).suffix.lower()
        if a != b and suffix in _STAMPED:
            self._notes.append(
                f"{name} has other bytes, as every {suffix} file has that is made anew: it is not judged"
            )
            return
        self._compared += 1
        if a == b:
            return
        old, new = self._read(a, path), self._read(b, path)
        if old is None or new is None:
            yield Difference(what, name, a[:12], b[:12], "other content")
        elif suffix in _PICTURES:
            if (detail := picture_difference(old, new)) is not None:
                yield Difference(what, name, a[:12], b[:12], detail)
            else:
                self._notes.append(f"{name} has other bytes and shows the same")
        elif suffix in _TEXT:
            where = text_difference(
                old, self._original(new.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
            )
            if where is not None:
                yield Difference(what, name, *where)
        else:
            yield Difference(what, name, a[:12], b[:12], "other content")

    def _same_text(self, a: str, b: str) -> bool:
        if a == b:
            return True
        if not same_line(a, b, RELATIVE):
            return False
        self._near += 1
        return True

    def _same_number(self, a: float, b: float) -> bool:
        if a == b or (math.isnan(a) and math.isnan(b)):
            return True
        if not (math.isfinite(a) and math.isfinite(b) and close(a, b, RELATIVE)):
            return False
        self._near += 1
        return True


def _union(old: Mapping, new: Mapping) -> list:  # type: ignore[type-arg]
    return [*old, *(key for key in new if key not in old)]


def _is_time(name: str, clocks: frozenset[str]) -> bool:
    return name in clocks or _TIME.search(name) is not None


def _shown(value: float | None) -> str | None:
    return None if value is None else repr(value)


def _apart(a: float | None, b: float | None) -> str:
    if a is None or b is None or not (math.isfinite(a) and math.isfinite(b)):
        return ""
    return f"{b - a:+.3g}"


def _only_times(a: RunData, b: RunData) -> bool:
    """Say whether two frames differ in columns of times only."""
    old, new = a.columns or {}, b.columns or {}
    changed = [name for name in old if old[name] != new.get(name)]
    return bool(changed) and old.keys() == new.keys() and all(_TIME.search(name) for name in changed)


def _columns(a: RunData, b: RunData) -> str:
    """Return words for what differs between two values with fingerprints."""
    if a.kind != b.kind:
        return f"{a.kind}, then {b.kind}"
    old, new = a.columns or {}, b.columns or {}
    changed = [name for name in old if name in new and old[name] != new[name]]
    parts = []
    if a.rows is not None and b.rows is not None and a.rows != b.rows:
        parts.append(f"{a.rows:,} rows, then {b.rows:,}")
    for word, names in (
        ("other content in column", changed),
        ("no more column", [name for name in old if name not in new]),
        ("new column", [name for name in new if name not in old]),
    ):
        if names:
            parts.append(f"{word} {', '.join(map(repr, names[:5]))}{' …' if len(names) > 5 else ''}")
    return "; ".join(parts) or "other content"


def _output(path: str) -> str:
    return path.removeprefix(OUTPUTS)
