"""What happens in a run of a pipeline, on its way to the browsers that follow it.

The process of the job says it through a `Reporter`; the server keeps it in an `EventLog`, from which each browser
takes what it has not seen yet.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.store import iso, now_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from trackbook.pipeline.outcome import PipelineEvent

KEPT_CHARACTERS = 500_000
"""How much of what all steps of one run print a server keeps."""
PAUSE_SECONDS = 0.1
WAITING_CHARACTERS = 100_000


class Reporter:
    """Says events in their order; what one step prints within a moment is said at once, so that it is not held up."""

    def __init__(self, say: Callable[[dict[str, Any]], None]) -> None:
        self._say = say
        self._lock = threading.Lock()
        self._printed: list[dict[str, Any]] = []
        self._size = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Reporter:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        with self._lock:
            self._tell()

    def __call__(self, event: PipelineEvent) -> None:
        """Say one event, now or in a moment."""
        told: dict[str, Any] = msgspec.to_builtins(event)
        with self._lock:
            if told["event"] != "output":
                self._tell()
                self._say({"event": told})
                return
            self._printed.append(told)
            self._size += len(told["text"])
            if self._size > WAITING_CHARACTERS:
                self._tell()

    def _tick(self) -> None:
        while not self._end.wait(PAUSE_SECONDS):
            with self._lock:
                self._tell()

    def _tell(self) -> None:
        for told in _joined(self._printed):
            self._say({"event": told})
        self._printed, self._size = [], 0


def _joined(printed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return texts that follow each other from one stream of one step as one."""
    found: list[dict[str, Any]] = []
    texts: list[list[str]] = []
    for told in printed:
        if found and (found[-1]["step"], found[-1]["stream"]) == (told["step"], told["stream"]):
            texts[-1].append(told["text"])
        else:
            found.append(told)
            texts.append([told["text"]])
    return [told | {"text": "".join(parts)} for told, parts in zip(found, texts, strict=True)]


class EventLog:
    """The events of one job, numbered from 1; of what was printed only the end is kept.

    `cut` counts, by step, the characters that are gone.  Safe to use from several threads.
    """

    def __init__(self, characters: int = KEPT_CHARACTERS) -> None:
        self._limit, self._size, self._last = characters, 0, 0
        self._lock = threading.Lock()
        self._told: deque[tuple[int, dict[str, Any]]] = deque()
        self._printed: deque[tuple[int, dict[str, Any]]] = deque()
        self.cut: Counter[str] = Counter()

    def add(self, event: dict[str, Any]) -> None:
        """Keep an event, with the time at which it came."""
        with self._lock:
            self._last += 1
            timed = event | {"time": iso(now_ms())}
            if event.get("event") != "output":
                self._told.append((self._last, timed))
                return
            self._printed.append((self._last, timed))
            self._size += len(event["text"])
            while self._size > self._limit:
                self._drop(self._size - self._limit)

    def since(self, position: int) -> tuple[list[dict[str, Any]], int]:
        """Return what came after the event numbered `position`, and the number of the last one."""
        with self._lock:
            found = [*_after(self._told, position), *_after(self._printed, position)]
            return [event for _, event in sorted(found, key=lambda pair: pair[0])], self._last

    def _drop(self, count: int) -> None:
        """Let go of `count` characters of the oldest text, or of all of it where it is shorter."""
        number, event = self._printed.popleft()
        text = event["text"]
        if len(text) > count:
            self._printed.appendleft((number, event | {"text": text[count:]}))
        gone = min(count, len(text))
        self._size -= gone
        self.cut[event["step"]] += gone


def _after(events: deque[tuple[int, dict[str, Any]]], position: int) -> list[tuple[int, dict[str, Any]]]:
    found = []
    for number, event in reversed(events):
        if number <= position:
            break
        found.append((number, event))
    return found
