"""Runs beside each other: what differs, their curves, and params and metrics as a picture."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from trackbook.errors import UsageError
from trackbook.server import compare_views
from trackbook.server.base import TrackbookHandler
from trackbook.server.compare_views import MOST_RUNS, Look
from trackbook.server.pages import parse_flag


class CompareHandler(TrackbookHandler):
    """The base of those that ask about some runs."""

    def run_ids(self) -> list[str]:
        """Return the runs that the query names; raises UsageError without one, and for more than can be told apart."""
        ids = list(dict.fromkeys(self.get_query_arguments("ids")))
        if not 1 <= len(ids) <= MOST_RUNS:
            raise UsageError(f"ids names the runs to compare, from 1 to {MOST_RUNS} of them, not {len(ids)}")
        return ids


class ComparisonHandler(CompareHandler):
    """What differs between runs."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Send params, metrics, packages and code where the runs differ."""
        ids = self.run_ids()
        await self.answer(lambda: compare_views.comparison(self.project().runs, ids))


class CurvesHandler(CompareHandler):
    """The curves of metrics."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Send a picture of some metrics of the runs, or null where there is nothing to draw."""
        ids, keys = self.run_ids(), self.get_query_arguments("keys", strip=False)
        if not keys:
            raise UsageError("keys names the metrics whose curves to draw")
        look = Look(
            x=compare_views.parse_axis(self.query("x")),
            log=parse_flag("log", self.query("log")),
            smoothing=compare_views.parse_smoothing(self.query("smoothing")),
        )
        await self.answer(lambda: {"chart": compare_views.curves(self.project().runs, ids, keys, look)})


class ParallelHandler(CompareHandler):
    """Params and metrics of runs, a line a run."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Send a picture, or null where the runs have nothing in common that differs."""
        ids = self.run_ids()
        await self.answer(lambda: {"chart": compare_views.parallel(self.project().runs, ids)})


class MetricsHandler(TrackbookHandler):
    """The values of metrics over the course of a run."""

    @authenticated
    @authorized
    async def get(self, run_id: str) -> None:
        """Send steps, times and values of the metrics `keys`; with `points`, thinned out to about so many."""
        keys, points = self.get_query_arguments("keys", strip=False), compare_views.parse_points(self.query("points"))
        await self.answer(lambda: compare_views.histories(self.project().runs, run_id, keys, points))
