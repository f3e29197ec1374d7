"""How two frames, files or folders differ, as plain values; pure functions on what has been read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.data.names import clip
from trackbook.errors import UsageError, nearest

if TYPE_CHECKING:
    import pandas as pd

    from trackbook.data.blocks import FrameManifest
    from trackbook.data.trees import Entry, TreeManifest


class Retyped(msgspec.Struct, frozen=True):
    """A column that is of another dtype now; its values are not compared."""

    name: str
    before: str
    after: str


class FrameDifference(msgspec.Struct, frozen=True, tag="frame", tag_field="kind"):
    """Columns and rows of a frame that are in one version only, or other than they were.

    Rows are compared in the columns that both frames have, of one dtype.  Without a `key` a changed row counts as one
    removed and one added, and `rows_changed` is None; with one, `columns_changed` counts the changed values by column.
    """

    columns_added: tuple[str, ...] = ()
    columns_removed: tuple[str, ...] = ()
    columns_retyped: tuple[Retyped, ...] = ()
    rows_before: int = 0
    rows_after: int = 0
    rows_added: int = 0
    rows_removed: int = 0
    rows_changed: int | None = None
    columns_changed: dict[str, int] = {}
    key: tuple[str, ...] = ()
    reordered: bool = False

    @property
    def is_empty(self) -> bool:
        """Say whether nothing differs."""
        counts = (self.rows_added, self.rows_removed, self.rows_changed, self.reordered)
        return not (self.columns_added or self.columns_removed or self.columns_retyped or any(counts))


class FileDifference(msgspec.Struct, frozen=True, tag="file", tag_field="kind"):
    """Two files: their sizes in bytes, and whether they hold the same."""

    size_before: int
    size_after: int
    is_empty: bool


class FolderDifference(msgspec.Struct, frozen=True, tag="folder", tag_field="kind"):
    """The paths of a folder that are in one version only, or other than they were."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Say whether nothing differs."""
        return not (self.added or self.removed or self.changed)


Difference = FrameDifference | FileDifference | FolderDifference


def frame_difference(before: pd.DataFrame, after: pd.DataFrame, key: Sequence[str] = ()) -> FrameDifference:
    """Compare two frames; an index that has a name, or is no plain range, counts as columns.

    Rows are told apart by 64-bit hashes of their values.  Raises UsageError for a `key` that is no column of both, or
    that does not tell the rows of one of them apart.
    """
    one, other = _flat(before), _flat(after)
    found = _columns(one, other)
    same = [name for name in one.columns if name in other.columns and one[name].dtype == other[name].dtype]
    rows = _by_key(one, other, _checked_key(one, other, key), same) if key else _by_content(one[same], other[same])
    return msgspec.structs.replace(found, rows_before=len(one), rows_after=len(other), key=tuple(key), **rows)


def same_blocks(before: FrameManifest, after: FrameManifest, names: Sequence[Sequence[str]]) -> bool:
    """Say whether what two frames share is equal block by block, so that no row needs to be looked at.

    `names` are the labels of the columns of the one and of the other.
    """
    one, other = (
        dict(zip(own, _contents(each), strict=True)) for own, each in zip(names, (before, after), strict=True)
    )
    shared = [one[name] == other[name] for name in one.keys() & other.keys()]
    return _index(before) == _index(after) and all(shared)


def folder_difference(before: TreeManifest, after: TreeManifest) -> FolderDifference:
    """Compare what two versions of a folder hold: content, links, and what may be executed."""
    one, other = ({_text(entry): _content(entry) for entry in each.entries} for each in (before, after))
    return FolderDifference(
        added=tuple(sorted(other.keys() - one.keys())),
        removed=tuple(sorted(one.keys() - other.keys())),
        changed=tuple(sorted(path for path in one.keys() & other.keys() if one[path] != other[path])),
    )


def labels(names: Iterable[object]) -> list[str]:
    """Return column labels as distinct texts: the second of one name is ``NAME (2)``."""
    seen: Counter[str] = Counter()
    found = []
    for name in map(str, names):
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return found


