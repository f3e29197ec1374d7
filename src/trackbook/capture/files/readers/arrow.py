"""pyarrow: Parquet, datasets, CSV, JSON, Feather, ORC, and files opened by themselves.

pandas comes here too where it hands a path on; where it opens the file itself, pyarrow gets no path and tells none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import islice
from types import ModuleType
from typing import Any

from trackbook.capture.files import audit
from trackbook.capture.files.readers.wrapping import MAX_EXPANDED, Call, Tell, Told, named, reads, tell_of, wrap, writes
from trackbook.capture.files.urls import is_url


def _parquet(module: ModuleType) -> None:
    wrap(module, "ParquetFile.__init__", reads(1, "source"))
    wrap(module, "ParquetDataset.__init__", None, _dataset_opened)
    wrap(module, "ParquetWriter.__init__", _on_filesystem(writes(1, "where")))
    for name in ("read_metadata", "read_schema"):
        wrap(module, name, reads(0, "where"))


def _dataset_opened(call: Call) -> Told:
    return _files_of(call.arguments[0], call.value(1, "path_or_paths"))


def _files_of(dataset: Any, source: Any) -> Told:
    """Yield the files of a dataset; on another file system they have no path here, and its source stands for them."""
    files = getattr(dataset, "files", None) or []
    kind = getattr(getattr(dataset, "filesystem", None), "type_name", "local")
    if kind == "local":
        yield from ((path, "read") for path in islice(files, MAX_EXPANDED))
    else:
        yield from ((path if is_url(path) else f"{kind}://{path}", "read") for path in named(source))


def _datasets(module: ModuleType) -> None:
    wrap(module, "_filesystem_dataset", None, lambda call: _files_of(call.result, call.value(0, "source")))
    wrap(module, "parquet_dataset", reads(0, "metadata_path"))
    wrap(module, "write_dataset", None, _dataset_written)


def _dataset_written(call: Call) -> Iterator[tuple[str, str]]:
    for path in named(call.value(1, "base_dir")):
        yield path, "changed"
        if os.path.isdir(path):  # noqa: PTH112 - as text
            with os.scandir(path) as entries:
                yield from ((entry.path, "written") for entry in entries if entry.is_file())


def _on_filesystem(tell: Tell) -> Tell:
    """Let a path count only where it lies on the local file system."""

    def told(call: Call) -> Told:
        system: Any = call.keywords.get("filesystem")
        if getattr(system, "type_name", "local") == "local":
            return tell(call)
        return ((f"{system.type_name}://{path}", action) for path, action in tell(call))

    return told


def _functions(*hooks: tuple[str, Tell]) -> Callable[[ModuleType], None]:
    def wrap_all(module: ModuleType) -> None:
        for name, tell in hooks:
            wrap(module, name, tell)

    return wrap_all


def _core(module: ModuleType) -> None:
    wrap(module, "memory_map", lambda call: _by_mode(call, 0, 1, "path"))
    wrap(module, "create_memory_map", writes(0, "path"))
    wrap(module, "input_stream", reads(0, "source"))
    wrap(module, "output_stream", writes(0, "source"))
    _subclass(module, "OSFile", {"__new__": lambda call: _by_mode(call, 1, 2, "path")})


def _by_mode(call: Call, place: int, mode_place: int, name: str) -> Told:
    mode = str(call.value(mode_place, "mode") or "r")
    action = "read" if mode.startswith("r") and "+" not in mode else "changed" if mode[0] in "ra" else "written"
    return ((path, action) for path in named(call.value(place, name)))


def _filesystem(module: ModuleType) -> None:
    _subclass(
        module,
        "LocalFileSystem",
        {
            "open_input_file": reads(1, "path"),
            "open_input_stream": reads(1, "path"),
            "open_output_stream": writes(1, "path"),
            "open_append_stream": writes(1, "path", action="changed"),
            "delete_file": writes(1, "path", action="removed"),
        },
    )


class _Lookalike(type):
    """The class of a class that stands for its base: what is of the base is of it, though not of its own children."""

    def __instancecheck__(cls, instance: object) -> bool:
        base = cls.__dict__.get("_stands_for")
        return type.__instancecheck__(cls, instance) if base is None else isinstance(instance, base)

    def __subclasscheck__(cls, subclass: type) -> bool:
        base = cls.__dict__.get("_stands_for")
        return type.__subclasscheck__(cls, subclass) if base is None else issubclass(subclass, base)


def _subclass(module: ModuleType, name: str, hooks: dict[str, Tell]) -> None:
    """Put a subclass in the place of a class of C, whose methods cannot be wrapped."""
    base = getattr(module, name, None)
    if base is None or isinstance(base, _Lookalike):
        return
    body: dict[str, Any] = {
        "__doc__": base.__doc__,
        "__module__": module.__name__,
        "__qualname__": name,
        "_stands_for": base,
    }
    body |= {
        method: _method(getattr(base, method), method, tell) for method, tell in hooks.items() if hasattr(base, method)
    }
    stand_in = _Lookalike(name, (base,), body)
    setattr(module, name, stand_in)


def _method(function: Any, name: str, tell: Tell) -> Any:
    def method(self: Any, *arguments: Any, **keywords: Any) -> Any:
        __tracebackhide__ = True
        if audit.listening():
            tell_of(Call((self, *arguments), keywords), tell)
        return function(self, *arguments, **keywords)

    method.__name__, method.__doc__ = name, function.__doc__
    return method


_CSV = (
    ("read_csv", reads(0, "input_file")),
    ("open_csv", reads(0, "input_file")),
    ("write_csv", writes(1, "output_file")),
)
MODULES: dict[str, Callable[[ModuleType], None]] = {
    "pyarrow": _core,
    "pyarrow.parquet.core": _parquet,
    "pyarrow.dataset": _datasets,
    "pyarrow.fs": _filesystem,
    "pyarrow.csv": _functions(*_CSV),
    "pyarrow.json": _functions(("read_json", reads(0, "input_file")), ("open_json", reads(0, "input_file"))),
    "pyarrow.feather": _functions(
        ("_read_table_internal", reads(0, "source")),
        ("read_table", reads(0, "source")),
        ("write_feather", writes(1, "dest")),
    ),
    "pyarrow.orc": _functions(
        ("ORCFile.__init__", reads(1, "source")),
        ("ORCWriter.__init__", writes(1, "where")),
        ("read_table", reads(0, "source")),
        ("write_table", writes(1, "where")),
    ),
}
