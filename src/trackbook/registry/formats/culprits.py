"""Which part of a model cannot be kept: found by walking the model, told with its path and a remedy."""

from __future__ import annotations

import functools
import types
from collections.abc import Collection, Iterator
from typing import Any

MAX_VISITED = 20_000


def unkeepable(model: Any, error: Exception) -> str:
    """Return why skops could not write `model`: the innermost part that it fails on, and what to do."""
    path, value = _innermost(model)
    if isinstance(error, RecursionError):
        reason = "it refers to itself, or is nested too deeply"
    else:
        reason = f"{type(error).__name__}: {str(error)[:160]}"
    return _no_state(path, value, f"skops cannot store ({reason})")


def untrusted(model: Any, refused: Collection[str]) -> str:
    """Return which parts of `model` have one of the `refused` types, and what to do about the first of them."""
    for path, value in _walk(model):
        name = _described(value)
        if name not in refused:
            continue
        if isinstance(value, types.FunctionType) and value.__name__ == "<lambda>":
            return (
                f"the model cannot be kept: {path} is a lambda, which has no name to be found by when it is loaded. "
                f"Define it with `def` in a module of the project; {_how('yourmodule.its_name')}"
            )
        if not _has_state(value):
            return _no_state(path, value, "has no state that can be stored")
        kind = value if isinstance(value, type | types.FunctionType) else type(value)
        if "<locals>" in getattr(kind, "__qualname__", ""):
            return (
                f"the model cannot be kept: {path} is a {kind.__qualname__}, defined inside a function, where it is "
                f"not found again when it is loaded. Move it to the top of a module; "
                f"{_how(f'yourmodule.{kind.__name__}')}"
            )
        return f"the model cannot be kept: {path} is a {name}. {policy(refused)}{_notebook(name)}"
    return f"the model cannot be kept. {policy(refused)}"


def policy(refused: Collection[str]) -> str:
    """Return the sentence that says which types the project does not trust, and how it would."""
    names = sorted(refused)
    shown = ", ".join(name[:120] for name in names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    return f"The project does not trust {shown}; if you do, {_how(*names[:8])}"


def _no_state(path: str, value: Any, reason: str) -> str:
    return (
        f"the model cannot be kept: {path} is a {_type_name(type(value))}, which {reason}. Remove it before "
        "registering (close files, drop locks and generators), or keep what it stands for as numbers, text or arrays"
    )


def _has_state(value: Any) -> bool:
    """Say whether Python itself knows how to copy `value`; it does not for locks, sockets and their like."""
    try:
        value.__reduce_ex__(4)
    except Exception:  # noqa: BLE001 - whatever an object does when it is asked, the answer is "no"
        return False
    return True


def _how(*names: str) -> str:
    listed = ", ".join(f'"{name[:120]}"' for name in names)
    return f"list it in trackbook.toml: [models] trusted = [{listed}]"


def _notebook(name: str) -> str:
    if not name.startswith("__main__."):
        return ""
    return ". It is defined in the notebook, so only this notebook could load it: better move it to a module first"


def _innermost(model: Any) -> tuple[str, Any]:
    """Follow the parts that fail on their own, down to one whose parts are all fine."""
    path, value = "model", model
    for _ in range(50):
        bad = next(((name, part) for name, part in _parts(value) if not _keepable(part)), None)
        if bad is None:
            break
        path, value = f"{path}{bad[0]}", bad[1]
    return path, value


def _keepable(value: Any) -> bool:
    import skops.io

    try:
        skops.io.dumps(value)
    except Exception:  # noqa: BLE001 - any failure whatever is the answer "no"
        return False
    return True


def _walk(model: Any) -> Iterator[tuple[str, Any]]:
    """Yield the parts of `model` with their paths, nearest first."""
    seen: set[int] = set()
    queue = [("model", model)]
    for path, value in queue:
        if id(value) in seen or len(seen) > MAX_VISITED:
            continue
        seen.add(id(value))
        yield path, value
        queue += [(f"{path}{name}", part) for name, part in _parts(value)]


def _parts(value: Any) -> list[tuple[str, Any]]:
    """Return what `value` holds, each with how code would reach it from there."""
    if isinstance(value, dict):
        return [(f"[{key!r:.40}]", part) for key, part in value.items()]
    if isinstance(value, list | tuple | set | frozenset):
        return [(f"[{place}]", part) for place, part in enumerate(value)]
    if isinstance(value, functools.partial):
        return [(".func", value.func), (".args", value.args), (".keywords", value.keywords)]
    if isinstance(value, types.MethodType):
        return [(".__self__", value.__self__)]
    if isinstance(value, type | types.FunctionType | types.ModuleType):
        return []
    if getattr(getattr(value, "dtype", None), "hasobject", False):
        return [(f".flat[{place}]", part) for place, part in enumerate(value.ravel().tolist())]
    return [(f".{name}", part) for name, part in getattr(value, "__dict__", {}).items()]


def _described(value: Any) -> str:
    """Return the name that skops has for `value` in its list of types."""
    if isinstance(value, types.MethodType):
        return f"{_type_name(type(value.__self__))}.{value.__name__}"
    named = isinstance(value, type | types.FunctionType | types.BuiltinFunctionType)
    return _type_name(value if named else type(value))


def _type_name(kind: Any) -> str:
    return f"{getattr(kind, '__module__', None) or '__main__'}.{getattr(kind, '__name__', '?')}"
