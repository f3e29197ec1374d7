"""What `metric` in a gate names: a scorer of scikit-learn, or a callable of the project's, with its source."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import numpy as np
from blake3 import blake3

from trackbook.errors import SettingsError, nearest
from trackbook.registry.gates.replies import Replies

LONGEST_SOURCE = 4000


class Scorer(msgspec.Struct, frozen=True):
    """Scores answers: `score` takes the places of rows, the true values there and the replies; greater is better.

    `digest` and `source` are of a callable of the project's; `each` gives a score for each row, where it does.
    """

    name: str
    score: Callable[[Any, Any, Replies], float]
    digest: str | None = None
    source: str | None = None
    each: Callable[[Any, Replies], Any] | None = None


def resolve(name: str, root: Path | None) -> Scorer:
    """Return the scorer that `name` names; modules of the project lie in `root`.  Raises SettingsError."""
    if ":" in name:
        return _of_project(name, root)
    from sklearn.metrics import get_scorer, get_scorer_names

    known = get_scorer_names()
    if name not in known:
        raise SettingsError(
            f"scikit-learn has no scorer {name!r}{nearest(name, known)}; name one of `sklearn.metrics."
            "get_scorer_names()`, or a callable of the project as 'module:callable'"
        )
    scorer = get_scorer(name)
    return Scorer(name, lambda places, truth, replies: float(scorer(replies.replay, places, truth)))


def digest_of(name: str, root: Path | None) -> str | None:
    """Return the digest of the module that a callable of the project stands in; None for scikit-learn's scorers.

    Nothing of the module runs.
    """
    if ":" not in name:
        return None
    path = _path_of(name.partition(":")[0], root)
    return blake3(path.read_bytes()).hexdigest() if path is not None else None


def _of_project(name: str, root: Path | None) -> Scorer:
    module_name, _, attribute = name.partition(":")
    digest = digest_of(name, root)
    module = _load(module_name, root)
    function = getattr(module, attribute, None)
    if not callable(function):
        raise SettingsError(f"{module_name} has no function {attribute!r}{nearest(attribute, vars(module))}")

    def each(truth: Any, replies: Replies) -> Any:
        return function(truth, replies.labels)

    def score(places: Any, truth: Any, replies: Replies) -> float:
        return float(np.mean(function(truth, replies.labels[places])))

    return Scorer(name, score, digest, _source(function), each)


def _path_of(module: str, root: Path | None) -> Path | None:
    """Return the file of a module of the project, else of an installed one that is not built in."""
    if root is not None:
        base = root.joinpath(*module.split("."))
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return path
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError, AttributeError):
        return None
    return Path(spec.origin) if spec is not None and spec.origin and Path(spec.origin).is_file() else None


def _load(name: str, root: Path | None) -> ModuleType:
    path = _path_of(name, root)
    if path is None:
        raise SettingsError(f"there is no module {name!r} in the project, nor one that is installed")
    if root is None or not path.is_relative_to(root):
        return importlib.import_module(name)
    # Run anew from the file whose digest is kept, whatever of that name was imported before.
    spec = importlib.util.spec_from_file_location(f"_trackbook_scorer_{name.replace('.', '_')}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(root))
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), vars(module))  # noqa: S102 - the policy names this file
    finally:
        sys.path.remove(str(root))
    return module


def _source(function: Any) -> str | None:
    try:
        return inspect.getsource(function)[:LONGEST_SOURCE]
    except (OSError, TypeError):
        return None
