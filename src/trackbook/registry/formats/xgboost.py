"""XGBoost models in XGBoost's own JSON; every index in it is checked before compiled code may follow it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from trackbook.errors import RegistryError
from trackbook.registry.formats import nodes
from trackbook.registry.formats.bundle import Header, damaged, pack, plain, restored, unpack
from trackbook.registry.formats.contract import Format, Policy, library_of

XGBOOST = "xgboost"
FILE = "model.json"
BOOSTER = "Booster"
KINDS = (BOOSTER, "XGBClassifier", "XGBRegressor", "XGBRanker", "XGBRFClassifier", "XGBRFRegressor")


def dump(model: Any, policy: Policy, example: Any = None) -> tuple[bytes, Any]:
    """Return a Booster, or a fitted estimator of XGBoost with its parameters, and what it gives again."""
    if not takes(model):
        raise RegistryError(
            f"the format 'xgboost' keeps {', '.join(KINDS)} of xgboost, not a {type(model).__name__}; "
            "leave `format` out, and one that fits is chosen"
        )
    kind = type(model).__name__
    header = Header(kind) if kind == BOOSTER else Header(kind, plain(model.get_params(deep=False), kind))
    try:
        booster = model if kind == BOOSTER else model.get_booster()
        raw = bytes(booster.save_raw("json"))
    except Exception as error:
        raise RegistryError(
            f"the model cannot be kept ({type(error).__name__}: {str(error)[:200]}); fit it first"
        ) from error
    data = pack(header, FILE, raw)
    return data, load([data], policy)


def load(pieces: Iterable[bytes], policy: Policy) -> Any:
    """Build the model after its trees were checked."""
    header, raw = unpack(pieces, FILE, KINDS)
    try:
        _check(json.loads(raw))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise damaged(str(error)[:200] or type(error).__name__) from error
    import xgboost

    try:
        kind = getattr(xgboost, header.kind)
        model = kind()
        model.load_model(bytearray(raw))
        if header.kind != BOOSTER:
            model.set_params(**restored(header.params))  # XGBoost has put in what it found out in the fit
    except Exception as error:
        raise damaged(f"{type(error).__name__}: {str(error)[:200]}") from error
    return model


def takes(model: Any) -> bool:
    """Say whether `model` is of one of XGBoost's own classes."""
    return library_of(model) == XGBOOST and type(model).__name__ in KINDS


def _check(model: Mapping[str, Any]) -> None:
    learner = model["learner"]
    features = int(learner["learner_model_param"]["num_feature"])
    groups = max(1, int(learner["learner_model_param"]["num_class"]), int(learner["learner_model_param"]["num_target"]))
    booster = learner["gradient_booster"]
    if booster["name"] == "dart":
        _check_dart(booster)
        booster = booster["gbtree"]
    if booster["name"] == "gblinear":
        if len(booster["model"]["weights"]) != (features + 1) * groups:
            raise ValueError("its weights are not one for each feature")
    elif booster["name"] == "gbtree":
        _check_trees(booster["model"], features, groups)
    else:
        raise ValueError(f"its booster is a {booster['name']!r:.40}, which is not known")


def _check_dart(booster: Mapping[str, Any]) -> None:
    if len(booster["weight_drop"]) != len(booster["gbtree"]["model"]["trees"]):
        raise ValueError("its weights are not one for each tree")


def _check_trees(model: Mapping[str, Any], features: int, groups: int) -> None:
    trees = model["trees"]
    count = len(trees)
    if int(model["gbtree_model_param"]["num_trees"]) != count or len(model["tree_info"]) != count:
        raise ValueError(f"it claims other numbers of trees than the {count} that it holds")
    nodes.check_within(nodes.integers(model["tree_info"], "the groups"), groups, "a tree's group")
    steps = nodes.integers(model.get("iteration_indptr", [0, count]), "the iterations")
    if len(steps) and (steps[0] != 0 or steps[-1] != count or (np.diff(steps) < 0).any()):
        raise ValueError("its iterations are not in order")
    for place, tree in enumerate(trees):
        if int(tree["id"]) != place:
            raise ValueError("its trees are not in order")
        _check_tree(tree, features)
    _check_categories(model.get("cats"), features)


def _check_tree(tree: Mapping[str, Any], features: int) -> None:
    count = int(tree["tree_param"]["num_nodes"])
    if int(tree["tree_param"]["num_feature"]) != features or count < 1:
        raise ValueError("a tree reads other features than the model")
    if int(tree["tree_param"].get("size_leaf_vector", 1)) > 1:
        raise RegistryError(
            "the model has trees with a vector in each leaf, which cannot be checked yet and so are not kept; "
            "train it with multi_strategy='one_output_per_tree'"
        )
    names = ("left_children", "right_children", "parents", "split_indices", "split_conditions", "default_left")
    if any(len(tree[name]) != count for name in names):
        raise ValueError(f"a tree of {count} nodes holds lists of other lengths")
    left, right = (nodes.integers(tree[f"{side}_children"], "children") for side in ("left", "right"))
    leaf = left == -1
    nodes.check_tree(left, right, leaf)
    nodes.check_within(nodes.integers(tree["split_indices"], "features")[~leaf], features, "a node's feature")
    _check_sets(tree, count)


def _check_sets(tree: Mapping[str, Any], count: int) -> None:
    """Check the sets of categories: which nodes have one, and where in the list it lies."""
    total = len(tree["categories"])
    owners, starts, sizes = (nodes.integers(tree[f"categories{part}"], "sets of categories")
                             for part in ("_nodes", "_segments", "_sizes"))  # fmt: skip
    categorical = int(np.count_nonzero(nodes.integers(tree["split_type"], "kinds of splits")))
    if not len(owners) == len(starts) == len(sizes) == categorical:
        raise ValueError("its nodes and its sets of categories do not agree")
    nodes.check_within(owners, count, "a set of categories")
    if ((starts < 0) | (sizes < 0) | (starts + sizes > total)).any():
        raise ValueError("a set of categories lies outside of their list")
    if total:
        nodes.check_within(nodes.integers(tree["categories"], "categories"), 1 << 24, "a category")


def _check_categories(cats: Mapping[str, Any] | None, features: int) -> None:
    """Check the table of categories that newer versions keep with the trees."""
    if not cats or not cats["enc"]:
        return
    starts = nodes.integers(cats["feature_segments"], "the table's parts")
    total = len(cats["sorted_idx"])
    if len(starts) != features + 1 or starts[0] != 0 or starts[-1] != total or (np.diff(starts) < 0).any():
        raise ValueError("its table of categories has other parts than its features")
    if len(cats["enc"]) != features:
        raise ValueError("its table of categories is not one for each feature")
    order = nodes.integers(cats["sorted_idx"], "the table's order")
    for start, end in pairwise(starts.tolist()):
        nodes.check_within(order[start:end], end - start, "the table's order")


FORMAT = Format(XGBOOST, suffix=".xgboost", libraries=("xgboost", "numpy"), takes=takes, dump=dump, load=load)
