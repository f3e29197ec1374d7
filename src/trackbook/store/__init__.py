"""What is remembered: journals, tables and objects.  Nothing outside this room knows SQLite or where files lie."""

from typing import TYPE_CHECKING, Any

from trackbook.store.clock import iso, now_ms
from trackbook.store.events import Event
from trackbook.store.objects import Objects
from trackbook.store.store import Store

if TYPE_CHECKING:
    from sqlite_utils import Database

__all__ = ["Database", "Event", "Objects", "Store", "iso", "now_ms"]


def __getattr__(name: str) -> Any:
    # sqlite-utils takes half a second to import; a process that only appends to its journal does without it.
    if name == "Database":
        from sqlite_utils import Database

        return Database
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
