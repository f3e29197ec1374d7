"""scikit-learn as the user calls it: which estimators were fitted, and what metrics and cross-validation said.

The methods of the estimator classes are watched through descriptors, and the functions inside scikit-learn's own
validation wrapper, so that it does not matter when or under what name they were imported.  A call counts when the
user's own code makes it; what scikit-learn, or another library, calls inside itself does not.
"""

from __future__ import annotations

import copy
import functools
import inspect
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType, FunctionType, MethodType, ModuleType
from typing import Any, Protocol

import wrapt

from trackbook.capture.estimators.measures import as_number, is_metric, scorer_name
from trackbook.capture.files.watcher import is_library
from trackbook.errors import reason_of, tell

MIXINS = ("ClassifierMixin", "RegressorMixin", "ClusterMixin", "DensityMixin", "OutlierMixin", "TransformerMixin")
FITS = ("fit", "partial_fit", "fit_predict", "fit_transform")
VALIDATIONS = ("cross_val_score", "cross_validate")


@dataclass(frozen=True, slots=True)
class Fit:
    """A call of one of `FITS` that has returned after `seconds`; `given` are its arguments by name."""

    estimator: Any
    method: str
    seconds: float
    given: Mapping[str, Any]
    caller: FrameType


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a metric function, a scorer or `score` returned, and to whom."""

    name: str
    value: Any
    given: Mapping[str, Any]
    caller: FrameType


@dataclass(frozen=True, slots=True)
class Validation:
    """What `cross_val_score` or `cross_validate` returned for an estimator, and to whom."""

    name: str
    value: Any
    estimator: Any
    caller: FrameType


class EstimatorSink(Protocol):
    """Receives what is observed, in the user's thread; nothing that it calls is observed again."""

    def fitted(self, fit: Fit) -> None:
        """Take note of an estimator that was fitted."""

    def measured(self, measurement: Measurement) -> None:
        """Take note of a metric."""

    def validated(self, validation: Validation) -> None:
        """Take note of a cross-validation."""


