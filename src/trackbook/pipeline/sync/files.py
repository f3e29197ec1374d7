"""Writing other texts into the cells of a notebook's file, in which no other byte changes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from trackbook.errors import PipelineError

_BLANKS = re.compile(r"[\s\ufeff]*")
_FIRST = re.compile(r"\[(\s*)\"")
_LAST = re.compile(r"(\s*)\]\Z")
_DECODER = json.JSONDecoder(strict=False)


def with_sources(text: str, sources: Mapping[int, str], name: str) -> str:
    """Return the text of a notebook's file with other sources of some code cells, which are counted from 0.

    Raises PipelineError for a notebook of nbformat 3.
    """
    spans = _sources(text)
    if sources and max(sources) >= len(spans):
        raise PipelineError(f"{name} is no notebook of nbformat 4: save it with Jupyter, then sync again")
    escaped = text.isascii() and "\\u" in text
    for index in sorted(sources, reverse=True):
        start, end = spans[index]
        text = text[:start] + _written(text[start:end], sources[index], escaped=escaped) + text[end:]
    return text


def _sources(text: str) -> list[tuple[int, int]]:
    """Return where the source of each code cell lies."""
    cells = dict(_members(text, _skip(text, 0))).get("cells")
    found = []
    for start, _ in _elements(text, cells[0]) if cells else ():
        members = dict(_members(text, start))
        kind = members.get("cell_type")
        if kind and text[slice(*kind)] == '"code"' and "source" in members:
            found.append(members["source"])
    return found


def _members(text: str, place: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the keys of an object and where their values lie."""
    place = _skip(text, place + 1)
    while text[place] != "}":
        key, place = _DECODER.raw_decode(text, place)
        start = _skip(text, _skip(text, place) + 1)
        _, end = _DECODER.raw_decode(text, start)
        yield key, (start, end)
        place = _after(text, end)


def _elements(text: str, place: int) -> Iterator[tuple[int, int]]:
    place = _skip(text, place + 1)
    while text[place] != "]":
        _, end = _DECODER.raw_decode(text, place)
        yield place, end
        place = _after(text, end)


def _after(text: str, place: int) -> int:
    place = _skip(text, place)
    return _skip(text, place + 1) if text[place] == "," else place


def _skip(text: str, place: int) -> int:
    found = _BLANKS.match(text, place)
    return found.end() if found else place


def _written(old: str, source: str, *, escaped: bool) -> str:
    """Return a source as JSON in the way in which the old one is written: as a text, or as a list of lines."""
    if old.startswith('"'):
        return _quoted(source, escaped=escaped)
    lines = [_quoted(line, escaped=escaped) for line in source.splitlines(keepends=True)]
    first, last = _FIRST.match(old), _LAST.search(old)
    if not lines or first is None or last is None:
        return f"[{', '.join(lines)}]"
    between = f",{first[1]}" if first[1] else ", "
    return f"[{first[1]}{between.join(lines)}{last[1]}]"


def _quoted(text: str, *, escaped: bool) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        escaped = True
    return json.dumps(text, ensure_ascii=escaped)
