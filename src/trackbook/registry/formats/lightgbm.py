"""LightGBM models as LightGBM's own text; every list in it is checked before compiled code may follow it.

LightGBM ends the whole process over a text that it cannot read, and follows indices without a look, so what it is
given here is a text that was found to be one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from trackbook.errors import RegistryError
from trackbook.registry.formats import nodes
from trackbook.registry.formats.bundle import Header, damaged, pack, plain, restored, unpack
from trackbook.registry.formats.contract import Format, Policy, library_of

LIGHTGBM = "lightgbm"
FILE = "model.txt"
BOOSTER = "Booster"
KINDS = (BOOSTER, "LGBMClassifier", "LGBMRegressor", "LGBMRanker")

STATE = ("_n_features", "_n_features_in", "_n_classes", "_class_map", "_objective", "_best_iteration", "fitted_",
         "_fitted_with_feature_names", "_other_params", "_class_weight")  # fmt: skip
"""What a wrapper remembers of its fit beside the Booster; the classes are kept apart."""

INNER = ("split_feature", "threshold", "decision_type", "left_child", "right_child")


def dump(model: Any, policy: Policy, example: Any = None) -> tuple[bytes, Any]:
    """Return a Booster, or a fitted estimator of LightGBM with its parameters, and what it gives again."""
    if not takes(model):
        raise RegistryError(
            f"the format 'lightgbm' keeps {', '.join(KINDS)} of lightgbm, not a {type(model).__name__}; "
            "leave `format` out, and one that fits is chosen"
        )
    kind = type(model).__name__
    try:
        booster = model if kind == BOOSTER else model.booster_
        text = booster.model_to_string(num_iteration=-1)
    except Exception as error:
        raise RegistryError(
            f"the model cannot be kept ({type(error).__name__}: {str(error)[:200]}); fit it first"
        ) from error
    header = Header(kind) if kind == BOOSTER else Header(kind, plain(model.get_params(deep=False), kind), _state(model))
    data = pack(header, FILE, text.encode())
    return data, load([data], policy)


def load(pieces: Iterable[bytes], policy: Policy) -> Any:
    """Build the model after its text was checked."""
    header, raw = unpack(pieces, FILE, KINDS)
    try:
        text = raw.decode()
        _check(text)
    except (ValueError, LookupError) as error:
        raise damaged(str(error)[:200]) from error
    import lightgbm

    try:
        booster = lightgbm.Booster(model_str=text)
        return booster if header.kind == BOOSTER else _wrapped(lightgbm, header, booster)
    except Exception as error:
        raise damaged(f"{type(error).__name__}: {str(error)[:200]}") from error


def takes(model: Any) -> bool:
    """Say whether `model` is of one of LightGBM's own classes."""
    return library_of(model) == LIGHTGBM and type(model).__name__ in KINDS


# -- the wrapper


def _state(model: Any) -> dict[str, Any]:
    kept = {name: value for name, value in vars(model).items() if name in STATE}
    classes = getattr(model, "_classes", None)
    if classes is not None:
        kept |= {"_classes": list(classes), "dtype": str(np.asarray(classes).dtype)}
    return plain(kept, type(model).__name__)


def _wrapped(lightgbm: Any, header: Header, booster: Any) -> Any:
    state = restored(header.state)
    model = getattr(lightgbm, header.kind)(**restored(header.params))
    vars(model).update({name: value for name, value in state.items() if name in STATE})
    vars(model)["_Booster"] = booster
    if "_classes" in state:
        from sklearn.preprocessing import LabelEncoder

        classes = np.asarray(state["_classes"], dtype=np.dtype(state["dtype"]))
        vars(model).update({"_classes": classes, "_le": LabelEncoder().fit(classes)})
    return model


# -- the text


def _check(text: str) -> None:
    """Raise ValueError or LookupError unless `text` is a model as LightGBM writes it, with every index inside."""
    head, _, rest = text.partition("\nTree=0\n")
    first, *lines = head.rstrip("\n").split("\n")
    if first != "tree":
        raise ValueError("it does not begin as a model of LightGBM")
    values = _pairs(line for line in lines if line)
    features = int(values["max_feature_idx"]) + 1
    sizes = [int(size) for size in values["tree_sizes"].split()]
    if any(len(values[name].split(" ")) != features for name in ("feature_names", "feature_infos")):
        raise ValueError(f"its names are not those of {features} features")
    groups = int(values["num_tree_per_iteration"])
    if groups < 1 or int(values["num_class"]) < 1 or len(sizes) % groups or "linear_tree" in values:
        raise ValueError("its trees are not a whole number for each class")
    if not sizes:
        return
    _check_blocks(f"Tree=0\n{rest}".encode(), sizes, features)


