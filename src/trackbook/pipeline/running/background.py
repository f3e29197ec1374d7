"""Results that are written while the steps go on: kept as soon as they are whole, dropped when the run is."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass
from typing import Any

from trackbook.pipeline.cache.keeper import CannotKeepError, Keeper, Writing
from trackbook.pipeline.cache.results import Results
from trackbook.pipeline.outcome import Noticed, OnEvent
from trackbook.pipeline.worker.written import Outcome, drop, wait_for

DROP_SECONDS = 2.0
"""So long results are waited for that are being written when a run is interrupted."""


@dataclass(frozen=True)
class Written:
    """How the writing of a result went."""

    writing: Writing
    outcome: Outcome


class Background:
    """The results of one run that are being written; `heard` is the queue that the run listens to."""

    def __init__(self, keeper: Keeper, results: Results, heard: queue.SimpleQueue[Any], on_event: OnEvent) -> None:
        self._keeper, self._results, self._heard, self._on_event = keeper, results, heard, on_event
        self._writing: dict[int, Writing] = {}
        self._said: set[int] = set()

    @property
    def is_busy(self) -> bool:
        """Tell whether a result is being written."""
        return bool(self._writing)

    def begin(self, writing: Writing) -> None:
        """Have `Written` said when a result has been written; until then the steps go on."""
        self._writing[writing.step.index] = writing

        def wait() -> None:
            self._heard.put(Written(writing, wait_for(writing.spool, writing.pid)))

        threading.Thread(target=wait, name=f"writing {writing.step.name}", daemon=True).start()

    def end(self, said: Written) -> None:
        """Keep a result that has been written; where that cannot be done, the run goes on and says why."""
        step = said.writing.step
        self._writing.pop(step.index, None)
        try:
            self._results.add(self._keeper.finish(said.writing, said.outcome))
        except CannotKeepError as fault:
            self._on_event(Noticed(f"the result of {step.name} is not kept: {fault}"))

    def wait(self, seconds: float = float("inf")) -> None:
        """Wait until all results are written, but no longer than `seconds`; what else is heard waits meanwhile."""
        end = time.monotonic() + seconds
        others = []
        while self._writing and (left := end - time.monotonic()) > 0:
            try:
                said = self._heard.get(timeout=min(left, 3600.0))
            except queue.Empty:
                continue
            if isinstance(said, Written):
                self.end(said)
            else:
                others.append(said)
        for other in others:
            self._heard.put(other)

    def say_waiting(self, *, alone: bool) -> None:
        """Say, once, what the run waits for when it is `alone` with results that are being written."""
        new = [writing for place, writing in self._writing.items() if alone and place not in self._said]
        if new:
            self._said.update(writing.step.index for writing in new)
            self._on_event(Noticed(f"waiting until the results of {', '.join(w.step.name for w in new)} are written"))

    def drop(self) -> None:
        """Have nothing written any more."""
        for writing in self._writing.values():
            drop(writing.spool, writing.pid)
        self._writing.clear()
