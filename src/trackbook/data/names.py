"""Names of datasets and models, and the free text beside them: judged once, before anything is written.

Names appear in URIs, file names, SQL, HTML and shell lines, so they are kept to letters, digits and ``_.-``.
"""

from __future__ import annotations

import re

from trackbook.errors import UsageError

MAX_TEXT = 20_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


def is_name(name: object) -> bool:
    """Say whether `name` is fit to name a dataset, a model or an alias."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def check_name(name: str, what: str) -> str:
    """Return `name` when it is a fit name for `what` ("model", "dataset", "alias"); else raise UsageError."""
    if is_name(name):
        return name
    raise UsageError(
        f"{clip(name)} is no {what} name; use 1 to 128 of the characters A-Z a-z 0-9 _ . - and begin with a letter "
        f"or a digit{_suggestion(name)}"
    )


def check_text(text: str, what: str) -> str:
    """Return `text` when it can be stored: valid Unicode of at most 20,000 characters; else raise UsageError."""
    if len(text) > MAX_TEXT:
        raise UsageError(f"the {what} has {len(text)} characters; keep it under {MAX_TEXT}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"the {what} holds a broken character at position {error.start}; remove it") from error
    return text


def clip(value: object, length: int = 60) -> str:
    """Return the representation of `value`, cut to `length` characters, for use in a message."""
    text = ascii(value)
    return text if len(text) <= length else f"{text[:length]}… ({len(text)} characters)"


def _suggestion(name: object) -> str:
    if not isinstance(name, str):
        return ""
    fit = re.sub(r"[^A-Za-z0-9_.-]+", "-", name[:128]).strip("-._")
    return f", for example {fit!r}" if fit and _NAME.fullmatch(fit) else ""
