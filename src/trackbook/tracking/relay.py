"""Logging in a process that works for a run of another process, as one that runs the steps of a pipeline does.

What the code there logs becomes facts that are sent to the process that has the run, which logs them.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Mapping
from numbers import Number
from pathlib import Path
from typing import Any

import msgspec
from blake3 import blake3

from trackbook.errors import UsageError, shown
from trackbook.tracking.artifacts import artifact_content
from trackbook.tracking.names import checked_items, checked_name, checked_text

EVENT = "script.metric"
"""What a script calls a metric that it reports, see `pipeline.script.runtime.log_metric`."""
METRIC, PARAM, TAG, ARTIFACT = "metric", "param", "tag", "artifact"


class Reported(msgspec.Struct, tag=True, frozen=True):
    """A metric, param, tag or artifact that code logged; `step` is that of a metric, None where it is the next one.

    An artifact's `value` is its digest; `content` are its bytes when it is told, None later on.
    """

    kind: str
    key: str
    value: float | str
    step: int | None = None
    content: bytes | None = None


class Relay:
    """Stands for the active run: it takes what is logged, and hands it to `send`."""

    def __init__(self, send: Callable[[Reported], None]) -> None:
        self._send = send
        self._pid = os.getpid()

    @property
    def is_ours(self) -> bool:
        """Tell whether this is the process that was asked to work, and not one that it forked."""
        return os.getpid() == self._pid

    def log_metric(self, key: str, value: float, step: int | None = None) -> None:
        """Send one value of a metric; raises UsageError for what is no number."""
        try:
            number = float(value)
        except Exception as error:
            raise UsageError(f"metric {key!r} needs a number, not {shown(value)}") from error
        try:
            at = None if step is None else operator.index(step)
        except TypeError as error:
            raise UsageError(f"the step of metric {key!r} is a whole number, not {shown(step)}") from error
        self._send(Reported(METRIC, checked_name("metric", key), number, at))

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Send several metrics."""
        for key, value in checked_items("metrics", metrics):
            self.log_metric(key, value, step)

    def log_param(self, key: str, value: Any) -> None:
        """Send one param."""
        self.log_params({key: value})

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Send params."""
        self._texts(PARAM, params)

    def set_tag(self, key: str, value: Any) -> None:
        """Send one tag."""
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Send tags."""
        self._texts(TAG, tags)

    def log_artifact(self, source: str | Path | bytes, path: str | None = None) -> str:
        """Send a file, or bytes under the name `path`; returns the digest.

        Raises NotFoundError when there is no such file.
        """
        name, content = artifact_content(source, path)
        raw = content if isinstance(content, bytes) else content.read_bytes()
        digest = blake3(raw).hexdigest()
        self._send(Reported(ARTIFACT, name, digest, content=raw))
        return digest

    def _texts(self, kind: str, values: Mapping[str, Any]) -> None:
        from trackbook.capture.redaction import redact_value  # few steps log texts

        texts = [
            (checked_name(kind, key), redact_value(key, checked_text(kind, key, value)))
            for key, value in checked_items(f"{kind}s", values)
        ]
        for key, text in texts:
            self._send(Reported(kind, key, text))


_relay: Relay | None = None


def relay_to(send: Callable[[Reported], None]) -> None:
    """Let what this process logs from now on go to `send`."""
    global _relay
    _relay = Relay(send)


def active_relay() -> Relay | None:
    """Return what takes the logging of this process, None where it logs by itself."""
    return _relay if _relay is not None and _relay.is_ours else None


def log_from_scripts(event: str, arguments: tuple[Any, ...]) -> None:
    """Take the metrics that scripts report without Trackbook, as audit events; what is no number is let pass."""
    if event != EVENT or (relay := active_relay()) is None:
        return
    key, value, step = arguments
    if isinstance(value, Number) or getattr(value, "ndim", None) == 0:
        relay.log_metric(key, value, step)
