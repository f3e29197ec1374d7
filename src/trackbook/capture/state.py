"""State of the process that cells share without naming it: folder, environment, options, filters, figures.

Pieces have the names that `trackbook.cells.catalogue` gives them, so that what was seen to change joins what the code
says.  Only digests are kept, never a value: the environment holds secrets.
"""

from __future__ import annotations

import locale
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from blake3 import blake3

from trackbook.cells.catalogue import CWD, PYPLOT

LIBRARY_VARIABLES = ("KMP_", "OMP_", "MKL_", "OPENBLAS_")
"""How the names of environment variables begin that numeric libraries set by themselves when they are imported."""

_ABSENT = ""
_INLINE = "module://matplotlib_inline.backend_inline"

COMPLETE = frozenset(
    {
        "matplotlib.backend",
        "matplotlib.rcParams",
        "numpy.printoptions",
        "pandas.options",
        "sklearn.config",
        "warnings.filters",
    }
)
"""Pieces whose digests tell all that they hold: what is equal before and after a cell was not changed by it."""


def process_state() -> dict[str, str]:
    """Return digests of the state of the process by its name in the catalogue; costs about 0.1 ms.

    Libraries count once they are imported.  A piece that cannot be read is told by the error that says so.
    """
    return {name: _digest(probe) for name, probe in _PROBES.items() if _is_loaded(name)} | {PYPLOT: _digest(_figures)}


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> frozenset[str]:
    """Name what differs.  What a library brought along that was only now imported is not a change."""
    return frozenset(name for name, digest in before.items() if after.get(name, digest) != digest)


def kept(before: Mapping[str, str], after: Mapping[str, str]) -> frozenset[str]:
    """Name what is known to be the same as before."""
    return frozenset(name for name in COMPLETE if name in before and before[name] == after.get(name))


def fresh(state: Mapping[str, str]) -> frozenset[str]:
    """Name what is known to be as in a new process: figures, where none is open."""
    return frozenset({PYPLOT} if state.get(PYPLOT) == _ABSENT else ())


def environment_variables() -> Iterator[tuple[str, str]]:
    """Yield the environment's variables, but for those that numeric libraries set by themselves."""
    return ((name, value) for name, value in sorted(os.environ.items()) if not name.startswith(LIBRARY_VARIABLES))


class _Kept:
    """A probe of something large: its text is made again only when its parts are no longer equal to those before."""

    def __init__(self, parts: Callable[[], Any], text: Callable[[], object]) -> None:
        self._parts = parts
        self._text = text
        self._last: tuple[Any, object] | None = None

    def __call__(self) -> object:
        parts = self._parts()
        if self._last is None or self._last[0] != parts:
            self._last = (parts, blake3(repr(self._text()).encode("utf-8", "surrogatepass")).hexdigest())
        return self._last[1]


def _digest(probe: Callable[[], object]) -> str:
    try:
        found = probe()
        text = repr(found)
    except Exception as error:  # noqa: BLE001 - an option may be any object of the user's, the folder may be gone
        text = f"{type(error).__name__}: {error}"
        found = text
    return blake3(text.encode("utf-8", "surrogatepass")).hexdigest()[:32] if found is not None else _ABSENT


def _is_loaded(name: str) -> bool:
    root = name.partition(".")[0]
    return root not in _LIBRARIES or root in sys.modules


def _filters() -> object:
    return [
        (action, getattr(message, "pattern", message), str(category), getattr(module, "pattern", module), line)
        for action, message, category, module, line in warnings.filters
    ]


def _levels() -> object:
    root = logging.getLogger()
    known = list(root.manager.loggerDict.items())
    levels = [(name, logger.level) for name, logger in known if isinstance(logger, logging.Logger) and logger.level]
    return root.level, [type(handler).__name__ for handler in root.handlers], root.manager.disable, sorted(levels)


def _decimal() -> object:
    context = _module("decimal").getcontext()
    # Its flags say what happened, not what will happen.
    traps = [signal.__name__ for signal, on in context.traps.items() if on]
    return context.prec, context.rounding, context.Emin, context.Emax, context.capitals, context.clamp, sorted(traps)


def _pandas() -> object:
    return object.__getattribute__(_module("pandas").options, "d")


def _matplotlib() -> list[tuple[str, object]]:
    settings = getattr(_module("matplotlib"), "rcParams", {})
    # Reading the backend through the mapping would choose one; whether it is interactive, backends decide when loaded.
    return [(name, value) for name, value in dict.items(settings) if name not in ("backend", "interactive")]


def _settings() -> list[object]:
    # A list or dict among them may be changed in place.
    values = dict.values(getattr(_module("matplotlib"), "rcParams", {}))
    return [value.copy() if type(value) is list or type(value) is dict else value for value in values]


def _backend() -> object:
    """Return the backend, None for the one that Matplotlib takes by itself, whether it has done so or not yet."""
    chosen = dict.get(getattr(_module("matplotlib"), "rcParams", {}), "backend")
    default = dict.get(getattr(_module("matplotlib"), "rcParamsOrig", {}), "backend")
    if not isinstance(chosen, str) or chosen == default:
        return None
    names = [name.lower().replace(_INLINE, "inline") for name in (chosen, os.environ.get("MPLBACKEND", ""))]
    return names[0] if names[0] != names[1] else None


def _figures() -> object:
    pyplot = sys.modules.get("matplotlib._pylab_helpers")
    if pyplot is None:
        return None
    managers = list(pyplot.Gcf.figs.items())
    return [
        (number, [len(axes.get_children()) for axes in manager.canvas.figure.axes]) for number, manager in managers
    ] or None


def _torch() -> object:
    torch = _module("torch")
    return (
        str(torch.get_default_dtype()),
        torch.get_num_threads(),
        torch.is_grad_enabled(),
        torch.are_deterministic_algorithms_enabled(),
    )


def _module(name: str) -> Any:
    return sys.modules[name]


_LIBRARIES = frozenset({"decimal", "pandas", "numpy", "matplotlib", "sklearn", "torch"})
_PROBES: dict[str, Callable[[], object]] = {
    CWD: os.getcwd,
    "os.environ": _Kept(lambda: dict(getattr(os.environ, "_data", os.environ)), lambda: list(environment_variables())),
    "sys.path": lambda: sys.path,
    "sys.argv": lambda: sys.argv,
    "sys.recursionlimit": sys.getrecursionlimit,
    "warnings.filters": _Kept(lambda: list(warnings.filters), _filters),
    "locale.settings": lambda: locale.setlocale(locale.LC_ALL),
    "logging.root": _levels,
    "decimal.context": _decimal,
    "pandas.options": _pandas,
    "numpy.printoptions": lambda: _module("numpy").get_printoptions(),
    "numpy.errstate": lambda: _module("numpy").geterr(),
    "matplotlib.rcParams": _Kept(_settings, _matplotlib),
    "matplotlib.backend": _backend,
    "sklearn.config": lambda: _module("sklearn").get_config(),
    "torch.defaults": _torch,
}

LIBRARY_STATE = frozenset(name for name in _PROBES if name.partition(".")[0] in _LIBRARIES)
"""Pieces that are there only once their library is imported."""
