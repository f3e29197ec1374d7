"""scikit-learn as the user calls it: which estimators were fitted, and what the metric functions said.

`fit` and `score` are wrapped on the estimator classes, and the metric functions inside scikit-learn's own
validation wrapper, so that it does not matter when or under what name they were imported.  A call counts when the
user's own code makes it; what scikit-learn calls inside itself does not.
"""

from __future__ import annotations

import functools
import inspect
import math
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import Any, Protocol

import wrapt

from trackbook.capture.files import is_library

MAX_PARAM_LENGTH = 250


class EstimatorSink(Protocol):
    """Receives what is observed; called in the user's thread, so it must be quick and must not raise."""

    def fitted(self, estimator: Any) -> None:
        """Take note of an estimator whose `fit` has returned."""

    def measured(self, name: str, value: float, caller: FrameType) -> None:
        """Take note of a metric function's result; `caller` is the frame that called it."""


class EstimatorObserver:
    """Hands observations to the sink that came last; costs one test a call while there is none.

    There is one a process, `observer`, because scikit-learn can be wrapped only once.
    """

    def __init__(self) -> None:
        self._sinks: list[EstimatorSink] = []
        self._local = threading.local()
        self._installed = False
        self._said: set[str] = set()

    def start(self, sink: EstimatorSink) -> None:
        """Begin to observe for `sink`; scikit-learn is wrapped once, now or when it is first imported."""
        if not self._installed:
            self._installed = True
            wrapt.register_post_import_hook(self._wrap_estimators, "sklearn.base")
            wrapt.register_post_import_hook(self._wrap_metrics, "sklearn.metrics")
        self._sinks.append(sink)

    def stop(self, sink: EstimatorSink) -> None:
        """Stop observing for `sink`; the sink before it, if any, takes over again."""
        if sink in self._sinks:
            self._sinks.remove(sink)

    # -- wrapping

    def _wrap_estimators(self, module: ModuleType) -> None:
        for name in ("ClassifierMixin", "RegressorMixin", "ClusterMixin", "DensityMixin", "OutlierMixin"):
            if hasattr(module, name):
                self._wrap_class(getattr(module, name))
        base = module.BaseEstimator
        for cls in _descendants(base):
            self._wrap_class(cls)
        observer = self

        def __init_subclass__(cls: Any, /, **keywords: Any) -> None:
            super(base, cls).__init_subclass__(**keywords)
            observer._wrap_class(cls)

        base.__init_subclass__ = classmethod(__init_subclass__)

    def _wrap_class(self, cls: type) -> None:
        for name, wrap in (("fit", self._wrap_fit), ("score", self._wrap_score)):
            function = cls.__dict__.get(name)
            own = getattr(function, "fn", None)  # of `available_if`, which pipelines guard their methods with
            if inspect.isfunction(function) and not hasattr(function, "_trackbook"):
                setattr(cls, name, wrap(function))
            elif inspect.isfunction(own) and not hasattr(own, "_trackbook"):
                function.fn = wrap(own)  # type: ignore[union-attr]

    def _wrap_fit(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def fit(estimator: Any, *arguments: Any, **keywords: Any) -> Any:
            __tracebackhide__ = True
            if not self._sinks or self._inside() or is_library(sys._getframe(1).f_code.co_filename):
                return function(estimator, *arguments, **keywords)
            with self._entered():
                result = function(estimator, *arguments, **keywords)
            self._tell(lambda sink: sink.fitted(estimator))
            return result

        fit._trackbook = True  # type: ignore[attr-defined]
        return fit

    def _wrap_score(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def score(estimator: Any, *arguments: Any, **keywords: Any) -> Any:
            __tracebackhide__ = True
            return self._measure("score", 1, function, (estimator, *arguments), keywords)

        score._trackbook = True  # type: ignore[attr-defined]
        return score

    def _wrap_metrics(self, module: ModuleType) -> None:
        for name in module.__all__:
            function = getattr(module, name)
            cell = _validated_function(function)
            if cell is not None and name.endswith(("_score", "_loss", "_error", "_coef", "_deviance", "auc")):
                cell.cell_contents = self._wrap_metric(name, cell.cell_contents)

    def _wrap_metric(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def metric(*arguments: Any, **keywords: Any) -> Any:
            __tracebackhide__ = True
            # Frame 1 is scikit-learn's validation wrapper, frame 2 whoever called it.
            return self._measure(name, 2, function, arguments, keywords)

        return metric

    def _measure(
        self, name: str, depth: int, function: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> Any:
        __tracebackhide__ = True
        caller = sys._getframe(depth + 1)
        if not self._sinks or self._inside() or is_library(caller.f_code.co_filename):
            return function(*arguments, **keywords)
        with self._entered():
            value = function(*arguments, **keywords)
        number = as_number(value)
        if number is not None:
            self._tell(lambda sink: sink.measured(name, number, caller))
        return value

    def _tell(self, report: Callable[[EstimatorSink], None]) -> None:
        """Report to the sink; its fault is a line for the user to see, never an exception in the user's call."""
        try:
            report(self._sinks[-1])
        except Exception as fault:  # noqa: BLE001 - as above
            text = f"Trackbook: what scikit-learn did is not recorded: {fault}"
            if text not in self._said:
                self._said.add(text)
                print(text, file=sys.stderr)

    def _inside(self) -> bool:
        return getattr(self._local, "inside", False)

    @contextmanager
    def _entered(self) -> Iterator[None]:
        self._local.inside = True
        try:
            yield
        finally:
            self._local.inside = False


observer = EstimatorObserver()


def estimator_params(estimator: Any) -> dict[str, str]:
    """Return the estimator's own params as text; nested estimators and arrays are left to later detail."""
    params: dict[str, str] = {}
    try:
        own = estimator.get_params(deep=False)
    except Exception:  # noqa: BLE001 - a class that keeps no convention has no params to show
        return params
    for name, value in own.items():
        if value is None or isinstance(value, bool | int | float | str):
            text = str(value)
            if len(text) <= MAX_PARAM_LENGTH:
                params[name] = text
    return params


def as_number(value: Any) -> float | None:
    """Return a real scalar as a float, or None for anything else."""
    try:
        if isinstance(value, bool) or getattr(value, "ndim", 0) != 0:
            return None
        number = float(value)
        return number if isinstance(value, int | float) or hasattr(value, "dtype") or math.isfinite(number) else None
    except Exception:  # noqa: BLE001 - the value may be any object of the user's
        return None


def _validated_function(function: Any) -> Any:
    """Return the closure cell in which scikit-learn's `validate_params` keeps the function itself, or None."""
    code = getattr(function, "__code__", None)
    if code is None or "func" not in code.co_freevars or not hasattr(function, "_skl_parameter_constraints"):
        return None
    return function.__closure__[code.co_freevars.index("func")]


def _descendants(cls: type) -> Iterator[type]:
    children: list[type] = type.__subclasses__(cls)
    for child in children:
        yield child
        yield from _descendants(child)
