"""What is remembered: journals, tables and objects.  Nothing outside this room knows SQLite or where files lie."""

from typing import TYPE_CHECKING

from trackbook.store.clock import iso, now_ms
from trackbook.store.events import Event
from trackbook.store.objects import Objects
from trackbook.store.store import Store

if TYPE_CHECKING:
    from trackbook.store.connection import Database  # only for types: a process that only logs loads no SQLite

__all__ = ["Database", "Event", "Objects", "Store", "iso", "now_ms"]
