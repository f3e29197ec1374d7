"""``pd.read_csv("data:/NAME@2")`` in notebooks and pipelines: pandas hands only paths with two slashes to fsspec."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

import wrapt

READERS = ("read_csv", "read_table", "read_parquet", "read_feather", "read_excel", "read_json")
_ONE, _TWO = "data:/", "data://"


def install() -> None:
    """Let fsspec and pandas' readers know dataset versions, from when they are imported on."""
    wrapt.register_post_import_hook(_register, "fsspec")
    wrapt.register_post_import_hook(_wrap_readers, "pandas")


def _register(fsspec: ModuleType) -> None:
    # The package's entry point says the same; a checkout on the path has none.
    fsspec.register_implementation("data", "trackbook.filesystem.ProjectFileSystem", clobber=True)


def _wrap_readers(pandas: ModuleType) -> None:
    for name in READERS:
        reader = getattr(pandas, name, None)
        if reader is not None and not hasattr(reader, "_trackbook_paths"):
            setattr(pandas, name, _with_two_slashes(reader))


def _with_two_slashes(reader: Any) -> Any:
    @functools.wraps(reader)
    def read(*arguments: Any, **keywords: Any) -> Any:
        __tracebackhide__ = True
        if arguments and type(arguments[0]) is str and _is_version(arguments[0]):
            arguments = (_TWO + arguments[0].removeprefix(_ONE), *arguments[1:])
        return reader(*arguments, **keywords)

    read._trackbook_paths = True  # type: ignore[attr-defined]
    return read


def _is_version(path: str) -> bool:
    return path.startswith(_ONE) and not path.startswith(_TWO)
