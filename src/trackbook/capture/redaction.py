"""Secrets are taken out of every text before it is written anywhere."""

from __future__ import annotations

import re
from functools import partial

MARK = "[redacted]"

# A whole word of a name: `api_key` and `dbPassword`, but neither `monkey` nor `max_tokens`.
_NAME = (
    r"(?:(?<![A-Za-z])|(?-i:(?<=[a-z])(?=[A-Z])))"
    r"(?:pass(?:word|wd|phrase)?|pwd|secrets?|token|(?:api|access|private|secret|signing|encryption)[_-]?key|apikey"
    r"|auth|authorization|credentials?)(?![a-z])"
)

_TOKENS = re.compile(
    r"""
      \b(?:AKIA|ASIA)[0-9A-Z]{16}\b                      # AWS access key id
    | \bgh[opsur]_[A-Za-z0-9]{20,255}\b                  # GitHub
    | \bgithub_pat_[A-Za-z0-9_]{20,255}\b
    | \bglpat-[A-Za-z0-9_-]{16,}\b                       # GitLab
    | \bxox[abeoprs]-[A-Za-z0-9-]{8,}                    # Slack
    | \bsk-[A-Za-z0-9_-]{16,}                            # OpenAI, Anthropic and their like
    | \bsk_(?:live|test)_[A-Za-z0-9]{10,}\b              # Stripe
    | \bhf_[A-Za-z0-9]{20,}\b                            # Hugging Face
    | \bAIza[0-9A-Za-z_-]{30,}                           # Google
    | \bpypi-[A-Za-z0-9_-]{16,}                          # PyPI
    | \bnpm_[A-Za-z0-9]{20,}\b                           # npm
    | (?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*   # JSON web token
    """,
    re.VERBOSE,
)
_KEY_BLOCK = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_URL = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]{0,30}://)(?P<user>[^\s/@:'\"]*)(?::[^\s/@'\"]*)?@", re.IGNORECASE)
_BEARER = re.compile(r"(?P<kind>\b(?:bearer|basic)\s+)[A-Za-z0-9+/=_.~-]{8,}", re.IGNORECASE)
# Every repetition before a value is bounded: a cell may hold a megabyte of base64, and must not wait for a regex.
_QUOTED = re.compile(
    rf"(?P<name>{_NAME}[\w-]{{0,64}}['\"\]]{{0,2}}\s{{0,20}}"
    r"(?::\s{0,20}[\w\[\]| .]{1,80})?[=:,]\s{0,20}\(?\s{0,20})"
    r"(?P<values>[rbfu]{0,2}(?:\"{3}.*?\"{3}|'{3}.*?'{3}|\"(?:\\.|[^\"\\\n])+\"|'(?:\\.|[^'\\\n])+')"
    r"(?:\s{1,200}[rbfu]{0,2}(?:\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')){0,100})",
    re.IGNORECASE | re.DOTALL,
)
_BARE = re.compile(
    rf"{_NAME}[\w-]{{0,64}}\s{{0,20}}=\s{{0,20}}(?P<value>(?![rbfu]?['\"])[^\s,;&'\"()\[\]]{{6,}})(?=$|[\s&;'\"])",
    re.IGNORECASE | re.MULTILINE,
)
_BEFORE = re.compile(r"(?P<sign>[?&'\"]|--)?(?P<name>[\w-]*)\Z")
_IDENTIFIER = re.compile(r"[A-Za-z_][\w.]*")
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)


def redact(text: str, *, prose: bool = False) -> str:
    """Return `text` with passwords, tokens, keys and credentials in URLs replaced by `[redacted]`.

    In `prose`, such as an exception's message, `password=hunter` holds a secret; in code, `password=hunter` names a
    variable.
    """
    text = _KEY_BLOCK.sub(_same_lines, text)
    text = _URL.sub(rf"\g<scheme>{MARK}@", text)
    text = _BEARER.sub(rf"\g<kind>{MARK}", text)
    text = _TOKENS.sub(MARK, text)
    text = _QUOTED.sub(_quoted, text)
    return _BARE.sub(partial(_bare, prose=prose), text)


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
    return MARK if _SECRET_NAME.search(name) else redact(value)


def _same_lines(match: re.Match[str]) -> str:
    return MARK + _lines(match[0])


def _lines(text: str) -> str:
    """Return the ends of lines of a secret, which stay, so that lines keep their numbers."""
    return "\n" * text.count("\n")


def _quoted(match: re.Match[str]) -> str:
    # The quotes stay, so that the source can still be read, and run, with another secret in its place.
    values = match["values"].lstrip("rbfuRBFU")
    quote = values[:3] if values[:3] in ('"""', "'''") else values[0]
    if quote in ('"""', "'''"):
        return f"{match['name']}{quote}{MARK}{_lines(values)}{quote}"
    return f"{match['name']}{quote}{MARK}{quote}{_lines(values)}"


def _bare(match: re.Match[str], *, prose: bool) -> str:
    # In Python, `token = load_token` and `key=self.key` say where a secret comes from; in a shell line, a query
    # string or an environment assignment the same shape holds the secret itself.
    before = _BEFORE.search(match.string[max(0, match.start() - 64) : match.start()])
    assert before is not None  # it matches the empty string
    name = before["name"] + match[0].partition("=")[0].rstrip()
    is_python = not (prose or before["sign"] or name.startswith("--") or name.isupper())
    if match["value"].startswith(MARK) or (is_python and _IDENTIFIER.fullmatch(match["value"])):
        return match[0]
    return match[0][: match.start("value") - match.start()] + MARK
