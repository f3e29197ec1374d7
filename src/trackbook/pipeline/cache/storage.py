"""Kept results in a place that several machines reach, so that one goes on where another ended.

::

    objects/ab/cdef…    contents, by their digest, as `trackbook push` lays them down
    steps/KEY           the kept result of one call, as the table `step_cache` holds it

Values come as pickles: who can write there can run code here, as with every cache of results.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from trackbook.errors import IntegrityError, NotFoundError
from trackbook.pipeline.cache.entry import Entry
from trackbook.store.objects import Objects
from trackbook.store.remote import Remote
from trackbook.store.transfer import Transfer, name_of

FOLDER = "steps"
MAX_RECORD = 1 << 26


class Record(msgspec.Struct, frozen=True):
    """One kept result: the name of the step, and what was kept."""

    step: str
    entry: Entry


class Storage:
    """Moves kept results and their objects between the folder `objects` and the place that a URL names."""

    def __init__(self, url: str, objects: Objects, options: Mapping[str, Any] | None = None) -> None:
        """Use a folder or what fsspec knows, as s3://BUCKET/PREFIX; credentials come from the environment.

        Raises UsageError for a URL that cannot be used.
        """
        self._remote = Remote(url, options)
        self._transfer = Transfer(self._remote, objects)
        self.url = self._remote.url

    def find(self, key: str) -> Entry | None:
        """Return the result kept there under `key`; None without one, or for what no Trackbook wrote."""
        try:
            content = self._remote.read(f"{FOLDER}/{key}", MAX_RECORD)
            return msgspec.json.decode(content, type=Record).entry
        except (NotFoundError, msgspec.MsgspecError, IntegrityError):
            return None

    def keep(self, key: str, step: str, entry: Entry) -> None:
        """Put a result there: first its objects, then what names them."""
        self.send(objects_of(entry))
        self._remote.write(f"{FOLDER}/{key}", msgspec.json.encode(Record(step, entry)))

    def send(self, digests: Iterable[str], contents: Mapping[str, bytes] | None = None) -> None:
        """Put those objects there that it lacks; `contents` holds some, by their digests, that are no objects here."""
        self._transfer.send(digests, contents)

    def send_files(self, paths: Mapping[str, Path]) -> None:
        """Put files there, by their digests, that it lacks."""
        missing = self._transfer.missing(paths)
        for _ in self._remote.each(lambda digest: self._remote.send(paths[digest], name_of(digest)), missing):
            pass

    def fetch(self, digests: Iterable[str]) -> None:
        """Keep those objects here that the folder lacks; raises IntegrityError for one that it does not have whole."""
        self._transfer.fetch(digests)


def objects_of(entry: Entry) -> list[str]:
    """Return the digests of all objects that a kept result names."""
    named = (entry.digest, entry.printed, entry.random_after, *(kept.digest for kept in entry.files))
    return [digest for digest in named if digest]
