"""Every error that Trackbook raises on purpose.

::

    TrackbookError
    ├── UsageError          the call, the magic line or the command line is wrong
    ├── SettingsError       trackbook.toml cannot be read or holds a wrong value
    ├── NotFoundError       a run, dataset, model, file or notebook does not exist
    ├── StoreError          the store cannot be opened, read or written
    │   ├── StoreVersionError   a newer Trackbook made the store
    │   ├── IntegrityError      stored bytes are not the bytes that were written
    │   └── RemoteError         the place that stores are exchanged through cannot be reached or written
    ├── LockError           an environment cannot be locked, or built from its lock
    ├── DataError           a frame or file is not fit for what was asked
    ├── NotebookError       a notebook cannot become a graph or a script
    ├── PipelineError       a pipeline or one of its steps failed
    │   └── ExecutionError      a notebook cell raised
    └── RegistryError       a model cannot be registered, loaded or moved
        └── GateError           a gate, an approval that lacks, or what holds a version refused

A message says what happened, to which object, and what to do now.  Faces turn these into an
IPython ``UsageError``, an exit status or a JSON body, once, at their edge.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import suppress


class TrackbookError(Exception):
    """Base class of all errors raised on purpose; `code` is the stable name used by the REST interface."""

    code = "error"


class UsageError(TrackbookError):
    code = "usage"


class SettingsError(TrackbookError):
    code = "settings"


class NotFoundError(TrackbookError):
    code = "not_found"


class StoreError(TrackbookError):
    code = "store"


class StoreVersionError(StoreError):
    code = "store_version"


class IntegrityError(StoreError):
    code = "integrity"


class RemoteError(StoreError):
    code = "remote"


class LockError(TrackbookError):
    code = "lock"


class DataError(TrackbookError):
    code = "data"


class NotebookError(TrackbookError):
    code = "notebook"


class PipelineError(TrackbookError):
    code = "pipeline"


class ExecutionError(PipelineError):
    """A notebook cell raised, ran too long or took the kernel with it; says which cell, and what it raised."""

    code = "execution"

    def __init__(
        self,
        message: str,
        *,
        cell_index: int = -1,
        cell_id: str | None = None,
        ename: str = "",
        evalue: str = "",
        traceback: str = "",
    ) -> None:
        super().__init__(message)
        self.cell_index, self.cell_id = cell_index, cell_id
        self.ename, self.evalue, self.traceback = ename, evalue, traceback


class RegistryError(TrackbookError):
    code = "registry"


class GateError(RegistryError):
    code = "gate_refused"


class SettingsWarning(UserWarning):
    """Something in trackbook.toml has no effect; shown once a run."""


class ModelWarning(UserWarning):
    """A loaded model is deprecated, overridden, or was made with other versions of libraries."""


class TagWarning(UserWarning):
    """A cell has a tag that neither Trackbook nor another known tool gives a meaning."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'X'?"`` for the nearest of `known`, or an empty string."""
    from difflib import get_close_matches  # here, as a program that makes no mistake does without

    match = get_close_matches(name, list(known), n=1)
    return f"; did you mean {match[0]!r}?" if match else ""


def a(noun: str) -> str:
    """Return `noun` behind its article: "a run", "an int"."""
    return f"{'an' if noun[:1].lower() in set('aeiou') else 'a'} {noun}"


def shown(value: object, length: int = 60) -> str:
    """Return type and text of a value for a message, cut to `length`; a `__repr__` that raises cannot break it."""
    try:
        text = repr(value)
    except Exception as fault:  # noqa: BLE001 - the value is the user's
        text = f"(its text cannot be shown: {type(fault).__name__})"
    return f"{type(value).__name__} {text[:length]}"


def reason_of(error: BaseException) -> str:
    """Return type and message of an exception; one whose `__str__` raises cannot break it."""
    try:
        text = str(error)
    except BaseException as fault:  # noqa: BLE001 - the exception may be the user's
        text = f"(its message cannot be shown: {type(fault).__name__})"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def tell(text: str) -> None:
    """Print a line for the user, whatever stands in the place of `print` and of the streams by now."""
    for stream in (sys.stderr, sys.__stderr__):
        with suppress(Exception):  # None, or anything of the user's: then the next one is asked
            stream.write(f"{text}\n")  # type: ignore[union-attr]  # as said
            return
