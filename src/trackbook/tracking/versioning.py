"""The frames that tracked cells read become dataset versions by themselves, as long as they are small.

Their blocks go to the objects, the version to the journal: a cell never waits for the database, and hardly for the
disk.  What is known to be kept costs a look-up, and what cannot be kept exactly stays known by its fingerprint.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.capture.fingerprint.values import Fingerprint
from trackbook.data.names import is_name
from trackbook.errors import DataError
from trackbook.store import Event, Objects, now_ms
from trackbook.store.events import DatasetKept

if TYPE_CHECKING:
    from trackbook.data.values import Content

OBJECT_BYTES = 100
"""What a Python object in a column is taken to need; to ask each of them would take longer than to keep a number."""

TABLES = frozenset({".csv", ".tsv", ".parquet", ".pq", ".feather", ".arrow", ".xlsx", ".json", ".jsonl"})
MAX_REMEMBERED = 10_000


class InputVersions:
    """Keeps the inputs of the cells of one process; `append` writes to the journal, `max_bytes` bounds a frame."""

    def __init__(self, append: Callable[[Event], object], objects: Objects, max_bytes: int, user: str) -> None:
        self._append = append
        self._objects = objects
        self._max_bytes = max_bytes
        self._user = user
        self._met: set[tuple[str, str]] = set()

    def keep_frames(
        self, run_id: str, notebook: str | None, read: Mapping[str, Fingerprint], namespace: Mapping[str, Any]
    ) -> None:
        """Keep the frames among the variables that a run is about to read, before its code can change them.

        Raises StoreError when the disk does not take them.
        """
        for variable, seen in read.items():
            name = dataset_name(notebook, variable)
            if seen.kind != "frame" or seen.digest is None or name is None or not self._is_new(name, seen.digest):
                continue
            content = self._frame_content(namespace[variable], seen.digest)
            if content is not None:
                self._append(self._event(name, content, run_id))

    def keep_file(self, run_id: str | None, notebook: str | None, path: str, digest: str, size: int) -> None:
        """Note a file with rows, whose bytes have just been kept, as a version: that costs a line in the journal."""
        from trackbook.data.values import WHOLE, Content

        file = PurePath(path)
        name = dataset_name(notebook, file.name)
        if name is not None and file.suffix.lower() in TABLES and self._is_new(name, digest):
            self._append(self._event(name, Content(digest, WHOLE, digest, size, source=file.name), run_id))

    def _is_new(self, name: str, fingerprint: str) -> bool:
        """Say whether content is met for the first time; also what could not be kept then is not tried again."""
        if (name, fingerprint) in self._met:
            return False
        if len(self._met) >= MAX_REMEMBERED:
            self._met.clear()  # what is met again is recognised by its blocks, only later
        self._met.add((name, fingerprint))
        return True

    def _frame_content(self, frame: Any, fingerprint: str) -> Content | None:
        pandas = sys.modules.get("pandas")
        if pandas is None or type(frame) is not pandas.DataFrame or not frame.shape[1]:
            return None  # of another library, or a subclass that would come back as something else
        if self._size(frame) > self._max_bytes:
            return None
        from trackbook.data.writing import frame_content

        try:
            return frame_content(self._objects, frame, fingerprint, quick=True)
        except DataError:
            return None  # it cannot be kept exactly: it is known by its fingerprint, and by what made it

    def _size(self, frame: Any) -> int:
        objects = len([dtype for dtype in frame.dtypes if dtype.kind == "O"])
        held = int(frame.memory_usage(deep=False).sum())
        return held + objects * OBJECT_BYTES * len(frame)

    def _event(self, name: str, content: Content, run_id: str | None) -> DatasetKept:
        return DatasetKept(
            **{**msgspec.structs.asdict(content), "schema": msgspec.json.encode(content.schema).decode()},
            name=name,
            run_id=run_id,
            created_time=now_ms(),
            created_by=self._user,
        )


def dataset_name(notebook: str | None, variable: str) -> str | None:
    """Return the dataset that an input of a notebook belongs to: ``NOTEBOOK.VARIABLE``; None when that is no name."""
    stem = PurePath(notebook.replace("\\", "/")).stem if notebook else "notebook"
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{stem}.{variable}").strip("-._")
    return name if is_name(name) and re.search(r"[A-Za-z0-9_]", variable) else None
