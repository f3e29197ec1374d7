"""What a run of a pipeline is a part of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trackbook.pipeline.running.stop import Stop, StoppedError

if TYPE_CHECKING:
    from trackbook.tracking.tracker import ActiveRun


@dataclass(frozen=True)
class Within:
    """The run above a run of a pipeline (None: the active one, if any), its name and tags, and what may end it.

    It is not `alone` where others of the same pipeline run in the same folder meanwhile.
    """

    parent: ActiveRun | None = None
    name: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    stop: Stop = field(default_factory=Stop)
    alone: bool = True

    @contextmanager
    def tagging(self, run: ActiveRun) -> Iterator[None]:
        """Let a run that is ended in the middle say why."""
        try:
            yield
        except StoppedError as error:
            run.set_tags(error.tags)
            raise
