"""Which pages of this process were written since they were armed, as the Linux kernel (6.7 or later) knows it.

Pages are write-protected through userfaultfd in its asynchronous mode: the first write to a page costs one minor fault
and marks it, whoever writes (Python, native code, the kernel in `read`, another thread, `/proc/self/mem`), and nothing
else changes for the program.  The ioctl PAGEMAP_SCAN of `/proc/self/pagemap` reads the marks.

Only private anonymous memory is watched: another process, a file or a device can change other memory unseen.  Memory
that was unmapped, mapped anew, moved or dropped (MADV_DONTNEED) is never reported clean.
See `Documentation/admin-guide/mm/{userfaultfd,pagemap}.rst` of the kernel for the numbers.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import struct
import sys
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
SYSCALL = {"x86_64": 323, "aarch64": 282, "riscv64": 282, "loongarch64": 282, "ppc64le": 364, "s390x": 355}

UFFD_API, UFFD_USER_MODE_ONLY = 0xAA, 1
WP_UNPOPULATED, WP_ASYNC = 1 << 13, 1 << 15
UFFDIO_API, UFFDIO_REGISTER, UFFDIO_UNREGISTER = 0xC018AA3F, 0xC020AA00, 0x8010AA01
UFFDIO_WRITEPROTECT, MODE_WP_REGISTER, MODE_WP = 0xC018AA06, 2, 1

PAGEMAP_SCAN, CHECK_WPASYNC = 0xC0606610, 2
WPALLOWED, WRITTEN, FILE, PRESENT = 1, 2, 4, 8
PROCMAP_QUERY, VMA_SHARED = 0xC0686611, 8
REGIONS = 64
TABLE = 2 << 20  # bytes; no page table of Linux spans less with pages of 4 KB or more


class UnwatchableError(OSError):
    """The writes to some memory cannot be watched; the text says why."""


class Watch:
    """Watches page ranges of this process; `start` and `end` are addresses at page boundaries.

    Raises UnwatchableError where the system offers no such thing.  Belongs to the process that made it.
    """

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._events = _open_userfaultfd()
        self._files = [self._events]
        try:
            self._pagemap = self._open("/proc/self/pagemap")
            self._maps = self._open("/proc/self/maps")
        except OSError as error:
            self.close()
            raise UnwatchableError(f"the kernel does not let its page map be read ({error.strerror})") from error
        self._regions = (ctypes.c_uint64 * (3 * REGIONS))()
        self._reports_dropped = self._try_dropping()

    def _open(self, path: str) -> int:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._files.append(file)
        return file

    def close(self) -> None:
        """Stop watching everything."""
        while self._files:
            os.close(self._files.pop())

    def arm(self, start: int, end: int) -> None:
        """Mark all pages as not written.  Raises OSError for memory whose writes cannot all be seen."""
        self._require_private(start, end)
        if _pinned_pages():
            raise UnwatchableError("memory of this process is pinned for a device, which writes it unseen")
        self._control(UFFDIO_REGISTER, struct.pack("4Q", start, end - start, MODE_WP_REGISTER, 0))
        self._control(UFFDIO_WRITEPROTECT, struct.pack("3Q", start, end - start, MODE_WP))

    def disarm(self, start: int, end: int) -> None:
        """Forget the range; memory that is gone is forgotten already."""
        try:
            self._control(UFFDIO_UNREGISTER, struct.pack("2Q", start, end - start))
        except OSError:
            return  # unmapped since, which ended the watch

    def is_clean(self, start: int, end: int) -> bool:
        """Tell whether every page is there, is watched, and was not written since it was armed."""
        try:
            if not self._reports_dropped:
                return self._is_there(start, end)
            # Quick, but blind where whole page tables are gone: one page of each is asked for by itself.
            firsts = (start, *range(start // TABLE * TABLE + TABLE, end, TABLE))
            return not self._changed(start, end) and all(self._is_there(first, first + PAGE) for first in firsts)
        except OSError:
            return False  # not watched, or no longer

    def written(self, start: int, end: int) -> int:
        """Return about how many bytes were written; scattered writes count as all."""
        try:
            regions = self._changed(start, end)
        except OSError:
            return 0  # the memory is another one by now
        return end - start if len(regions) == REGIONS else sum(last - first for first, last in regions)

    def _is_there(self, start: int, end: int) -> bool:
        # Asks for what is clean, not for what is written: a page that was dropped or unmapped is neither.
        clean = (WRITTEN | FILE, WPALLOWED | WRITTEN | FILE | PRESENT, WPALLOWED)
        return self._scan(start, end, *clean) == [(start, end)]

    def _changed(self, start: int, end: int) -> list[tuple[int, int]]:
        return self._scan(start, end, 0, WRITTEN, WRITTEN)  # the masks for which the kernel has a fast path

    def _scan(self, start: int, end: int, inverted: int, wanted: int, told: int) -> list[tuple[int, int]]:
        vector = ctypes.addressof(self._regions)
        fields = (96, CHECK_WPASYNC, start, end, 0, vector, REGIONS, 0, inverted, wanted, 0, told)
        count = _ioctl(self._pagemap, PAGEMAP_SCAN, struct.pack("12Q", *fields))
        return [(self._regions[3 * place], self._regions[3 * place + 1]) for place in range(count)]

    def _try_dropping(self) -> bool:
        """Tell whether this kernel's fast path reports pages that were dropped, as some memory of our own shows."""
        with mmap.mmap(-1, 16 * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
            memory.write(b"\1" * len(memory))
            byte = ctypes.c_char.from_buffer(memory)
            start = ctypes.addressof(byte)
            del byte
            try:
                self.arm(start, start + len(memory))
                before = self._changed(start, start + len(memory))
                memory.madvise(mmap.MADV_DONTNEED, 4 * PAGE, 4 * PAGE)
                after = self._changed(start, start + len(memory))
            except OSError:
                return False
            return before == [] and after == [(start + 4 * PAGE, start + 8 * PAGE)]

    def _control(self, request: int, argument: bytes) -> None:
        _ioctl(self._events, request, argument)

    def _require_private(self, start: int, end: int) -> None:
        address = start
        while address < end:
            address = self._private_until(address)

    def _private_until(self, address: int) -> int:
        """Return the end of the private anonymous mapping at `address`; raises UnwatchableError for another one."""
        query = bytearray(struct.pack("9Q4I2Q", 104, 0, address, *[0] * 12))
        try:
            _ioctl(self._maps, PROCMAP_QUERY, query)
        except OSError:  # before Linux 6.11
            return _private_until(address)
        fields = struct.unpack("9Q4I2Q", query)
        if fields[5] & VMA_SHARED or fields[8] or fields[9] or fields[10]:
            raise UnwatchableError("a file, a device or another process can change this memory")
        return int(fields[4])


def _open_userfaultfd() -> int:
    number = SYSCALL.get(platform.machine()) if sys.platform == "linux" else None
    if number is None or sys.maxsize < 2**32:
        raise UnwatchableError(
            f"{platform.system()} on {platform.machine()} offers no write tracking that is used here"
        )
    libc = ctypes.CDLL(None, use_errno=True)
    file = libc.syscall(number, os.O_CLOEXEC | os.O_NONBLOCK | UFFD_USER_MODE_ONLY)
    if file < 0:
        reason = os.strerror(ctypes.get_errno())
        raise UnwatchableError(f"userfaultfd is refused here ({reason}); a container's rules often do that")
    try:
        _ioctl(file, UFFDIO_API, struct.pack("3Q", UFFD_API, WP_ASYNC | WP_UNPOPULATED, 0))
    except OSError as error:
        os.close(file)
        raise UnwatchableError(f"Linux {platform.release()} has no asynchronous write tracking (6.7 has)") from error
    return int(file)


def _ioctl(file: int, request: int, argument: bytes | bytearray) -> int:
    import fcntl

    buffer = argument if isinstance(argument, bytearray) else bytearray(argument)
    return int(fcntl.ioctl(file, request, buffer))


def _pinned_pages() -> bool:
    for line in Path("/proc/self/status").read_bytes().splitlines():
        if line.startswith(b"VmPin:"):
            return line.split()[1] != b"0"
    return False


def _private_until(address: int) -> int:
    for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines():
        span, rights, _, device, inode, *_ = line.split()
        first, last = (int(bound, 16) for bound in span.split("-"))
        if first <= address < last:
            if rights[3] == "p" and inode == "0" and device == "00:00":
                return last
            break
    raise UnwatchableError("a file, a device or another process can change this memory")