class EstimatorObserver:
    """Hands observations to the sink that came last; costs one test a call while there is none.

    There is one a process, `observer`, because scikit-learn can be watched only once.
    """

    def __init__(self) -> None:
        self.sinks: list[EstimatorSink] = []
        self._local = threading.local()
        self._installed = False
        self._said: set[str] = set()
        self._folder = "\0"  # of scikit-learn, once it is imported

    def start(self, sink: EstimatorSink, *, beneath: bool = False) -> None:
        """Begin to observe for `sink`, `beneath` all others if asked; scikit-learn may be imported later."""
        if not self._installed:
            self._installed = True
            wrapt.register_post_import_hook(self._watch_estimators, "sklearn.base")
            wrapt.register_post_import_hook(self._watch_metrics, "sklearn.metrics")
            wrapt.register_post_import_hook(self._watch_validations, "sklearn.model_selection")
        self.sinks.insert(0 if beneath else len(self.sinks), sink)

    def stop(self, sink: EstimatorSink) -> None:
        """Stop observing for `sink`; the sink before it, if any, takes over again."""
        if sink in self.sinks:
            self.sinks.remove(sink)

    @property
    def inside(self) -> bool:
        """Whether this thread is inside a call that counts, or reporting one."""
        return getattr(self._local, "inside", False)

    # -- what is watched

    def _watch_estimators(self, module: ModuleType) -> None:
        self._folder = os.path.dirname(module.__file__ or "\0") + os.sep  # noqa: PTH120 - compared as text
        base = module.BaseEstimator
        for cls in (*(getattr(module, name) for name in MIXINS if hasattr(module, name)), *_descendants(base)):
            self._watch_class(cls)
        # A transformer's new class is changed once more by its mixin.
        for root in (base, getattr(sys.modules.get("sklearn.utils._set_output"), "_SetOutputMixin", base)):
            self._watch_subclasses(root)

    def _watch_subclasses(self, root: Any) -> None:
        own = root.__dict__.get("__init_subclass__")

        def __init_subclass__(cls: Any, /, **keywords: Any) -> None:
            if own is None:
                super(root, cls).__init_subclass__(**keywords)
            else:
                own.__func__(cls, **keywords)
            self._watch_class(cls)

        root.__init_subclass__ = classmethod(__init_subclass__)

    def _watch_class(self, cls: type) -> None:
        for name in FITS:
            self._watch_method(cls, name, self._watched_fit)
        self._watch_method(cls, "score", self._watched_measure)

    def _watch_method(self, cls: type, name: str, watched: Callable[[str, FunctionType], FunctionType]) -> None:
        original = cls.__dict__.get(name)
        function = getattr(original, "fn", original)  # `available_if`, which guards methods, keeps it in `fn`
        if isinstance(function, FunctionType) and not getattr(function, "__isabstractmethod__", False):
            setattr(cls, name, WatchedMethod(self, original, watched(name, function)))

    def _watch_metrics(self, module: ModuleType) -> None:
        for name in filter(is_metric, module.__all__):
            _replace(getattr(module, name), functools.partial(self._watched_function, name, Measurement))
        scorers = sys.modules.get("sklearn.metrics._scorer")
        for name in ("_BaseScorer", "_PassthroughScorer", "_MultimetricScorer"):
            if hasattr(scorers, name):
                self._watch_method(getattr(scorers, name), "__call__", self._watched_measure)

    def _watch_validations(self, module: ModuleType) -> None:
        for name in VALIDATIONS:
            _replace(getattr(module, name), functools.partial(self._watched_function, name, Validation))

    # -- the calls

    def _watched_fit(self, name: str, function: FunctionType) -> Any:
        names = _argument_names(function)

        @functools.wraps(function)
        def fit(estimator: Any, *arguments: Any, **keywords: Any) -> Any:
            __tracebackhide__ = True
            caller = self._caller(sys._getframe(1))
            if caller is None:
                return function(estimator, *arguments, **keywords)
            with self._entered():
                start = time.perf_counter()
                result = function(estimator, *arguments, **keywords)
                seconds = time.perf_counter() - start
                given = dict(zip(names, arguments, strict=False)) | keywords
                self._tell(lambda sink: sink.fitted(Fit(estimator, name, seconds, given, caller)))
            return result

        return fit

    def _watched_measure(self, name: str, function: FunctionType) -> Any:
        @functools.wraps(function)
        def measure(subject: Any, *arguments: Any, **keywords: Any) -> Any:
            __tracebackhide__ = True
            caller = self._caller(sys._getframe(1))
            if caller is None:
                return function(subject, *arguments, **keywords)
            with self._entered():
                value = function(subject, *arguments, **keywords)
                word = name if name == "score" else scorer_name(subject)
                self._tell(lambda sink: sink.measured(Measurement(word, value, {}, caller)))
            return value

        return measure

    def _watched_function(
        self, name: str, kind: type[Measurement] | type[Validation], function: FunctionType
    ) -> FunctionType:
        names = _argument_names(function, start=0)

        @functools.wraps(function)
        def call(*arguments: Any, **keywords: Any) -> Any:
            __tracebackhide__ = True
            # Frame 1 is scikit-learn's validation wrapper, frame 2 whoever called it.
            caller = self._caller(sys._getframe(2)) if self.sinks else None
            if caller is None:
                return function(*arguments, **keywords)
            with self._entered():
                value = function(*arguments, **keywords)
                given = dict(zip(names, arguments, strict=False)) | keywords
                if kind is Measurement:
                    self._tell(lambda sink: sink.measured(Measurement(name, value, given, caller)))
                else:
                    self._tell(lambda sink: sink.validated(Validation(name, value, given.get("estimator"), caller)))
            return value

        call.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]  # asked for at every call
        return call  # type: ignore[return-value]

    def _caller(self, frame: FrameType) -> FrameType | None:
        """Return the frame of the user's that makes a call which counts; None when the call does not."""
        if not self.sinks or self.inside:
            return None
        if is_library(frame.f_code.co_filename):
            return None
        # The user's code may itself be called by scikit-learn: a scorer, a function in a pipeline.
        above: FrameType | None = frame
        while above is not None:
            if above.f_code.co_filename.startswith(self._folder):
                return None
            above = above.f_back
        return frame

    def _tell(self, report: Callable[[EstimatorSink], None]) -> None:
        """Report to the sink; its fault is a line for the user to see, never an exception in the user's call."""
        try:
            report(self.sinks[-1])
        except Exception as fault:  # noqa: BLE001 - as above
            text = f"Trackbook: what scikit-learn did is not recorded: {reason_of(fault)}"
            if text not in self._said:
                self._said.add(text)
                tell(text)

    @contextmanager
    def _entered(self) -> Iterator[None]:
        self._local.inside = True
        try:
            yield
        finally:
            self._local.inside = False


class WatchedMethod:
    """Stands in a class for one of its methods.

    On the class, and while nobody observes, it gives the method itself, so that signatures, documentation and
    tracebacks are as they were; a pickled class holds the method too, and needs no Trackbook to load.
    """

    def __init__(self, observer: EstimatorObserver, original: Any, watched: FunctionType) -> None:
        self._observer = observer
        self._watched = watched
        self.__wrapped__ = original
        self.__doc__ = original.__doc__
        self._bind = original.__get__

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        bound = self._bind(instance, owner)  # of a guarded method, this may raise AttributeError
        if instance is None or not self._observer.sinks or self._observer.inside:
            return bound
        return MethodType(self._watched, instance)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any]]:
        return copy.copy, (self.__wrapped__,)


observer = EstimatorObserver()


def _replace(function: Any, watched: Callable[[FunctionType], FunctionType]) -> None:
    """Put a watched function into the closure cell in which scikit-learn's `validate_params` keeps its function."""
    code = getattr(function, "__code__", None)
    if code is not None and "func" in code.co_freevars and hasattr(function, "_skl_parameter_constraints"):
        cell = function.__closure__[code.co_freevars.index("func")]
        cell.cell_contents = watched(cell.cell_contents)


def _argument_names(function: Any, start: int = 1) -> tuple[str, ...]:
    code = inspect.unwrap(function).__code__
    return tuple(code.co_varnames[start : code.co_argcount])


def _descendants(cls: type) -> Iterator[type]:
    children: list[type] = type.__subclasses__(cls)
    for child in children:
        yield child
        yield from _descendants(child)


__all__ = ["EstimatorObserver", "EstimatorSink", "Fit", "Measurement", "Validation", "as_number", "observer"]
