"""Trackbook turns a Jupyter notebook into a complete MLOps system.

>>> import trackbook as tb
>>> with tb.start_run("first try"):
...     tb.log_param("depth", 3)
...     tb.log_metric("accuracy", 0.93)

In a notebook: `%load_ext trackbook`, then `%%track` on the first line of a cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# The names are spelt out for type checkers, and loaded on first use so that the import costs next to nothing.
if TYPE_CHECKING:
    from trackbook.fluent import (
        active_run,
        autolog,
        delete_run,
        detect_drift,
        edit_run,
        end_run,
        get_run,
        load_data,
        load_model,
        log_artifact,
        log_figure,
        log_metric,
        log_metrics,
        log_param,
        log_params,
        promote_model,
        register_model,
        reproduce,
        search_runs,
        set_experiment,
        set_tag,
        set_tags,
        snapshot,
        start_run,
        undelete_run,
    )
    from trackbook.ipython import unload_ipython_extension as unload_ipython_extension
    from trackbook.server import _jupyter_server_extension_points as _jupyter_server_extension_points

__all__ = [
    "active_run",
    "autolog",
    "delete_run",
    "detect_drift",
    "edit_run",
    "end_run",
    "get_run",
    "load_data",
    "load_model",
    "log_artifact",
    "log_figure",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "promote_model",
    "register_model",
    "reproduce",
    "search_runs",
    "set_experiment",
    "set_tag",
    "set_tags",
    "snapshot",
    "start_run",
    "undelete_run",
]

_ELSEWHERE = {
    "unload_ipython_extension": "trackbook.ipython",
    "_jupyter_server_extension_points": "trackbook.server",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in __all__ or name in _ELSEWHERE:
        found = globals()[name] = getattr(import_module(_ELSEWHERE.get(name, "trackbook.fluent")), name)
        return found
    raise AttributeError(f"module 'trackbook' has no attribute {name!r}")


def load_ipython_extension(shell: Any) -> None:
    """Load the magics into IPython, and hand them the widgets: the faces meet here, and know nothing of each other."""
    from trackbook import widgets
    from trackbook.ipython import load_ipython_extension as load

    load(shell, widgets)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
