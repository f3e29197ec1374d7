"""Ends runs of pipelines before their steps are through, from wherever that is decided."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager


class StoppedError(BaseException):
    """A run was ended before its steps were through; it ends as KILLED, with `tags` that say why."""

    def __init__(self, text: str, tags: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.tags = dict(tags or {})


class Stop:
    """Ends all runs that were handed it: each is woken where it waits, also when it has not begun yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wakers: list[Callable[[], None]] = []
        self.is_set = False

    def set(self) -> None:
        """End the runs, in the threads that they go on in."""
        with self._lock:
            self.is_set = True
            wakers = list(self._wakers)
        for wake in wakers:
            wake()

    @contextmanager
    def waking(self, wake: Callable[[], None]) -> Iterator[None]:
        """Call `wake` when runs are to end, as long as the `with` block goes on; at once when they already are."""
        with self._lock:
            self._wakers.append(wake)
            is_set = self.is_set
        if is_set:
            wake()
        try:
            yield
        finally:
            with self._lock:
                self._wakers.remove(wake)
