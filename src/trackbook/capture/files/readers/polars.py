"""polars: eager readers and writers, lazy scans, and the files that a lazy frame reads when it is collected."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from trackbook.capture.files.readers.wrapping import Call, Tell, Told, expanded, named, wrap, writes

_SCAN = re.compile(r"SCAN \[(?P<files>.*)\]\s*$", re.MULTILINE)
_MORE = re.compile(r", \.\.\. \d+ other sources?$")
_KEPT = 1024
_scanned: OrderedDict[str, tuple[str, ...]] = OrderedDict()
"""The files of a scan by its first one: the plan of a lazy frame names only a few."""

_READERS = ("avro", "csv", "excel", "ipc", "ipc_stream", "json", "lines", "ndjson", "ods", "parquet")
_ONES = ("ipc_schema", "parquet_metadata", "parquet_schema", "csv_batched", "delta")
_SCANS = ("csv", "ipc", "lines", "ndjson", "parquet", "delta", "iceberg")


def _functions(module: ModuleType) -> None:
    for name in (*_READERS, *_ONES):
        wrap(module, f"read_{name}", _read)
    for name in _SCANS:
        wrap(module, f"scan_{name}", _read)
    for name in ("avro", "csv", "excel", "ipc", "ipc_stream", "json", "ndjson", "parquet", "delta"):
        wrap(module, f"DataFrame.write_{name}", writes(1, "file", "workbook", "target"))
    for name in ("csv", "ipc", "ndjson", "parquet", "delta"):
        wrap(module, f"LazyFrame.sink_{name}", _both(_collected, writes(1, "path", "target")))
    for name in ("collect", "collect_async", "collect_batches", "sink_batches", "fetch", "profile"):
        wrap(module, f"LazyFrame.{name}", _collected)
    for name in ("collect_all", "collect_all_async"):
        wrap(module, name, lambda call: (told for frame in call.value(0, "lazy_frames") for told in _of_plan(frame)))


def _read(call: Call) -> Iterator[tuple[str, str]]:
    source = call.value(0, "source", "sources")
    files = tuple(expanded(source))
    for first in {*files[:1], *list(named(source))[:1]}:
        _scanned[first] = files
    while len(_scanned) > _KEPT:
        _scanned.popitem(last=False)
    return ((path, "read") for path in files)


def _both(*tells: Tell) -> Tell:
    return lambda call: [told for tell in tells for told in tell(call)]


def _collected(call: Call) -> Told:
    return _of_plan(call.arguments[0])


def _of_plan(frame: Any) -> Iterator[tuple[str, str]]:
    """Yield the files that the plan of a lazy frame scans; making its text runs nothing."""
    for match in _SCAN.finditer(frame.explain(optimized=False)):
        text = _MORE.sub("", match["files"])
        # A comma may part two names or stand in one: what is known as a scan, or is there as a file, counts.
        if text in _scanned:
            yield from ((path, "read") for path in _scanned[text])
            continue
        names = text.split(", ")
        yield from ((path, "read") for path in _scanned.get(names[0], ()))
        yield from ((path, "read") for name in names for path in expanded(name))


MODULES: dict[str, Callable[[ModuleType], None]] = {"polars": _functions}
