"""Secrets are taken out of every text before it is written anywhere.

Three ways lead to a secret: its form, the name that it is given to, and the environment, whose variables with such
names have their values hidden wherever they appear.  Lines keep their numbers, and code stays code.
"""

from __future__ import annotations

import base64
import binascii
import bisect
import os
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from urllib.parse import quote

from trackbook.capture.secrets import (
    COMMON_NAME,
    FORMS,
    LINES,
    PLACEHOLDER,
    STRONG_NAME,
    WEAK_NAME,
    WORDS,
    has_long_word,
)

MARK = "[redacted]"

_ALL = (*LINES, *FORMS)

MIN_VARIABLE = 8
MAX_SPELLED = 200
"""So many values that code spelled out are remembered."""

MIN_WEAK = 8
_NEAR = 250
"""Nothing further away than so many characters decides what a value is: a line may be a megabyte long."""

_KEY_BLOCK = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?!['\"])"
    # to its end, else as far as there are lines of a key
    r"(?:[^-]*+(?:-(?!----(?:BEGIN|END) )[^-]*+)*+-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"|(?:(?:\\n|[\w+/=:, .-])|\n(?=[\w+/=:, .-]+(?:\n|\Z)))*)"
)
_URL = re.compile(r"://(?P<user>[^\s/@:'\"]{0,999})(?P<password>:[^\s/'\"]{0,999})?@")
_SCHEME = re.compile(
    r"(?P<keep>\b(?P<kind>bearer|basic|token)\s{1,9})(?P<value>[A-Za-z0-9+/=_.~:-]{8,})", re.IGNORECASE
)
_HEADER = re.compile(
    r"(?P<keep>\b(?:proxy-)?authorization['\"]?\s{0,9}[:=]\s{0,9}['\"]?(?:[a-z0-9-]{1,20}\s{1,9})?)[^\s'\"{}]{4,9999}"
    r"|(?P<cookie>\b(?:set-)?cookie['\"]?\s{0,9}[:=]\s{0,9}['\"]?)(?=[\w.-]{1,64}=)[^\n'\"]{4,9999}",
    re.IGNORECASE,
)

