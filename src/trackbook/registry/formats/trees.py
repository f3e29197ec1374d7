"""Fitted trees that were read from a file: safe to predict with, or refused.

scikit-learn's trees hold raw indices (children, features) that its compiled code follows without a bounds check, so a
crafted file could make `predict` read foreign memory or never end.  skops can judge types only, and therefore trusts
no tree.  Here the *content* is judged: every index inside its array, children behind their parents (no cycles), and
features no more than the estimator admits.
"""

from __future__ import annotations

import gc
import types
from collections.abc import Iterator
from typing import Any

import numpy as np

from trackbook.errors import RegistryError

TREE = "sklearn.tree._tree.Tree"
PREDICTOR = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"

_NOT_ENTERED = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.CodeType)


def check(model: Any) -> None:
    """Raise RegistryError when a tree anywhere in `model` holds an index that points outside of it."""
    found, judged = {}, set()
    for value in _everything(model):
        if _name(value) in (TREE, PREDICTOR):
            found[id(value)] = value
        elif _is_estimator(value):
            for tree in _trees_of(value):
                _check_owned(tree, value)
                judged.add(id(tree))
    stray = next((tree for key, tree in found.items() if key not in judged), None)
    if stray is not None:
        raise _refusal(stray, "no estimator around it says how many features it may read")


def _check_owned(tree: Any, owner: Any) -> None:
    features = getattr(owner, "n_features_in_", None)
    if isinstance(features, bool) or not isinstance(features, int | np.integer):
        raise _refusal(tree, f"its {type(owner).__name__} does not say how many features it takes")
    if _name(tree) == TREE:
        _check_tree(tree, int(features))
    elif _name(tree) == PREDICTOR:
        _check_predictor(tree, int(features))
    else:
        raise _refusal(tree, f"a {type(owner).__name__} follows it as a tree, and it is none")


def _check_tree(tree: Any, features: int) -> None:
    count = int(tree.node_count)
    if count < 1 or count != int(tree.capacity):
        raise _refusal(tree, f"it claims {count} nodes and holds {int(tree.capacity)}")
    if int(tree.n_features) != features:
        raise _refusal(tree, f"it reads {int(tree.n_features)} features of the {features} that its estimator takes")
    leaf = tree.children_left == -1
    _check_children(tree, leaf, tree.children_left, tree.children_right)
    _check_features(tree, tree.feature[~leaf], features)


def _check_predictor(predictor: Any, features: int) -> None:
    nodes = predictor.nodes
    if not isinstance(nodes, np.ndarray) or nodes.ndim != 1 or len(nodes) < 1 or nodes.dtype.names is None:
        raise _refusal(predictor, "its nodes are no list of nodes")
    leaf = nodes["is_leaf"] != 0
    _check_children(predictor, leaf, nodes["left"].astype(np.int64), nodes["right"].astype(np.int64))
    _check_features(predictor, nodes["feature_idx"][~leaf], features)
    sets = min(len(predictor.binned_left_cat_bitsets), len(predictor.raw_left_cat_bitsets))
    categorical = (nodes["is_categorical"] != 0) & ~leaf
    if (nodes["bitset_idx"][categorical] >= sets).any():
        raise _refusal(predictor, f"a node asks for a set of categories beyond the {sets} that there are")


def _check_children(tree: Any, leaf: Any, left: Any, right: Any) -> None:
    here = np.arange(len(leaf))
    for children in (left, right):
        inner, at = children[~leaf], here[~leaf]
        if ((inner <= at) | (inner >= len(leaf))).any():
            raise _refusal(tree, f"a node has a child that is not one of the {len(leaf)} nodes behind it")


def _check_features(tree: Any, used: Any, features: int) -> None:
    if ((used < 0) | (used >= features)).any():
        raise _refusal(tree, f"a node reads feature {int(used.max())} of {features}")


def _everything(model: Any) -> Iterator[Any]:
    """Yield `model` and all objects that it holds, at any depth, each once; classes and code are not entered."""
    seen: set[int] = set()
    stack = [model]
    while stack:
        value = stack.pop()
        if id(value) in seen or isinstance(value, _NOT_ENTERED):
            continue
        seen.add(id(value))
        yield value
        stack += _parts(value)


def _trees_of(estimator: Any) -> Iterator[Any]:
    """Yield the trees that `estimator` follows itself when it predicts.

    A forest asks its estimators, each of which checks its own features; boosting follows the trees inside directly.
    """
    from sklearn.ensemble import (
        GradientBoostingClassifier,
        GradientBoostingRegressor,
        HistGradientBoostingClassifier,
        HistGradientBoostingRegressor,
    )

    state = vars(estimator)
    if "tree_" in state:
        yield state["tree_"]
    if isinstance(estimator, GradientBoostingClassifier | GradientBoostingRegressor):
        yield from (each.tree_ for each in np.ravel(state.get("estimators_", ())))
    if isinstance(estimator, HistGradientBoostingClassifier | HistGradientBoostingRegressor):
        yield from (tree for group in state.get("_predictors", ()) for tree in group)


def _parts(value: Any) -> list[Any]:
    # Arrays of objects hide their items from the garbage collector; everything else shows what it holds.
    if isinstance(value, np.ndarray):
        return list(value.ravel()) if value.dtype.hasobject else []
    if isinstance(value, str | bytes | int | float):
        return []
    return gc.get_referents(value)


def _is_estimator(value: Any) -> bool:
    from sklearn.base import BaseEstimator

    return isinstance(value, BaseEstimator)


def _name(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _refusal(tree: Any, reason: str) -> RegistryError:
    return RegistryError(
        f"the model holds a {type(tree).__name__} that must not be used: {reason}. The file was damaged or crafted; "
        "register the model again from its source"
    )