def _check_blocks(raw: bytes, sizes: list[int], features: int) -> None:
    start = 0
    for place, size in enumerate(sizes):
        if size < 1:
            raise ValueError("its trees have impossible sizes")
        first, *lines = raw[start : start + size].decode().rstrip("\n").split("\n")
        if first != f"Tree={place}":
            raise ValueError(f"tree {place} is not where the text says")
        _check_tree(_pairs(lines), features)
        start += size
    if raw[start:].lstrip(b"\n").split(b"\n", 1)[0] != b"end of trees":
        raise ValueError("its trees have no end")


def _pairs(lines: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, sign, value = line.partition("=")
        if name in found or (not sign and name not in ("average_output",)):
            raise ValueError(f"it has an odd line {line!r:.60}")
        found[name] = value
    return found


def _check_tree(tree: Mapping[str, str], features: int) -> None:
    leaves = int(tree["num_leaves"])
    if int(tree.get("is_linear", "0")):
        raise RegistryError(
            "the model has trees with a linear model in each leaf, which cannot be checked yet and so are not kept; "
            "train it with linear_tree=False"
        )
    if leaves < 1:
        raise ValueError("a tree has no leaves")
    if len(_numbers(tree["leaf_value"])) != leaves:
        raise ValueError(f"a tree of {leaves} leaves has other values")
    if leaves == 1:
        return
    inner = leaves - 1
    lists = {name: _numbers(tree[name]) for name in INNER}
    if any(len(values) != inner for values in lists.values()):
        raise ValueError(f"a tree of {inner} splits holds lists of other lengths")
    lefts, rights = (nodes.integers([int(v) for v in lists[f"{side}_child"]], "children") for side in ("left", "right"))
    _check_children(lefts, rights, leaves)
    split = nodes.integers([int(value) for value in lists["split_feature"]], "features")
    nodes.check_within(split, features, "a node's feature")
    _check_sets(tree, lists)


def _check_children(lefts: np.ndarray[Any, Any], rights: np.ndarray[Any, Any], leaves: int) -> None:
    """Check the children, of which leaf number n is written as -1 - n."""
    inner = leaves - 1

    def numbered(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.where(values < 0, inner - 1 - values, values)

    nothing = np.full(leaves, -1, dtype=np.int64)
    leaf = np.arange(inner + leaves) >= inner
    nodes.check_tree(np.r_[numbered(lefts), nothing], np.r_[numbered(rights), nothing], leaf)


def _check_sets(tree: Mapping[str, str], lists: Mapping[str, list[str]]) -> None:
    """Check the sets of categories, which a split's threshold names by their number."""
    sets = int(tree.get("num_cat", "0"))
    categorical = [int(kind) & 1 for kind in lists["decision_type"]]
    named = [float(value) for value, is_one in zip(lists["threshold"], categorical, strict=True) if is_one]
    if any(not (value.is_integer() and 0 <= value < sets) for value in named):
        raise ValueError(f"a split asks for a set of categories beyond the {sets} that there are")
    if not sets:
        return
    bounds = nodes.integers([int(value) for value in _numbers(tree["cat_boundaries"])], "sets of categories")
    words = _numbers(tree["cat_threshold"])
    if len(bounds) != sets + 1 or bounds[0] != 0 or (np.diff(bounds) < 0).any() or bounds[-1] != len(words):
        raise ValueError("its sets of categories lie outside of their list")
    nodes.check_within(nodes.integers([int(word) for word in words], "categories"), 1 << 32, "a set of categories")


def _numbers(text: str) -> list[str]:
    values = text.split(" ")
    for value in values:
        float(value)  # LightGBM reads on behind what is no number
    return values


FORMAT = Format(LIGHTGBM, suffix=".lightgbm", libraries=("lightgbm", "numpy"), takes=takes, dump=dump, load=load)
