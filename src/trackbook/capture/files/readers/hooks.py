"""Which libraries are wrapped, now or when they are first imported."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from functools import partial
from types import ModuleType

import wrapt

from trackbook.capture.files import audit
from trackbook.capture.files.readers import arrow, duckdb, others, polars

_MODULES: dict[str, Callable[[ModuleType], None]] = {
    **arrow.MODULES,
    **polars.MODULES,
    **duckdb.MODULES,
    **others.MODULES,
}
_guard = threading.Lock()
_installed = False


def install() -> None:
    """Wrap the native readers of every library known here, once a process."""
    global _installed
    with _guard:
        if _installed:
            return
        _installed = True
    for name, wrap in _MODULES.items():
        wrapt.register_post_import_hook(partial(_wrapped, wrap), name)


def _wrapped(wrap: Callable[[ModuleType], None], module: ModuleType) -> None:
    try:
        wrap(module)
    except Exception as fault:  # noqa: BLE001 - a version unlike those known; its import by the user goes on
        sys.audit(audit.UNSEEN, f"files of {module.__name__}, for a {type(fault).__name__} in Trackbook")
