"""Places in a listing as opaque texts, that only fit the listing that they are of."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import msgspec
from blake3 import blake3

from trackbook.errors import UsageError, shown
from trackbook.tracking.search.order import Place

_VERSION = b"\x02"
_MARK_BYTES = 6


def write_cursor(place: Place, listing: Sequence[Any]) -> str:
    """Return the text of a place in the listing that `listing` (its filter, order and so on) describes."""
    content = _VERSION + _mark(listing) + msgspec.msgpack.encode(place)
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def read_cursor(text: str, listing: Sequence[Any], clauses: int) -> Place:
    """Return the place that `write_cursor` was given; raises UsageError for a cursor of another listing, or none."""
    if not isinstance(text, str):
        raise UsageError(f"a cursor is the text `next_cursor` of the page before, not {shown(text)}")
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        head, body = content[: 1 + _MARK_BYTES], content[1 + _MARK_BYTES :]
        place = msgspec.msgpack.decode(body, type=Place) if head == _VERSION + _mark(listing) else None
    except (binascii.Error, ValueError, msgspec.DecodeError):
        place = None
    if place is None or not _fits(place, clauses):
        raise UsageError(f"{text!r:.40} is no cursor of this list; take `next_cursor` of the page before, or none")
    return place


def _fits(place: Place, clauses: int) -> bool:
    known = all(value is None or isinstance(value, int | float | str) for value in place.values)
    whole = [number for number in (place.row, *place.ranks, *place.values) if isinstance(number, int)]
    return len(place.ranks) == len(place.values) == clauses and known and all(abs(each) < 2**63 for each in whole)


def _mark(listing: Sequence[Any]) -> bytes:
    return blake3(msgspec.msgpack.encode(list(listing))).digest(_MARK_BYTES)
