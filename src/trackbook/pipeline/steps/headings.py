"""Markdown headings, and the names of steps that they give."""

from __future__ import annotations

import html
import keyword
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

_LONGEST = 40
_JOINING = frozenset(("a", "an", "and", "as", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"))
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HASHES = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))??(?:[ \t]+#+)?[ \t]*")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})[ \t]*")
_TAGGED = re.compile(r"[ \t]*<h([1-6])\b[^>]*>(.+?)</h\1>[ \t]*", re.IGNORECASE)
_BLOCK = re.compile(r"[ \t]*([-*+>|]|\d+[.)]|    )")

_TAG, _LINK = re.compile(r"<[^<>]*>"), re.compile(r"!?\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])?")
_NUMBER = re.compile(
    r"\s*(?:(?:step|part|section|chapter|exercise|ex|task|question|phase)\s*\d+|\d+(?:[.\-]\d+)*|[ivxIVX]+(?=[.):]))"
    r"\s*[-.:)\u2013\u2014]*\s+",
    re.IGNORECASE,
)
_MATH, _ASIDE = re.compile(r"\$[^$]*\$"), re.compile(r"\([^()]*\)")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of a Markdown cell; `level` counts from 1, the title."""

    level: int
    text: str


def read_headings(markdown: str) -> tuple[Heading, ...]:
    """Return the headings of a Markdown text: with `#`, underlined, or in HTML; code blocks hold none."""
    return tuple(heading for heading in _headings(markdown.split("\n")) if heading.text)


def _headings(lines: list[str]) -> Iterator[Heading]:
    fence, before = "", ""
    for line in lines:
        if mark := _FENCE.match(line):
            if not fence:
                fence = mark[1]
            elif mark[1].startswith(fence) and not line.strip(" `~"):
                fence = ""
            before = ""
        elif fence:
            continue
        elif found := _HASHES.fullmatch(line):
            yield Heading(len(found[1]), (found[2] or "").strip())
            before = ""
        elif found := _TAGGED.fullmatch(line):
            yield Heading(int(found[1]), html.unescape(_TAG.sub("", found[2])).strip())
            before = ""
        elif (found := _UNDERLINE.fullmatch(line)) and before:
            yield Heading(1 if "=" in found[1] else 2, before)
            before = ""
        else:
            before = "" if _BLOCK.match(line) or before else line.strip()


def step_name(heading: str) -> str | None:
    """Return the name that a heading gives a step: an identifier, without numbering, markup and asides.

    None where nothing of it can stand in one.
    """
    text = html.unescape(_TAG.sub(" ", _LINK.sub(r"\1", _MATH.sub(" ", heading))))
    text = _NUMBER.sub("", text, count=1)
    words = _words(_ASIDE.sub(" ", text)) or _words(text)
    if len("_".join(words)) > _LONGEST:
        while len(words) > 1 and (len("_".join(words)) > _LONGEST or words[-1] in _JOINING):
            words.pop()
    name = "_".join(words)[:_LONGEST].strip("_")
    if not name:
        return None
    return name if name.isidentifier() and not keyword.iskeyword(name) else f"step_{name}"


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", re.sub("['\u2019]s\\b", "s", text))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.findall(r"[a-z0-9]+", plain.lower())
