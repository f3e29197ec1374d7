"""Processes that run the user's code for us: their environment, what they say, and how they end."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import psutil


def child_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a process that may start in another folder: PYTHONPATH means what it means here."""
    variables = {**os.environ, **(extra or {})}
    if paths := variables.get("PYTHONPATH"):
        variables["PYTHONPATH"] = os.pathsep.join(str(Path(path).absolute()) for path in paths.split(os.pathsep))
    return variables


def worker_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a process that runs a script.

    Hashes of texts are fixed, so that sets have one order; a kernel's Matplotlib backend means nothing there.
    """
    variables = {"PYTHONHASHSEED": "0", **child_environment(extra)}
    if variables.get("MPLBACKEND", "").startswith("module://"):
        del variables["MPLBACKEND"]
    return variables


def family(pid: int) -> list[psutil.Process]:
    """Return a process and all that it started, itself last; nothing when it is gone."""
    import psutil  # here: a pipeline in which nothing changed starts no process

    try:
        process = psutil.Process(pid)
        return [*process.children(recursive=True), process]
    except psutil.NoSuchProcess:
        return []


def write_frame(stream: IO[bytes], data: bytes) -> None:
    """Write one message: its length in 8 bytes, then its bytes."""
    stream.write(len(data).to_bytes(8, "big") + data)
    stream.flush()


def read_frame(stream: IO[bytes]) -> bytes | None:
    """Return the next message; None when the other end is gone."""
    head = stream.read(8)
    if len(head) < 8:
        return None
    length = int.from_bytes(head, "big")
    data = stream.read(length)
    return data if len(data) == length else None
