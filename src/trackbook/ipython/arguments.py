"""Magic lines to arguments, once for all magics: quotes are taken off, and errors become IPython's UsageError."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from IPython.core.error import UsageError
from IPython.core.magic_arguments import parse_argstring

from trackbook.errors import TrackbookError

Function = TypeVar("Function", bound=Callable[..., Any])


def parse(magic: Callable[..., Any], line: str, *, verbatim: tuple[str, ...] = ()) -> Any:
    """Return the arguments of `line` for a magic decorated with `magic_arguments`; raises UsageError.

    Quotes around values are taken off, but for the arguments named `verbatim`, whose language has quotes of its own.
    """
    try:
        arguments = parse_argstring(magic, without_comment(line))
    except UsageError:
        raise
    except ValueError as error:  # an unclosed quote
        raise UsageError(f"the arguments {line!r} cannot be read: {error}") from None
    for name, value in vars(arguments).items():
        if name not in verbatim:
            setattr(arguments, name, _unquoted(value))
    return arguments


def without_comment(line: str) -> str:
    """Return a magic's line without the Python comment at its end; a `#` in quotes or in a word is none."""
    quote = ""
    for position, char in enumerate(line):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"`":
            quote = char
        elif char == "#" and (position == 0 or line[position - 1].isspace()):
            return line[:position].rstrip()
    return line


def key_value(text: str) -> tuple[str, str]:
    """Return the two halves of `KEY=VALUE`; raises UsageError for anything else."""
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise UsageError(f"{text!r} is not of the form KEY=VALUE")
    return key, _unquoted(value)


def shows_usage_errors(function: Function) -> Function:
    """Turn the errors that Trackbook raises on purpose into IPython's one-line UsageError."""

    @functools.wraps(function)
    def wrapper(*arguments: Any, **keywords: Any) -> Any:
        try:
            return function(*arguments, **keywords)
        except TrackbookError as error:
            # Exactly this class: IPython shows a subclass with its whole traceback.
            raise UsageError(str(error)) from None

    return wrapper  # type: ignore[return-value]


def _unquoted(value: Any) -> Any:
    if isinstance(value, list):
        return [_unquoted(item) for item in value]
    if isinstance(value, str) and len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value
