"""Which texts a cell gave to `exec` and `eval`, as the interpreter itself tells.

Before it parses a text it raises the audit event `compile` with it, and `exec` with the code that is about to run.
"""

from __future__ import annotations
import __future__

from functools import reduce
from operator import or_
from types import CodeType
from typing import Any

from trackbook.capture.files import audit
from trackbook.capture.files.paths import is_library

MAX_TEXTS, MAX_LENGTH = 100, 100_000
"""So many texts, and characters of each, are kept of a cell; of more nothing is told."""

_FLAGS = reduce(or_, (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names))


class ExecutedTexts:
    """Collects the texts that run between `start` and `stop` by code that is no library's."""

    def __init__(self) -> None:
        self._compiled: list[str] = []
        self._ran: dict[CodeType, str] = {}
        self._unknown = False

    def start(self) -> None:
        """Begin to collect."""
        self._compiled, self._ran, self._unknown = [], {}, False
        audit.listen(self._heard)

    def stop(self) -> tuple[str, ...] | None:
        """Stop and return the texts, in the order in which each first ran; None when that of some code is unknown."""
        audit.unlisten(self._heard)
        return None if self._unknown else tuple(self._ran.values())

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in ("exec", "compile") or self._unknown or _is_called_by_a_library():
            return
        try:
            if event == "compile":
                self._keep(arguments[0])
            elif arguments[0] not in self._ran:
                self._found(arguments[0])
        except Exception:  # noqa: BLE001 - the user's call goes on; what ran is unknown then
            self._unknown = True

    def _keep(self, source: object) -> None:
        """Keep a text; of a syntax tree there is none, and the code that is made of it will find none."""
        text = source.decode("utf-8") if isinstance(source, bytes) else source
        if isinstance(text, str):
            self._unknown = len(text) > MAX_LENGTH
            self._compiled = [*self._compiled[1 - MAX_TEXTS :], text]

    def _found(self, code: CodeType) -> None:
        for text in reversed(self._compiled):
            if _is_code_of(text, code):
                self._ran[code] = text
                self._unknown = len(self._ran) > MAX_TEXTS
                return
        self._unknown = True


def _is_called_by_a_library() -> bool:
    frame = audit.caller()
    return frame is None or is_library(frame.f_code.co_filename)


def _is_code_of(text: str, code: CodeType) -> bool:
    """Tell whether `text` compiles to `code`; code objects are equal when they do the same at the same lines."""
    for mode in ("exec", "eval"):
        try:
            made = compile(text, code.co_filename, mode, code.co_flags & _FLAGS, dont_inherit=True)
        except (SyntaxError, ValueError):
            continue
        if made == code:
            return True
    return False
