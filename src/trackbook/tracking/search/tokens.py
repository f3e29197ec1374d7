"""The text of a filter or an order as tokens, and errors that point at one."""

from __future__ import annotations

import re

import msgspec

from trackbook.errors import UsageError

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:[^']|'')*'|"(?:[^"]|"")*")
    | (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w.])
    | (?P<operator><=|>=|!=|=|<|>)
    | (?P<mark>[(),.])
    | (?P<quoted>`[^`]+`)
    | (?P<word>[^\W\d][\w/-]*)
    )""",
    re.VERBOSE,
)
_NAME = re.compile(r"[\w/-]+(?:\.[\w/-]+)*")


class Token(msgspec.Struct, frozen=True):
    """A piece of a text; `kind` is string, number, operator, mark, quoted, word or end."""

    kind: str
    text: str
    position: int

    @property
    def plain(self) -> str:
        """The text without its quotes; a doubled quote within them stands for one."""
        if self.kind == "string":
            quote = self.text[0]
            return self.text[1:-1].replace(quote * 2, quote)
        return self.text[1:-1] if self.kind == "quoted" else self.text

    def is_word(self, *words: str) -> bool:
        """Say whether the token is one of `words` (upper case), not in quotes, in any case."""
        return self.kind == "word" and self.text.upper() in words


def tokenise(text: str) -> list[Token]:
    """Return the tokens of a text; raises UsageError that points at what cannot be one."""
    tokens: list[Token] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        token = _in_a_key(text, position, tokens[-1] if tokens else None) or _token(text, position)
        tokens.append(token)
        position = token.position + len(token.text)
    return tokens


def _token(text: str, position: int) -> Token:
    match = _TOKEN.match(text, position)
    if match is None or match.lastgroup is None:
        at = position + len(text[position:]) - len(text[position:].lstrip())
        raise UsageError(pointing("cannot read the filter from here", text, at))
    return Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup))


def _in_a_key(text: str, position: int, before: Token | None) -> Token | None:
    """Return the point behind a name, or the name behind a point, where elsewhere a number might begin: `metrics.0`."""
    if before is None or before.position + len(before.text) != position:
        return None
    if before.kind in ("word", "quoted", "string") and text[position] == ".":
        return Token("mark", ".", position)
    name = _NAME.match(text, position) if (before.kind, before.text) == ("mark", ".") else None
    return None if name is None else Token("word", name[0], position)


def pointing(message: str, text: str, position: int, length: int = 1) -> str:
    """Return `message` above the line of `text` that holds `position`, with marks under `length` characters."""
    start = text.rfind("\n", 0, position) + 1
    line = text[start:].partition("\n")[0]
    marks = "^" * max(1, min(length, len(line) - (position - start)))
    return f"{message}\n  {line}\n  {' ' * (position - start)}{marks}"
