"""A kept result, as the table `step_cache` holds it."""

from __future__ import annotations

import msgspec

from trackbook.pipeline.cache.files import KeptFile
from trackbook.pipeline.worker.lineage import Used
from trackbook.pipeline.worker.seen import Seen
from trackbook.tracking.relay import Reported


class Entry(msgspec.Struct, frozen=True):
    """A kept result: the object with the pickled outputs, the files and folders made, and all that makes it valid.

    `context` is set where the step changed an argument in place, which is only right as long as the same
    values are there to see it.  `parts` are the digests of what it was computed from, see `key`, `data` what
    went in and came out, `reports` what the step logged; times are in milliseconds since the epoch.
    """

    digest: str
    signatures: tuple[str, ...]
    references: tuple[int, ...] = ()
    reads: tuple[Seen, ...] = ()
    printed: str = ""
    random_before: str = ""
    random_after: str = ""
    context: str = ""
    files: tuple[KeptFile, ...] = ()
    folders: tuple[str, ...] = ()
    seconds: float = 0.0
    time: int = 0
    parts: dict[str, str] = {}
    data: tuple[Used, ...] = ()
    reports: tuple[Reported, ...] = ()
