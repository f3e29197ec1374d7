"""A place outside the store that several people share: named bytes in a folder, S3, GCS, Azure, through fsspec.

A name is there whole or not at all.  An object store promises that by itself; everywhere else a file is written under
a temporary name first.  Credentials come from the environment, where each of these services looks for them; none is
ever taken from a URL or a setting.
"""

from __future__ import annotations

import os
import random
import re
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from trackbook.errors import IntegrityError, NotFoundError, RemoteError, UsageError, reason_of
from trackbook.store.durable import sync_folder

THREADS = 16
TRIES = 4
FIRST_WAIT = 0.2
"""Seconds before the second try of something that failed; each later one waits twice as long."""

TEMPORARY = ".tmp"
_ATOMIC = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "memory"})
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "abfs": "azure", "abfss": "azure", "az": "azure"}
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)*")
_FINAL = (PermissionError, NotADirectoryError, IsADirectoryError, NotImplementedError, TypeError, ValueError)
_FINAL_NAMES = frozenset(
    {"NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "EndpointConnectionError"}
)
"""Exceptions of the services' own libraries that another try does not help; they are no classes that we import."""

Result = TypeVar("Result")
Item = TypeVar("Item")
OnProgress = Callable[[str, int, int], None]
"""Told what is being moved, how many are done and how many there are."""


class Remote:
    """Named bytes under one URL; safe to use from many threads, and after a fork."""

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        """Use the place that `url` names: a folder, or ``s3://BUCKET/PREFIX`` and what else fsspec knows.

        `options` go to fsspec, e.g. ``endpoint_url``.  Raises UsageError for a URL that cannot be used, or whose
        package is not installed.
        """
        _refuse_credentials(url)
        self.url = url.rstrip("/") or url
        self._options = dict(options or {})
        self._pid = os.getpid()
        self._fs, self._root = self._open()

    def __repr__(self) -> str:
        return f"Remote({self.url!r})"

    # -- reading

    def names(self, folder: str) -> dict[str, int]:
        """Return the names below `folder` (such as ``runs``) with their sizes in bytes; none where nothing is yet."""
        base = self._path(folder)
        try:
            found = self._try(f"list {folder}", lambda: self._system().find(base, detail=True))
        except NotFoundError:
            return {}
        prefix = self._root.rstrip("/") + "/"
        names = {path.removeprefix(prefix): info for path, info in found.items() if path.startswith(prefix)}
        return {
            name: int(info.get("size") or 0)
            for name, info in names.items()
            if info.get("type") == "file" and not name.endswith(TEMPORARY) and _NAME.fullmatch(name)
        }

    def exists(self, name: str) -> bool:
        """Say whether `name` is there."""
        path = self._path(name)
        return bool(self._try(f"look for {name}", lambda: self._system().exists(path)))

    def read(self, name: str, limit: int) -> bytes:
        """Return the bytes of `name`; raises NotFoundError without them, IntegrityError for more than `limit`."""
        path = self._path(name)

        content: bytes = self._try(f"read {name}", lambda: self._system().cat_file(path, start=0, end=limit + 1))
        if len(content) > limit:
            raise IntegrityError(f"{name} in {self.url} has more than {limit:,} bytes; no Trackbook wrote it")
        return content

    def fetch(self, name: str, target: Path) -> None:
        """Write the bytes of `name`, of any size, to the new file `target`."""
        path = self._path(name)
        self._try(f"read {name}", lambda: self._system().get_file(path, str(target)))

    # -- writing

    def write(self, name: str, content: bytes) -> None:
        """Put `content` under `name`, in the place of what was there; it is there whole when this returns."""
        path = self._path(name)
        self._put(name, path, lambda there: self._system().pipe_file(there, content))

    def send(self, source: Path, name: str) -> None:
        """Put the bytes of a file, of any size, under `name`."""
        path = self._path(name)
        self._put(name, path, lambda there: self._system().put_file(str(source), there))

    def remove(self, name: str) -> None:
        """Delete `name`; none there is fine."""
        path = self._path(name)
        try:
            self._try(f"delete {name}", lambda: self._system().rm_file(path))
        except NotFoundError:
            return

    def each(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield the results of `work` on each of `items`, in their order, many at a time; the first fault ends it."""
        waiting: deque[Future[Result]] = deque()
        with ThreadPoolExecutor(THREADS, "trackbook-remote") as pool:
            try:
                for item in items:
                    waiting.append(pool.submit(work, item))
                    if len(waiting) >= 2 * THREADS:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    # -- how

    def _put(self, name: str, path: str, put: Callable[[str], Any]) -> None:
        if self._is_atomic:
            self._try(f"write {name}", lambda: put(path))
            return
        temporary = f"{path}.{secrets.token_hex(4)}{TEMPORARY}"

        def replace() -> None:
            self._system().makedirs(path.rpartition("/")[0], exist_ok=True)
            put(temporary)
            if self._is_local:
                _settle(Path(temporary), Path(path))
            else:
                self._system().mv(temporary, path)

        try:
            self._try(f"write {name}", replace)
        except BaseException:
            if self._system().exists(temporary):
                self._system().rm_file(temporary)
            raise

    def _system(self) -> Any:
        if self._pid != os.getpid():
            self._pid = os.getpid()  # connections and their thread stay the parent's
            self._fs, self._root = self._open()
        return self._fs

    def _open(self) -> tuple[Any, str]:
        import fsspec

        scheme = self.url.partition("://")[0] if "://" in self.url else "file"
        options = {"use_listings_cache": False, "skip_instance_cache": True, **self._options}
        try:
            fs, root = fsspec.url_to_fs(self.url, **(options if scheme != "file" else self._options))
        except ImportError as error:
            extra = _EXTRAS.get(scheme)
            package = f"'trackbook[{extra}]'" if extra else "the package that fsspec names"
            raise UsageError(
                f"{self.url} needs a package ({error}); install it with `pip install {package}`"
            ) from error
        except ValueError as error:
            raise UsageError(
                f"{self.url} names no place that can be used ({error}); give a folder or s3://…"
            ) from error
        except Exception as error:
            raise RemoteError(f"{self.url} cannot be opened ({reason_of(error)}); check its options") from error
        protocol = fs.protocol if isinstance(fs.protocol, str) else fs.protocol[0]
        self._is_local = protocol in ("file", "local")
        self._is_atomic = protocol in _ATOMIC
        return fs, str(root)

    def _path(self, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise IntegrityError(f"{name!r:.80} is no name that {self.url} may hold; it was crafted")
        return f"{self._root.rstrip('/')}/{name}"

    def _try(self, what: str, work: Callable[[], Result]) -> Result:
        """Do `work`, again after a fault that may pass; raises NotFoundError or RemoteError."""
        for number in range(TRIES):
            try:
                return work()
            except FileNotFoundError as error:
                raise NotFoundError(f"{self.url} cannot {what}: there is none") from error
            except (IntegrityError, NotFoundError):
                raise
            except Exception as error:
                if number + 1 == TRIES or isinstance(error, _FINAL) or type(error).__name__ in _FINAL_NAMES:
                    raise RemoteError(
                        f"{self.url} cannot {what} ({reason_of(error):.300}); check the URL, the network and the "
                        "credentials in your environment, then do it again: what is done stays done"
                    ) from error
                time.sleep(FIRST_WAIT * 2**number * (1 + random.random()))  # noqa: S311 - spreads the tries of many
        raise AssertionError("the last try raises or returns")


def _settle(temporary: Path, path: Path) -> None:
    """Give a file its name, durably; what was there before is replaced at once."""
    with temporary.open("r+b") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def _refuse_credentials(url: str) -> None:
    if re.match(r"[a-z0-9+]+://[^/@]*:[^/@]*@", url):
        shown = re.sub(r"://[^/]*@", "://…@", url)
        raise UsageError(
            f"{shown} holds a password; leave it out: credentials are taken from the environment and its profiles"
        )
