"""Exceptions as a run keeps them."""

from __future__ import annotations

import builtins
import sys
import traceback

from trackbook.capture.redaction import redact
from trackbook.tracking.values import FAILED, FINISHED, KILLED, RunError

MAX_TEXT = 20_000


def status_of(error: BaseException | None) -> str:
    """Return the status of a run that ended with `error`.

    An interrupt, an exit or a cancelled `await` killed it: they are no `Exception`.  Anything else failed it.
    """
    if error is None:
        return FINISHED
    return FAILED if isinstance(error, Exception) else KILLED


def unhandled() -> BaseException | None:
    """Return the exception that ends this process, if one does; asked while it exits."""
    if hasattr(builtins, "__IPYTHON__"):
        return None  # a shell shows the exceptions of its cells and goes on
    error: BaseException | None = getattr(sys, "last_value", None)
    return error


def describe(error: BaseException | None) -> RunError | None:
    """Return type, message and traceback as redacted text of bounded length; hostile `__str__` cannot break it."""
    if error is None:
        return None
    try:
        message = str(error)
    except Exception as fault:  # noqa: BLE001 - the exception is the user's; its __str__ may do anything
        message = f"<its message cannot be shown: {type(fault).__name__}>"
    try:
        text = "".join(traceback.format_exception(error))
    except Exception as fault:  # noqa: BLE001 - as above
        text = f"<its traceback cannot be shown: {type(fault).__name__}>"
    message, text = redact(message, prose=True)[:MAX_TEXT], redact(text, prose=True)[-MAX_TEXT:]
    return RunError(type(error).__name__, message, text)
