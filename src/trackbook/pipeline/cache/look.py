"""What the cache says of a step that is about to run."""

from __future__ import annotations

import msgspec

from trackbook.pipeline.cache.entry import Entry
from trackbook.pipeline.cache.key import Call


class Look(msgspec.Struct, frozen=True):
    """What is known of a step before it runs: its key, None where it has none, and the kept result, if one is valid.

    Without an entry, `why` says what speaks against those that are kept.
    """

    key: str | None
    call: Call | None
    context: str
    entry: Entry | None
    why: str = ""
