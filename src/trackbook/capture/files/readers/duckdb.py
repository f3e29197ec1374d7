"""DuckDB: databases, readers and writers, and the files that SQL names."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from trackbook.capture.files.readers.sql import files_in_sql
from trackbook.capture.files.readers.wrapping import Call, Told, named, reads, wrap, writes

_databases: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
"""The file behind a connection: what runs on it may change the file without opening it again."""

_QUERIES = ("execute", "executemany", "sql", "query", "from_query", "query_df", "_submit")
_READERS = ("read_csv", "read_json", "read_parquet", "from_parquet", "from_csv_auto", "read_csv_auto")
_WRITERS = ("write_csv", "to_csv", "write_parquet", "to_parquet")


def _functions(module: ModuleType) -> None:
    wrap(module, "connect", _database, _connected, always=True)
    for name in _QUERIES:
        wrap(module, name, lambda call: _query(call, 0))
        wrap(module, f"DuckDBPyConnection.{name}", lambda call: _query(call, 1))
    for name in _READERS:
        wrap(module, name, reads(0, "path_or_buffer", "name", "file_glob", "file_globs", "source"))
        wrap(
            module,
            f"DuckDBPyConnection.{name}",
            reads(1, "path_or_buffer", "name", "file_glob", "file_globs", "source"),
        )
    for name in _WRITERS:
        wrap(module, f"DuckDBPyRelation.{name}", writes(1, "file_name", "target"))
    wrap(module, "write_csv", writes(1, "file_name", "filename"))


def _database(call: Call) -> Iterator[tuple[str, str]]:
    for path in named(call.value(0, "database")):
        if path and not path.startswith((":memory:", ":default:", "md:", "motherduck:")):
            yield path, "database"


def _connected(call: Call) -> Told:
    for path, _ in _database(call):
        _databases[call.result] = path
    return ()


def _query(call: Call, position: int) -> Iterator[tuple[str, str]]:
    owner = call.arguments[0] if position else call.keywords.get("connection")
    if position and (path := _databases.get(owner)) is not None:
        yield path, "database"
    query = call.value(position, "query")
    text = query if isinstance(query, str) else getattr(query, "query", "")
    yield from files_in_sql(text, call.value(position + 1, "parameters", "params"))


MODULES: dict[str, Callable[[ModuleType], None]] = {"duckdb": _functions}
