"""What the server sends about many runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from trackbook.tracking.search.tree import ATTRIBUTES, TEXT_ATTRIBUTES

if TYPE_CHECKING:
    from trackbook.tracking import Runs
    from trackbook.tracking.search.groups import RunGroup

GROUPS_SHOWN = 200


class Listing(NamedTuple):
    """Which runs are asked about: those of an experiment (None: of all) that a filter lets through."""

    filter: str
    experiment: str | None
    deleted: bool


def page(
    runs: Runs, listing: Listing, order: Sequence[str], limit: int, cursor: str | None, skip: int
) -> dict[str, Any]:
    """Return one page of runs; `next_cursor` is None on the last one."""
    found = runs.page(
        listing.filter,
        order,
        limit,
        cursor=cursor,
        skip=skip,
        experiment=listing.experiment,
        deleted=listing.deleted,
    )
    return {"runs": [run.to_dict() for run in found.runs], "next_cursor": found.next_cursor}


def count(runs: Runs, listing: Listing) -> dict[str, Any]:
    """Return how many runs there are."""
    return {"count": runs.count(listing.filter, experiment=listing.experiment, deleted=listing.deleted)}


def keys(runs: Runs, experiment: str | None) -> dict[str, Any]:
    """Return what a filter can name; params, metrics and tags are those that runs of the experiment have."""
    found = runs.keys(experiment)
    return no_keys() | {
        "params": found.params,
        "metrics": found.metrics,
        "tags": found.tags,
        "experiments": runs.experiments(),
    }


def no_keys() -> dict[str, Any]:
    """Return what a filter can name while there are no runs."""
    attributes = [{"name": name, "numeric": name not in TEXT_ATTRIBUTES} for name in ATTRIBUTES]
    return {"attributes": attributes, "params": [], "metrics": [], "tags": [], "experiments": []}


def groups(runs: Runs, listing: Listing, by: str, metric: str | None) -> dict[str, Any]:
    """Return the runs by the values of the key `by`, the largest groups first."""
    found = runs.groups(
        by,
        listing.filter,
        metric=metric,
        experiment=listing.experiment,
        deleted=listing.deleted,
        limit=GROUPS_SHOWN,
    )
    return {
        "by": by,
        "metric": metric,
        **msgspec.structs.asdict(found),
        "groups": [_group(each) for each in found.groups],
    }


def _group(group: RunGroup) -> dict[str, Any]:
    spread = None if group.metric is None else msgspec.structs.asdict(group.metric)
    return {"value": None if group.value is None else str(group.value), "runs": group.runs, "metric": spread}
