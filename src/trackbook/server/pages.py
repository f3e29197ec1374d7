"""Lists in pages: a limit, and a cursor that only the server can read."""

from __future__ import annotations

import base64
import binascii

from trackbook.errors import UsageError

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 1000
LARGEST_SKIP_DIGITS = 12


def parse_limit(text: str | None) -> int:
    """Return the number of items asked for; raises UsageError unless it lies between 1 and 1,000."""
    if text is None:
        return DEFAULT_LIMIT
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= LARGEST_LIMIT:
        raise UsageError(f"limit is a whole number from 1 to {LARGEST_LIMIT}, not {text!r:.20}")
    return int(text)


def parse_skip(text: str | None) -> int:
    """Return how many rows to leave out after the cursor; raises UsageError unless it is a whole number."""
    if text is None:
        return 0
    if not text.isascii() or not text.isdigit() or len(text) > LARGEST_SKIP_DIGITS:
        raise UsageError(f"skip is a whole number of rows, not {text!r:.20}")
    return int(text)


def parse_flag(name: str, text: str | None) -> bool:
    """Return a yes or no of the query; raises UsageError for anything else."""
    if text not in (None, "true", "false"):
        raise UsageError(f"{name} is true or false, not {text!r:.20}")
    return text == "true"


def write_cursor(*position: int) -> str:
    """Return the text under which a client gives `position` back."""
    text = ":".join(["v1", *map(str, position)])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(text: str | None, length: int) -> tuple[int, ...] | None:
    """Return the `length` numbers that a cursor stands for, None without one; raises UsageError for a foreign one."""
    if text is None:
        return None
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        decoded = ""
    version, *numbers = decoded.split(":")
    if version != "v1" or len(numbers) != length or not all(number.isdigit() for number in numbers):
        raise UsageError(f"{text!r:.40} is no cursor of this list; take `next_cursor` of the page before, or none")
    return tuple(map(int, numbers))