_NAME_BEFORE = re.compile(r"[\w-]{0,64}")  # of the reversed text
_NAME_REST = re.compile(r"[\w-]{0,64}")
_STRING = (
    r"(?:[rbfu]{0,2}(?:\"{3}(?s:.)*?\"{3}|'{3}(?s:.)*?'{3}|\"(?:\\.|[^\"\\\n])+\"|'(?:\\.|[^'\\\n])+'))"
    r"(?:\s{1,200}[rbfu]{0,2}(?:\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')){0,100}"
)
_QUOTED = re.compile(
    rf"(?P<closing>['\"]?\]?)\s{{0,20}}+"
    rf"(?:(?::\s{{0,20}}+[\w\[\]| .]{{1,80}})?(?:[=!]?=|:=?|=>)\s{{0,20}}+\(?\s{{0,20}}+"
    rf"|,?\s{{0,9}}+['\"]?value['\"]?\s{{0,9}}+[:=]\s{{0,9}}+|(?<=\s))(?P<value>{_STRING})",
    re.IGNORECASE,
)
_ARGUMENT = re.compile(rf"['\"]\s{{0,20}},\s{{0,20}}(?P<value>{_STRING})", re.IGNORECASE)
_SETTER = re.compile(
    r"(?:\b(?:setdefault|get|getenv|putenv|setenv|setitem|set|set_key|header|set_secret|log_param|set_tag)\(\s{0,9}|--)['\"]?\Z"
)
_ESCAPED = re.compile(r"(?P<mark>\\{1,3}['\"])\s{0,9}[:=]\s{0,9}(?P=mark)(?P<value>[^\n]{1,4096}?)(?P=mark)")
_ELEMENT = re.compile(r">\s{0,9}(?P<value>[^<>\n]{1,999})</")
_BARE = re.compile(r"['\"]?\s{0,20}(?P<sign>[=:])[ \t]{0,20}(?P<value>[^\s&'\"<>]{1,4096})")
_YAML = re.compile(r"['\"]?\s{0,9}\n\s{0,40}value:[ \t]{1,9}(?P<value>[^\s'\"]{1,4096})")
_FLAG = re.compile(r"\s{1,9}(?P<value>[^\s'\"-][^\s'\"]{0,999})")
_TRIPLE = re.compile(r"(?P<quote>\"{3}|'{3})(?s:.)*?(?:(?P=quote)|\Z)")
_LITERAL = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|(?P<open>[\"'])|(?P<comment>#)")
_IDENTIFIER = re.compile(r"[A-Za-z_][\w.]*")
_PATH = re.compile(r"(?:[~.]{0,2}/|[A-Za-z]:\\).*|[\w./\\-]+\.(?:json|pem|key|txt|ya?ml|toml|env|crt|cfg|ini)")
_HEADERS = re.compile(r"\A(?:\s*%%(?:track|step)\b[^\n]*\n)*")
_TOKEN = re.compile(r"[^\s={}()\[\]'\"]+")
_PYTHON_MAGICS = ("%%track", "%%time", "%%capture", "%%prun", "%%step", "%%timeit", "%%memit")


def redact(text: str, *, prose: bool = False) -> str:
    """Return `text` with passwords, tokens, keys and credentials in URLs replaced by `[redacted]`.

    In `prose`, such as an exception's message, an output or a configuration file, `password=hunter` holds a secret;
    in code, `password=hunter` names a variable.
    """
    text = _known.hide(text)
    for literal, form in _ALL if has_long_word(text) else LINES:
        if literal in text:
            text = _compiled(form).sub(_marked, text)
    if "-----BEGIN " in text:
        text = _KEY_BLOCK.sub(_marked, text)
    if "://" in text:
        text = _URL.sub(_url, text)
    lower = _lower(text)
    if "bearer" in lower or "basic " in lower or "token " in lower:
        text = _SCHEME.sub(_scheme, text)
    if "authorization" in lower or "cookie" in lower:
        text = _HEADER.sub(_header, text)
    return _Named(text, prose=prose or _is_foreign(text)).redacted()


@cache
def _compiled(form: str) -> re.Pattern[str]:
    return re.compile(form)


def without_credentials(url: str) -> str:
    """Return the address of a repository or package without user, password or token; a plain `ssh` user stays."""
    scheme, sign, rest = url.partition("://")
    if not sign:
        return redact(url)  # `git@host:path` names an account that everybody shares
    place, slash, path = rest.partition("/")
    user, at, host = place.rpartition("@")
    account = f"{user.partition(':')[0]}@" if at and "ssh" in scheme.lower() else ""
    return f"{scheme}://{account}{redact(host + slash + path, prose=True)}"


def redact_value(name: str, value: str) -> str:
    """Return the value of a param or tag, redacted whole when its name says that it is a secret."""
    return MARK if is_secret_name(name) else redact(value, prose=True)


@lru_cache(4096)
def is_secret_name(name: str) -> bool:
    """Say whether what is called `name` is a secret; its last forty letters decide."""
    tail = max(0, len(name) - 40)
    if STRONG_NAME.search(name, tail):
        return True
    return WEAK_NAME.search(name, tail) is not None and COMMON_NAME.search(name) is None


class _Known:
    """Values that are known to be secret, wherever they stand.

    Those of this process's variables whose names say so, and those that code spelled out under such a name: what
    `password = "…"` holds is printed later without the name.
    """

    def __init__(self) -> None:
        self._seen: object = {}
        self._values: tuple[str, ...] = ()
        self._spelled: dict[str, None] = {}

    def add(self, value: str) -> None:
        """Hide from now on what code spelled out, unless it is a word that texts may hold by chance."""
        is_random = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
        if len(value) >= MIN_VARIABLE and is_random and _TOKEN.fullmatch(value) and value not in self._spelled:
            if len(self._spelled) >= MAX_SPELLED:
                self._spelled.pop(next(iter(self._spelled)))
            self._spelled[value] = None

    def hide(self, text: str) -> str:
        """Return `text` without the values."""
        # The mapping itself decodes every name and value: a hundred times slower than the dict that it stands on.
        now = getattr(os.environ, "_data", os.environ)
        if now != self._seen:
            self._values, self._seen = _secret_values(), dict(now)
        for value in (*self._values, *self._spelled):
            if value in text:
                text = text.replace(value, MARK + _lines(value))
        return text


def _secret_values() -> tuple[str, ...]:
    found = set()
    for name, value in os.environ.items():
        plain = value.isalpha() and len(value) < 2 * MIN_VARIABLE
        if is_secret_name(name) and len(value) >= MIN_VARIABLE and not plain and not _PATH.fullmatch(value):
            found |= {value, quote(value, safe=""), value.replace("\n", "\\n")}
    return tuple(sorted((value for value in found if not PLACEHOLDER.fullmatch(value)), key=len, reverse=True))


_known = _Known()


class _Named:
    """A text in which values of secret names are looked for."""

    def __init__(self, text: str, *, prose: bool) -> None:
        self._text = text
        self._prose = prose
        self._triple: list[int] | None = None

    def redacted(self) -> str:
        """Return the text without the values."""
        parts, done = [], 0
        for start, end, mark in self._found():
            parts += [self._text[done:start], mark]
            done = end
        return "".join((*parts, self._text[done:])) if parts else self._text

    def _found(self) -> Iterator[tuple[int, int, str]]:
        done = 0
        for spot in _spots(_lower(self._text)):
            if spot < done:
                continue
            start, done = self._name_at(spot)
            name = self._text[start:done].strip("-")
            if not is_secret_name(name):
                continue
            value = self._value(name, start, done)
            if value is None:
                continue
            first, last, mark = value
            done = last
            if mark:
                yield first, last, mark

    def _name_at(self, spot: int) -> tuple[int, int]:
        before = _NAME_BEFORE.match(self._text[max(0, spot - 64) : spot][::-1])
        rest = _NAME_REST.match(self._text, spot)
        assert before is not None  # both match the empty string
        assert rest is not None
        return spot - before.end(), rest.end()

    def _value(self, name: str, start: int, end: int) -> tuple[int, int, str] | None:
        """Return where a value lies and what takes its place, nothing where it stays; None without a value."""
        for pattern in (_QUOTED, _ARGUMENT):
            match = pattern.match(self._text, end)
            if match and self._is_own(match, start, end, pattern):
                plain = _content(match["value"])
                if not _is_secret(name, plain):
                    return (*match.span("value"), "")
                if STRONG_NAME.search(name) and "\n" not in plain:
                    _known.add(plain)
                return (*match.span("value"), _string_mark(match["value"]))
        for pattern in (_ESCAPED, _ELEMENT):
            match = pattern.match(self._text, end)
            if match:
                return (*match.span("value"), MARK if _is_secret(name, match["value"]) else "")
        return self._bare(name, start, end)

    def _is_own(self, match: re.Match[str], start: int, end: int, pattern: re.Pattern[str]) -> bool:
        """Say whether a quoted text behind a name is its value."""
        head = self._text[max(0, start - 40) : start]
        if pattern is _ARGUMENT:
            return self._text.startswith("--", start) or _SETTER.search(head) is not None
        between = self._text[end : match.start("value")]
        if between.strip("'\" \t]") == "" and not between.strip():  # `PASSWORD 'x'` is SQL's
            return STRONG_NAME.search(self._text[start:end]) is not None and self._around(start)[0]
        if match["closing"]:
            return True
        # `getpass("Password: "), host="h"`: the quote ends the text that the name stands in.
        return self._around(start)[1] != match["value"].lstrip("rbfuRBFU")[0]

    def _bare(self, name: str, start: int, end: int) -> tuple[int, int, str] | None:
        before = self._text[max(0, start - 2) : start] + self._text[start : start + 2]
        is_flag = "--" in before
        match = _YAML.match(self._text, end) or (_FLAG.match(self._text, end) if is_flag else None)
        if match:
            return (*match.span("value"), MARK if _is_secret(name, match["value"]) else "")
        match = _BARE.match(self._text, end)
        if match is None or match["value"].startswith(MARK):
            return None
        in_text = self._around(start)[0] or is_flag or before[1:2] in ("?", "&")
        value = match["value"] if in_text else re.split(r"[,;()\[\]]", match["value"], maxsplit=1)[0]
        value = value.rstrip(",;)]}") if "{" not in value else value
        first = match.start("value")
        following = self._text[first + len(value) : first + len(value) + 2]
        if value[-1:] in ("=", "(", "[", ",") and following[:1] in ("'", '"'):
            return None  # code in an output: what follows has a name of its own
        is_hidden = _is_bare_secret(name, value, match["sign"], following, in_text=in_text)
        if is_hidden and STRONG_NAME.search(name):
            _known.add(value)
        return first, first + max(1, len(value)), MARK if is_hidden else ""

    def _around(self, spot: int) -> tuple[bool, str]:
        """Say whether a place lies in text rather than code, and in which quotes."""
        if self._prose:
            return True, ""
        start = max(self._text.rfind("\n", max(0, spot - _NEAR), spot) + 1, spot - _NEAR, 0)
        head = self._text[start:spot]
        if self._in_triple(spot) or head.lstrip()[:1] in ("!", "%") or head.lstrip().startswith("export "):
            return True, ""
        for literal in _LITERAL.finditer(head):
            if literal["comment"]:
                return True, ""
            if literal["open"]:
                return True, literal["open"]
        return False, ""

    def _in_triple(self, spot: int) -> bool:
        if self._triple is None:
            self._triple = [place for match in _TRIPLE.finditer(self._text) for place in match.span()]
        return bisect.bisect_right(self._triple, spot) % 2 == 1


def _is_secret(name: str, value: str) -> bool:
    """Say whether a quoted value of a secret name is a secret."""
    if not value.strip() or MARK in value or PLACEHOLDER.fullmatch(value.strip()):
        return False
    if STRONG_NAME.search(name):
        return True
    if "auth" in name.lower() and " " in value:
        return True
    return len(value) >= MIN_WEAK and not re.search(r"\s", value.strip()) and not _PATH.fullmatch(value)


def _is_bare_secret(name: str, value: str, sign: str, following: str, *, in_text: bool) -> bool:
    """Say whether a value without quotes is a secret; in code it is an expression, unless it stands in a text."""
    if len(value) < 4 or PLACEHOLDER.fullmatch(value):
        return False
    is_strong = STRONG_NAME.search(name) is not None
    if not in_text:
        if sign == "=" and is_strong and value.isdecimal():
            return len(value) >= 6
        is_expression = _IDENTIFIER.fullmatch(value) is not None or following[:1] in ("(", "[")
        return sign == "=" and name.isupper() and not is_expression and len(value) >= 6
    if sign == ":" and value.isalpha() and following.strip().isalpha():
        return False  # a sentence goes on
    return len(value) >= (6 if is_strong or sign == "=" else MIN_WEAK) or (is_strong and not value.isalpha())


def _spots(lower: str) -> list[int]:
    """Return where one of the words of secret names stands."""
    spots = []
    for word in WORDS:
        spot = lower.find(word)
        while spot >= 0:
            spots.append(spot)
            spot = lower.find(word, spot + len(word))
    return sorted(spots)


def _lower(text: str) -> str:
    lower = text.lower()
    # One letter of Turkish becomes two: then places would no longer agree.
    return lower if len(lower) == len(text) else "".join(char.lower() if char.isascii() else char for char in text)


def _is_foreign(text: str) -> bool:
    """Say whether a cell holds another language than Python."""
    text = _HEADERS.sub("", text)
    return text.startswith("%%") and not text.startswith(_PYTHON_MAGICS)


def _content(literal: str) -> str:
    return literal.lstrip("rbfuRBFU").strip("'\"")


def _string_mark(literal: str) -> str:
    # The quotes stay, so that the source can still be read, and run, with another secret in its place.
    values = literal.lstrip("rbfuRBFU")
    if values[:3] in ('"""', "'''"):
        return values[:3] + MARK + _lines(values) + values[:3]
    return values[0] + MARK + values[0] + _lines(values)


def _marked(match: re.Match[str]) -> str:
    return (match.groupdict().get("keep") or "") + MARK + _lines(match[0])


def _lines(text: str) -> str:
    """Return the ends of lines of a secret, which stay, so that lines keep their numbers."""
    return "\n" * text.count("\n")


def _url(match: re.Match[str]) -> str:
    user, password = match["user"], match["password"]
    if password is None and user in ("git", MARK):
        return match[0]
    parts = [part for part in (user, (password or "").lstrip(":")) if part]
    if all(PLACEHOLDER.fullmatch(part) and not part.isalpha() for part in parts):
        return match[0]
    return f"://{MARK}@"


def _scheme(match: re.Match[str]) -> str:
    value = match["value"]
    if match["kind"].lower() == "basic":
        try:
            is_secret = b":" in base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            is_secret = False
    else:
        is_secret = len(value) >= 8 and any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    return match["keep"] + MARK if is_secret else match[0]


def _header(match: re.Match[str]) -> str:
    kept: str = match["keep"] or match["cookie"]
    rest = match[0][len(kept) :]
    if MARK in rest or PLACEHOLDER.fullmatch(rest) or not re.search(r"[\d=/+._-]", rest):
        return match[0]
    return kept + MARK
