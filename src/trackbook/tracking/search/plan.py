"""Which way to the runs is the shortest: through the index of a condition, or through the index of the order.

Conditions that an index answers are counted first, up to a limit, which costs little.  A condition that few runs meet
drives: its runs are looked up and sorted.  Otherwise the runs are taken in the order asked for until enough have met
all conditions; a stretch is tried first, since conditions may be met by the last runs only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from trackbook.tracking.search.ranges import Range


class Limits(msgspec.Struct, frozen=True):
    """How far to go on one way before another is thought of.

    `few`: runs that are looked up and sorted at once, whatever the order is.  `tried`: entries of the order's index
    that are tried otherwise.  `counted`: where counting stops when there is no index to try, `counted_fully`: when
    trying has failed.
    """

    few: int = 500
    tried: int = 10_000
    counted: int = 20_000
    counted_fully: int = 1_000_000


LIMITS = Limits()
SORTED_COST = 3.0
"""What a run costs that is looked up and sorted, in entries of the order's index that are passed over."""


class Counted(msgspec.Struct, frozen=True):
    """A range and how many runs it has; None: more than were counted, or unknown without reading it all."""

    range: Range
    count: int | None


def fewest(counted: Sequence[Counted]) -> Counted | None:
    """Return the range with the fewest runs; one that was not counted comes behind those that were."""
    return min(counted, key=lambda each: (each.count is None, each.count or 0, not each.range.counted), default=None)


def is_shorter(best: Counted, limits: Limits, *, found: int, wanted: int) -> bool:
    """Say whether to sort the runs of `best`, after a stretch of the order's index had `found` of `wanted` runs.

    Otherwise the order's index is read on.
    """
    expected = limits.tried * wanted / found if found else math.inf
    return SORTED_COST * (limits.counted_fully if best.count is None else best.count) < expected
