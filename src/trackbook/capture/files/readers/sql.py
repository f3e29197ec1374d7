"""The files that a text of SQL names, in DuckDB's dialect."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

from trackbook.capture.files.readers.wrapping import expanded
from trackbook.capture.files.urls import is_url

MAX_SQL = 1_000_000
"""A longer text is data more than a query; its first characters are looked at."""

_TOKENS = re.compile(
    r"""
      --[^\n]*
    | /\*.*?(?:\*/|\Z)
    | \$(?P<tag>\w{0,20})\$(?P<dollar>.*?)\$(?P=tag)\$
    | (?P<escape>[eE])?'(?P<text>(?:[^']|'')*)'
    | "(?P<quoted>(?:[^"]|"")*)"
    | (?P<word>[A-Za-z_]\w*)
    | (?P<mark>\?\d*|\$\w+|[;(),\[\]])
    """,
    re.VERBOSE | re.DOTALL,
)


def files_in_sql(sql: str, parameters: Any = None) -> Iterator[tuple[str, str]]:
    """Yield paths with `read`, `written`, `changed` or `database`; literals count where such files are there.

    Targets of COPY and EXPORT always count.  `parameters` are those of the query, which may name files as well.
    """
    words: list[str] = []
    for match in _TOKENS.finditer(sql[:MAX_SQL]):
        if match["word"]:
            words.append(match["word"].upper())
        elif match["mark"] == ";":
            words.clear()
        else:
            for text in _literals(match, parameters):
                yield from _named(text, words)


def _literals(match: re.Match[str], parameters: Any) -> Iterator[str]:
    if match["text"] is not None:
        yield match["text"].replace("''", "'")
    elif match["quoted"] is not None:
        yield match["quoted"].replace('""', '"')
    elif match["dollar"] is not None:
        yield match["dollar"]
    elif (match["mark"] or "").startswith(("?", "$")):
        # Which one it is does not matter: what is no file does not count.
        values = parameters.values() if isinstance(parameters, dict) else parameters or ()
        yield from (os.fsdecode(value) for value in values if isinstance(value, str | os.PathLike))


def _named(text: str, words: list[str]) -> Iterator[tuple[str, str]]:
    start, last = words[0] if words else "", words[-1] if words else ""
    if "\0" in text or not text:
        return
    if start in ("COPY", "EXPORT") and last in ("TO", "DATABASE"):
        yield text, "written"
    elif start == "ATTACH" and last in ("ATTACH", "DATABASE", "EXISTS") and not text.startswith(":memory:"):
        yield text, "database"
    elif is_url(text):
        yield text, "read"
    else:
        yield from ((path, "read") for path in expanded(text) if os.path.isfile(path))  # noqa: PTH113 - as text