def _flat(frame: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    levels = []
    if not isinstance(frame.index, pd.RangeIndex) or frame.index.name is not None:
        levels = [pd.Series(frame.index.get_level_values(at)) for at in range(frame.index.nlevels)]
    names = [name if name is not None else f"index {at}" for at, name in enumerate(frame.index.names)]
    columns = [*levels, *(frame.iloc[:, at].reset_index(drop=True) for at in range(frame.shape[1]))]
    texts = labels([*names[: len(levels)], *frame.columns])
    return pd.DataFrame(dict(zip(texts, columns, strict=True)), index=pd.RangeIndex(len(frame)))


def _columns(one: pd.DataFrame, other: pd.DataFrame) -> FrameDifference:
    both = [name for name in one.columns if name in other.columns]
    return FrameDifference(
        columns_added=tuple(name for name in other.columns if name not in one.columns),
        columns_removed=tuple(name for name in one.columns if name not in other.columns),
        columns_retyped=tuple(
            Retyped(name, str(one[name].dtype), str(other[name].dtype))
            for name in both
            if one[name].dtype != other[name].dtype
        ),
    )


def _checked_key(one: pd.DataFrame, other: pd.DataFrame, key: Sequence[str]) -> list[str]:
    for name in key:
        for frame in (one, other):
            if name not in frame.columns:
                raise UsageError(f"the key {clip(name)} is no column of both{nearest(name, frame.columns)}")
        if one[name].dtype != other[name].dtype:
            raise UsageError(f"the key {clip(name)} is {one[name].dtype} in one and {other[name].dtype} in the other")
    for which, frame in (("first", one), ("second", other)):
        repeated = int(frame.duplicated(subset=list(key)).sum())
        if repeated:
            raise UsageError(f"the key {', '.join(key)} stands in {repeated:,} rows of the {which} a second time")
    return list(key)


def _by_content(one: pd.DataFrame, other: pd.DataFrame) -> dict[str, Any]:
    """Compare rows as two bags of rows."""
    import numpy as np

    hashes = [_row_hashes(frame) for frame in (one, other)]
    (values, counts), (others, more) = (np.unique(each, return_counts=True) for each in hashes)
    both, at_one, at_other = np.intersect1d(values, others, assume_unique=True, return_indices=True)
    common = int(np.minimum(counts[at_one], more[at_other]).sum()) if len(both) else 0
    equal = common == len(one) == len(other)
    return {
        "rows_added": len(other) - common,
        "rows_removed": len(one) - common,
        "reordered": equal and not np.array_equal(*hashes),
    }


def _by_key(one: pd.DataFrame, other: pd.DataFrame, key: list[str], same: Sequence[str]) -> dict[str, Any]:
    """Compare the rows of one key with each other."""
    import numpy as np

    left, right = (frame[key].assign(**{_ROW: range(len(frame))}) for frame in (one, other))
    pairs = left.merge(right, on=key, suffixes=("", " of the other"))
    at_one, at_other = pairs[_ROW].to_numpy(), pairs[f"{_ROW} of the other"].to_numpy()
    changed = np.zeros(len(pairs), bool)
    counts = {}
    for name in same:
        differs = _hashes(one[name])[at_one] != _hashes(other[name])[at_other]
        if differs.any():
            counts[name] = int(differs.sum())
            changed |= differs
    return {
        "rows_added": len(other) - len(pairs),
        "rows_removed": len(one) - len(pairs),
        "rows_changed": int(changed.sum()),
        "columns_changed": counts,
    }


_ROW = "\0row"


def _row_hashes(frame: pd.DataFrame) -> Any:
    import numpy as np

    rows = np.zeros(len(frame), np.uint64)
    for name in frame.columns:
        rows = rows * np.uint64(0x9E3779B97F4A7C15) + _hashes(frame[name])
    return rows


def _hashes(values: pd.Series[Any]) -> Any:
    import pandas as pd

    try:
        return pd.util.hash_pandas_object(values, index=False).to_numpy()
    except (TypeError, ValueError, NotImplementedError):  # lists, records and the like
        return pd.util.hash_pandas_object(values.map(repr).astype(object), index=False).to_numpy()


def _contents(manifest: FrameManifest) -> list[object]:
    """Return what the columns of a manifest are made of, in their order: equal ones are equal columns."""
    stored = {each.name: each for each in manifest.stored}
    found: list[object] = []
    for at, plan in enumerate(manifest.plan.columns):
        each = stored[f"c{at}"]
        found.append((plan, each.is_ordered, *(_named(manifest, blocks) for blocks in (each.blocks, each.dictionary))))
    return found


def _index(manifest: FrameManifest) -> object:
    levels = [each for each in manifest.stored if not each.name.startswith("c")]
    return manifest.plan.index, [(each.name, _named(manifest, each.blocks)) for each in levels]


def _named(manifest: FrameManifest, blocks: Iterable[Any]) -> list[object]:
    return [block.inline if block.part < 0 else manifest.part(block.part) for block in blocks]


def _text(entry: Entry) -> str:
    return entry.path.decode("utf-8", "backslashreplace")


def _content(entry: Entry) -> object:
    return entry.kind, entry.digest, entry.is_executable, entry.target
