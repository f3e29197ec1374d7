"""Canonical fingerprints: the same content gives the same digest, whatever process, chunking or dtype backend holds it.

A column is hashed once, over its Arrow layout; a frame is the hash of its columns and its index, so that a changed
column can be named.  Missing is missing (NaN, NaT, None and NA are one value) and -0.0 is 0.0.
"""

from __future__ import annotations

from typing import Any

import msgspec

from trackbook.capture.fingerprint.kinds import DATA_KINDS, UnsupportedError, kind_of, name_of
from trackbook.capture.fingerprint.objects import Hasher
from trackbook.capture.fingerprint.unchanged import Memo, memo

__all__ = ["DATA_KINDS", "Fingerprint", "Fingerprinter", "digest_of", "fingerprint", "kind_of"]


class Fingerprint(msgspec.Struct, frozen=True):
    """What a value was at one moment.

    `digest` is 64 hexadecimal characters, or None with a `reason` where the value cannot be fingerprinted; `columns`
    holds the digest of every column of a frame; `size` is in bytes for files.
    """

    kind: str
    digest: str | None
    rows: int | None = None
    columns: dict[str, str] | None = None
    reason: str | None = None
    size: int | None = None


class Fingerprinter:
    """Fingerprints values, and does not hash again what was not written since; safe to use from several threads."""

    def of(self, value: Any) -> Fingerprint:
        """Return what `fingerprint(value)` returns, in less time for large data that is unchanged."""
        return _fingerprint(value, memo())


def fingerprint(value: Any) -> Fingerprint:
    """Return the fingerprint of data, an estimator, a function or a plain value; never raises."""
    return _fingerprint(value, None)


def _fingerprint(value: Any, held: Memo | None) -> Fingerprint:
    kind = "value"
    try:
        kind = kind_of(value)
        return _of_kind(kind, value, Hasher(held))
    except KeyboardInterrupt:
        raise
    except UnsupportedError as error:
        return Fingerprint(kind, None, reason=str(error))
    except BaseException as error:  # noqa: BLE001 - a hostile object must not break the user's cell
        what = name_of(type(value)).removeprefix("builtins.")
        return Fingerprint(
            kind, None, reason=f"{name_of(type(error)).removeprefix('builtins.')} while reading a {what}"
        )


def _of_kind(kind: str, value: Any, hasher: Hasher) -> Fingerprint:
    if kind in ("value", "estimator"):
        return Fingerprint(kind, hasher.digest(value).hex())
    from trackbook.capture.fingerprint.frames import data_digest

    digest, rows, columns = data_digest(value, hasher)
    return Fingerprint(kind, digest.hex(), rows=rows, columns=columns)


def digest_of(value: Any) -> str:
    """Return the digest of `value`; raises UnsupportedError for what has no canonical form."""
    return Hasher().digest(value).hex()
