"""What changed in a column, as the subject of a sentence."""

from __future__ import annotations

from trackbook.monitoring.counts import LevelCounts, OrderedCounts
from trackbook.monitoring.effects import changed_range

LABEL_WIDTH = 40


def about_range(counts: OrderedCounts) -> str:
    """Say which range of values gained or lost most rows, e.g. "62% of the current rows are above 3.5, …"."""
    found = changed_range(counts)
    if found.above is not None and found.up_to is not None:
        where = f"above {found.above:.4g} and up to {found.up_to:.4g}"
    elif found.above is not None:
        where = f"above {found.above:.4g}"
    elif found.up_to is not None:
        where = f"at most {found.up_to:.4g}"
    else:
        return "All values are in one place"
    return _against(where, found.reference, found.current, "are")


def about_levels(counts: LevelCounts, noun: str = "") -> str:
    """Say which level gained or lost most rows, or that the rows moved to new levels, or between many."""
    gaps = abs(counts.differences)
    distance = gaps.sum() / 2
    unseen = counts.current[counts.reference == 0].sum() / counts.n_current
    at = int(gaps.argmax())
    if gaps[at] >= distance / 3:
        reference = float(counts.reference[at] / counts.n_reference)
        current = float(counts.current[at] / counts.n_current)
        return _against(f"{noun} {clip(counts.labels[at])!r}".strip(), reference, current, "hold")
    if unseen >= distance / 2:
        return f"{unseen:.0%} of the current rows hold levels that the reference has never shown"
    return f"The rows moved between many of the {len(counts.labels)} levels"


def about_missing(reference: float, current: float) -> str:
    """Say how the share of missing rows changed."""
    return f"{current:.1%} of the current rows are missing, {reference:.1%} of the reference rows"


def about_unseen(counts: LevelCounts) -> str:
    """Name the levels that only the current data hold, the most frequent ones."""
    unseen = [at for at in range(len(counts.labels)) if counts.reference[at] == 0]
    shown = ", ".join(repr(clip(counts.labels[at])) for at in unseen[:3])
    more = f" and {len(unseen) - 3} more" if len(unseen) > 3 else ""
    return f"The reference has never shown {shown}{more}"


def clip(label: str) -> str:
    """Shorten a long label."""
    return label if len(label) <= LABEL_WIDTH else label[: LABEL_WIDTH - 1] + "…"


def _against(where: str, reference: float, current: float, verb: str) -> str:
    return f"{current:.0%} of the current rows {verb} {where}, {reference:.0%} of the reference rows"
