"""What tells that a file changed without reading it, and when that may be believed."""

from __future__ import annotations

import os

import msgspec

RACY_NS = 2_000_000_000
"""A file changed more recently before it was hashed may change again unseen, within one tick of its clock."""


class Stamp(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What tells that a file changed, without reading it; times in nanoseconds since 1970.

    A folder of many files is stamped in the time of a blink, so nothing here is slower to make than it need be.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int
    mode: int

    @classmethod
    def of(cls, path: str | int) -> Stamp | None:
        """Return the stamp of a file, following links; None when there is none, or it cannot be seen."""
        try:
            return cls.from_stat(os.stat(path))  # noqa: PTH116 - may be a descriptor
        except (OSError, ValueError):
            return None

    @classmethod
    def from_stat(cls, found: os.stat_result) -> Stamp:
        """Return the stamp that the system's answer about a file amounts to."""
        return cls(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev, found.st_mode)

    def is_trusty(self, taken_ns: int) -> bool:
        """Say whether a file that was read at `taken_ns` has changed since if and only if its stamp has: git's rule."""
        return taken_ns - max(self.mtime_ns, self.ctime_ns) > RACY_NS
