"""Runs as lists: pages, counts, keys and groups of those that a filter lets through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from trackbook.errors import UsageError
from trackbook.server import list_views
from trackbook.server.base import TrackbookHandler
from trackbook.server.list_views import Listing
from trackbook.server.pages import parse_flag, parse_limit, parse_skip
from trackbook.server.projects import NoStoreError


class ListHandler(TrackbookHandler):
    """The base of those that ask about many runs."""

    def listing(self) -> Listing:
        """Return which runs the query asks about."""
        deleted = parse_flag("deleted", self.query("deleted"))
        return Listing(self.query("filter") or "", self.query("experiment"), deleted)

    async def answer_or(self, nothing: dict[str, Any], work: Callable[[], dict[str, Any]]) -> None:
        """Send what `work` returns, or `nothing` while the project has no store."""

        def careful() -> dict[str, Any]:
            try:
                return work()
            except NoStoreError:
                return nothing

        await self.answer(careful)


class RunsHandler(ListHandler):
    """The runs of a project."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Send one page of runs, newest first unless `order_by` says otherwise."""
        listing, order = self.listing(), tuple(self.get_query_arguments("order_by"))
        limit, skip, cursor = parse_limit(self.query("limit")), parse_skip(self.query("skip")), self.query("cursor")
        await self.answer_or(
            {"runs": [], "next_cursor": None},
            lambda: list_views.page(self.project().runs, listing, order, limit, cursor, skip),
        )


class RunCountHandler(ListHandler):
    """How many runs there are."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Send the number of runs that the filter lets through."""
        listing = self.listing()
        await self.answer_or({"count": 0}, lambda: list_views.count(self.project().runs, listing))


class RunKeysHandler(ListHandler):
    """What filters, columns and groups can name."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Send attributes, params, metrics, tags and experiments."""
        experiment = self.query("experiment")
        nothing = list_views.no_keys()
        await self.answer_or(nothing, lambda: list_views.keys(self.project().runs, experiment))


class RunGroupsHandler(ListHandler):
    """Runs that have the same value of a key."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Send the groups, the largest first, with the spread of a metric in each."""
        listing, by, metric = self.listing(), self.query("by"), self.query("metric")
        if by is None:
            raise UsageError("by names what to group by, such as params.model or status")
        await self.answer_or(
            {"by": by, "metric": metric, "groups": [], "more": 0},
            lambda: list_views.groups(self.project().runs, listing, by, metric),
        )
