"""Trees as arrays of indices that compiled code follows without a bounds check: sound, or not to be used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def integers(values: Sequence[Any], what: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return `values` as an array of whole numbers; raises ValueError."""
    array = np.asarray(values)
    if array.ndim != 1 or (len(array) and array.dtype.kind not in "iu"):
        raise ValueError(f"{what} are no list of whole numbers")
    return array.astype(np.int64)


def check_within(values: np.ndarray[Any, Any], count: int, what: str) -> None:
    """Raise ValueError when one of `values` is not between 0 and `count`."""
    if ((values < 0) | (values >= count)).any():
        raise ValueError(f"{what} leads outside of the {count} there are")


def check_tree(left: np.ndarray[Any, Any], right: np.ndarray[Any, Any], leaf: np.ndarray[Any, Any]) -> None:
    """Raise ValueError unless the children, from node 0 on, form a tree: each inside, and none reached twice."""
    count, seen, here = len(leaf), 1, np.zeros(1, dtype=np.int64)
    while True:
        inner = here[~leaf[here]]
        if not len(inner):
            return
        here = np.concatenate([left[inner], right[inner]])
        check_within(here, count, "a node's child")
        seen += len(here)
        if seen > count:
            raise ValueError("a node is the child of two, or of itself")
