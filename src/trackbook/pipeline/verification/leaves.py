"""The parts of a value by their paths, numbers apart from the rest, so that two values can be compared part by part."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator
from typing import Any

from trackbook.capture.fingerprint.values import kind_of

CODE = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType, type)
"""What is code and no value: what it does is seen in what it returns."""

_DRAWING = ("matplotlib.", "mpl_toolkits.", "seaborn.")


def leaves_of(value: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Yield the parts of containers, frames and estimators by their path."""
    kind = kind_of(value)
    if depth > 20:
        yield path, value
    elif kind == "frame":
        yield f"{path} (index)", value.index
        for place, name in enumerate(value.columns):
            yield f"{path}[{name!r}]", value.iloc[:, place]
    elif (inner := _inside(value, kind, path)) is not None:
        for below, item in inner:
            yield from leaves_of(item, below, depth + 1)
    else:
        yield path, value


def _inside(value: Any, kind: str, path: str) -> list[tuple[str, Any]] | None:
    """Return the parts of an object or container with their paths, None for a value that is taken as a whole."""
    if kind == "estimator" or (kind == "value" and _own_object(value)):
        return [(f"{path}.{name}", item) for name, item in sorted(vars(value).items())]
    if isinstance(value, dict):
        return [(f"{path}[{key!r}]", item) for key, item in value.items()]
    if isinstance(value, functools.partial):
        return [(f"{path}.{name}", getattr(value, name)) for name in ("func", "args", "keywords")]
    if isinstance(value, list | tuple) and not _flat(value):
        return [(f"{path}[{place}]", item) for place, item in enumerate(value)]
    return None


def class_name(value: Any) -> str:
    """Return the dotted name of a value's class; one that a step defines is named as in the notebook."""
    name = type(value).__qualname__.rpartition("<locals>.")[2]
    return f"{type(value).__module__}.{name}".removeprefix("builtins.")


def is_code(value: Any) -> bool:
    """Tell whether a part of a value is a function or class, a cached function included."""
    return isinstance(value, CODE) or hasattr(value, "__wrapped__")


def _own_object(value: Any) -> bool:
    return bool(getattr(value, "__dict__", None)) and not is_code(value)


def _flat(value: list[Any] | tuple[Any, ...]) -> bool:
    return bool(value) and all(type(item) in (int, float) for item in value)


def as_numbers(leaf: Any, numpy: Any) -> Any | None:
    """Return a leaf as an array of numbers, or None for one that is no number."""
    if isinstance(leaf, bool | str | bytes) or leaf is None:
        return None
    if isinstance(leaf, list | tuple) and not _flat(leaf):
        return None
    try:
        if kind_of(leaf) in ("series", "index"):
            if getattr(leaf.dtype, "kind", "") not in "iufc":
                return None
            return numpy.asarray(leaf.to_numpy())
        array = numpy.asarray(leaf)
    except (TypeError, ValueError, OverflowError):
        return None
    return array if array.dtype.kind in "iufc" else None


def is_drawing(value: Any) -> bool:
    """Tell whether a value is a figure or a part of one, or several of those; figures are compared as they look."""
    if isinstance(value, list | tuple) or (type(value).__name__ == "ndarray" and value.dtype.kind == "O"):
        items = list(value) if isinstance(value, list | tuple) else list(value.flat)
        return bool(items) and all(is_drawing(item) for item in items[:100])
    return f"{type(value).__module__}.".startswith(_DRAWING)
