"""What kind of data a value is, told by the names of its classes: no library is imported and no code of it runs."""

from __future__ import annotations

import abc
from typing import Any

# Read past metaclasses, which may say anything.
_mro = type.__dict__["__mro__"].__get__
_module = type.__dict__["__module__"].__get__
_qualname = type.__dict__["__qualname__"].__get__

_KINDS = {
    ("pandas", "DataFrame"): "frame",
    ("pandas", "Series"): "series",
    ("pandas", "Index"): "index",
    ("numpy", "ndarray"): "array",
    ("scipy", "_spbase"): "sparse",
    ("scipy", "spmatrix"): "sparse",
    ("scipy", "sparray"): "sparse",
    ("sklearn", "BaseEstimator"): "estimator",
    ("polars", "DataFrame"): "table",
    ("polars", "LazyFrame"): "table",
    ("polars", "Series"): "column",
    ("pyarrow", "Table"): "table",
    ("pyarrow", "RecordBatch"): "table",
    ("pyarrow", "Array"): "column",
    ("pyarrow", "ChunkedArray"): "column",
}
DATA_KINDS = frozenset(_KINDS.values())


class UnsupportedError(TypeError):
    """A value, or something inside it, has no canonical form; the text says which and why."""


def kind_of(value: Any) -> str:
    """Return what `value` is; never raises.

    `frame`, `series`, `index` are pandas', `table` and `column` polars' and pyarrow's, `array` numpy's, `sparse`
    scipy's; then `estimator`, and `value` for all else.
    """
    for base in _mro(type(value)):
        kind = _KINDS.get((root_of(base), f"{_qualname(base)}"))
        if kind is not None:
            return kind
    return "value"


def is_plain_class(cls: type) -> bool:
    """Tell whether a class may be looked up in a dict: no metaclass of the user's says what its hash is."""
    return type(cls) is type or type(cls) is abc.ABCMeta


def root_of(cls: type) -> str:
    """Return the name of the package that a class says it comes from; empty where it says no name."""
    module = _module(cls)
    return module.partition(".")[0] if type(module) is str else ""


def name_of(cls: type) -> str:
    """Return a class's module and qualified name."""
    module = _module(cls)
    return f"{module if type(module) is str else '?'}.{_qualname(cls)}"


def bases_of(cls: type) -> tuple[type, ...]:
    """Return a class and its bases in the order of their resolution."""
    return tuple(_mro(cls))
