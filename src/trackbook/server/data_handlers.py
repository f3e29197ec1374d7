"""Datasets, their versions, and how two of these differ."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from trackbook.errors import UsageError
from trackbook.server import data_views
from trackbook.server.base import TrackbookHandler
from trackbook.server.projects import NoStoreError


class DatasetsHandler(TrackbookHandler):
    """The datasets of a project."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Send all datasets by name, each with its newest version."""

        def work() -> dict[str, Any]:
            try:
                return data_views.datasets(self.project())
            except NoStoreError:
                return {"datasets": []}

        await self.answer(work)


class DatasetVersionsHandler(TrackbookHandler):
    """The versions of a dataset."""

    @authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Send all versions, newest first."""
        await self.answer(lambda: data_views.versions(self.project(), name))


class DatasetVersionHandler(TrackbookHandler):
    """One version of a dataset."""

    @authenticated
    @authorized
    async def get(self, name: str, version: str) -> None:
        """Send the version with its schema."""
        await self.answer(lambda: data_views.version(self.project(), name, int(version)))


class DatasetDifferenceHandler(TrackbookHandler):
    """What came between two versions of a dataset."""

    @authenticated
    @authorized
    async def get(self, name: str, version: str) -> None:
        """Send columns and rows that the version has and `against` has not, and the reverse."""
        against = self.query("against")
        if against is None or not against.isascii() or not against.isdigit() or len(against) > 9:
            raise UsageError(f"against is the number of another version of {name!r:.60}")
        numbers, key = (int(version), int(against)), self.get_query_arguments("key", strip=False)
        await self.answer(lambda: data_views.difference(self.project(), name, *numbers, key))


class DatasetLineageHandler(TrackbookHandler):
    """Where a version stands among runs and models."""

    @authenticated
    @authorized
    async def get(self, name: str, version: str) -> None:
        """Send the graph."""
        await self.answer(lambda: data_views.lineage_of(self.project(), name, int(version)))
