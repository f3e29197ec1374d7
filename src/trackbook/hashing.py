"""How many threads BLAKE3 may use: all; in a forked child one, as it would wait for ever for those of its parent."""

from __future__ import annotations

import os

from blake3 import blake3

_threads = blake3.AUTO


def hash_threads() -> int:
    """Return what `max_threads` of a hasher of much data is to be."""
    return _threads


def _use_one_thread() -> None:
    global _threads
    _threads = 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_use_one_thread)
