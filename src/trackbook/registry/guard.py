"""A loaded model checks what it is called with, and is otherwise the plain object of its own class.

The check stands in the class, as a descriptor, and knows the instances that were loaded; nothing is put into them, so
that copies, clones, pickles and fingerprints are those of a model that was never stored.
"""

from __future__ import annotations

import copy
import functools
import inspect
import weakref
from collections.abc import Callable
from typing import Any

from trackbook.registry.signature import check_call

METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "score_samples", "transform",
           "inplace_predict")  # fmt: skip

Check = Callable[[Any], None]

_checks: dict[int, Check] = {}
"""By the ids of the models that were loaded and are still there."""


def guard(model: Any, inputs: list[dict[str, Any]], uri: str) -> bool:
    """Let `model` check its `inputs` at each call from now on, until it is fitted anew; False when its class cannot."""
    cls, key = type(model), id(model)
    try:
        weakref.finalize(model, _checks.pop, key, None).atexit = False
        for name in METHODS:
            _watch(cls, name)
    except TypeError:  # a class of an extension, or one with slots
        return False
    features = _features(model)

    def check(rows: Any) -> None:
        if _features(_alive()) == features:
            check_call(inputs, rows, uri)

    _alive = weakref.ref(model)
    _checks[key] = check
    return True


class GuardedMethod:
    """Stands in a class for one of its methods, and checks the rows that a loaded instance is given first."""

    def __init__(self, original: Any) -> None:
        self.__wrapped__ = original
        self.__doc__ = original.__doc__

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        bound = self.__wrapped__.__get__(instance, owner)
        check = None if instance is None else _checks.get(id(instance))
        return bound if check is None else _checked(bound, check)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any]]:
        return copy.copy, (self.__wrapped__,)


def _checked(method: Any, check: Check) -> Any:
    @functools.wraps(method)
    def checked(*arguments: Any, **keywords: Any) -> Any:
        __tracebackhide__ = True
        given = arguments or (keywords.get("X", next(iter(keywords.values()), None)),)
        check(given[0])
        return method(*arguments, **keywords)

    return checked


def _watch(cls: type, name: str) -> None:
    """Put a guarded method in the class, of `cls` and those it inherits from, which defines it."""
    owner = next((each for each in cls.__mro__ if name in vars(each)), None)
    if owner is None:
        return
    original = inspect.getattr_static(owner, name)
    if not isinstance(original, GuardedMethod) and hasattr(original, "__get__"):
        setattr(owner, name, GuardedMethod(original))


def _features(model: Any) -> tuple[Any, ...]:
    """Return what tells that a model was fitted anew: the names and the number of the features it takes."""
    names = getattr(model, "feature_names_in_", None)
    return (None if names is None else tuple(map(str, names)), getattr(model, "n_features_in_", None))
