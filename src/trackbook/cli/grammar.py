"""A grammar that takes a second to compile is compiled when it is asked for, not when a command starts.

nbformat imports jsonschema, which imports `rfc3987_syntax` where that is installed, as JupyterLab has it; its import
compiles the grammar of internationalised addresses 38 times over.  No notebook has such an address checked.  This
concerns the process of the command alone, and what is asked is answered as before.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

NAME = "rfc3987_syntax"


class _Deferred(ModuleType):
    """Stands for the module until something of it is used."""

    def is_valid_syntax(self, term: str, value: str) -> bool:
        """Answer as the module does."""
        answer: bool = _load().is_valid_syntax(term, value)
        return answer

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what the import system asks for
            raise AttributeError(name)
        return getattr(_load(), name)


def _load() -> ModuleType:
    if isinstance(sys.modules.get(NAME), _Deferred):
        del sys.modules[NAME]
    return import_module(NAME)


def defer() -> None:
    """Let the module be imported at its first use, unless it is not here or was imported."""
    if NAME in sys.modules or (spec := find_spec(NAME)) is None:
        return
    deferred = sys.modules[NAME] = _Deferred(NAME)
    deferred.__path__ = list(spec.submodule_search_locations or ())
