"""The params of an estimator as short texts, under scikit-learn's own names."""

from __future__ import annotations

import inspect
from functools import lru_cache
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

MAX_PARAMS = 200
MAX_PARAM_LENGTH = 250
MAX_ITEMS = 20
MAX_DEPTH = 3

_ROUTINES = (FunctionType, BuiltinFunctionType, MethodType)


def estimator_params(estimator: Any) -> dict[str, str]:
    """Return the params of an estimator and, as `step__param`, of those that it holds; the first `MAX_PARAMS`.

    What is no scalar has a short text, such as `LogisticRegression(C=0.5)` or `array(shape=(3,), dtype=float64)`;
    no `repr` of the user's is called.  An estimator whose `get_params` fails has none.
    """
    params = raw_params(estimator)
    own = sorted(params, key=lambda name: name.count("__"))[:MAX_PARAMS]
    return {name: value_text(params[name]) for name in own}


def raw_params(estimator: Any) -> dict[str, Any]:
    """Return what `get_params` does, with those of nested estimators where they can be had; {} when it fails."""
    for deep in (True, False):
        try:
            params = dict(estimator.get_params(deep=deep))
        except Exception:  # noqa: BLE001, S112 - a class that keeps no convention has no params to show
            continue
        if all(type(name) is str for name in params):
            return params
    return {}


def value_text(value: Any) -> str:
    """Return the text of a param's value, at most `MAX_PARAM_LENGTH` characters long."""
    text = str.__str__(value) if issubclass(type(value), str) else _text(value, 0)
    return text if len(text) <= MAX_PARAM_LENGTH else text[: MAX_PARAM_LENGTH - 1] + "…"


def _text(value: Any, depth: int) -> str:
    kind = type(value)  # not `isinstance`: it asks an object for its `__class__`, which may do anything
    if value is None or kind in (bool, int, float, complex):
        return str(value)
    if issubclass(kind, str):
        return str.__repr__(value[: MAX_PARAM_LENGTH + 1])
    if kind in (list, tuple, set, frozenset, dict):
        return _items_text(value, kind, depth)
    if issubclass(kind, (type, *_ROUTINES)):
        return str(value.__qualname__)
    if kind.__module__ == "numpy":
        return _numpy_text(value, kind)
    return _object_text(value, kind, depth)


def _items_text(value: Any, kind: type, depth: int) -> str:
    first, last = "[]" if kind is list else "()" if kind is tuple else "{}"
    if depth >= MAX_DEPTH:
        return f"{first}…{last}"
    items = list(value.items() if kind is dict else value)[:MAX_ITEMS]
    if kind is dict:
        parts = [f"{_text(key, depth + 1)}: {_text(item, depth + 1)}" for key, item in items]
    else:
        parts = [_text(item, depth + 1) for item in items]
        parts = sorted(parts) if kind in (set, frozenset) else parts
    more = ", …" if len(value) > len(items) else ""
    return f"{first}{', '.join(parts)}{more}{last}"


def _numpy_text(value: Any, kind: type) -> str:
    if kind.__name__ == "ndarray" and value.ndim:
        return f"array(shape={value.shape}, dtype={value.dtype})"
    if callable(value):
        return str(getattr(value, "__name__", kind.__name__))
    if hasattr(value, "item"):
        return _text(value.item(), MAX_DEPTH)
    return f"<{kind.__name__}>"


def _object_text(value: Any, kind: type, depth: int) -> str:
    """Return an estimator as its class with the scalar params that are not the defaults; only the class of others."""
    if not hasattr(kind, "get_params") or depth >= MAX_DEPTH:
        shape = inspect.getattr_static(value, "shape", None)
        return f"<{kind.__name__} shape={shape}>" if type(shape) is tuple else f"<{kind.__name__}>"
    defaults = _defaults(kind)
    try:
        own = dict(value.get_params(deep=False))
    except Exception:  # noqa: BLE001 - as in `raw_params`
        own = {}
    given = {
        name: item
        for name, item in own.items()
        if issubclass(type(item), bool | int | float | str) and not _is(item, defaults.get(name))
    }
    return f"{kind.__name__}({', '.join(f'{name}={_text(item, depth + 1)}' for name, item in given.items())})"


def _is(value: Any, default: Any) -> bool:
    return type(value) is type(default) and bool(value == default)


@lru_cache(512)
def _defaults(kind: type) -> dict[str, Any]:
    try:
        return {name: each.default for name, each in inspect.signature(kind).parameters.items()}
    except (TypeError, ValueError):
        return {}
