"""The project and drift reports; each parses, calls one service in a thread, and sends what comes back."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado.web import HTTPError, authenticated

from trackbook.server import views
from trackbook.server.base import TrackbookHandler
from trackbook.server.pages import parse_limit
from trackbook.server.projects import NoStoreError


class Announcement(msgspec.Struct, forbid_unknown_fields=True):
    """The notebook that is open, as a path below the server's root."""

    path: str


class StatusHandler(TrackbookHandler):
    """Where the project lies and with what it is kept."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Send the status."""
        project_id = self.query("project")

        def work() -> dict[str, Any]:
            try:
                project = self.project()
            except NoStoreError:
                project = None
            return views.status(*self.projects.root(project_id), project)

        await self.answer(work)


class ProjectsHandler(TrackbookHandler):
    """Turns the notebook that is open into the id of its project."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Send id and root of the project of a notebook, and the notebook's own id."""
        announcement = self.content(Announcement)

        def work() -> dict[str, Any]:
            project_id, root = self.projects.announce(announcement.path)
            notebook_id = self.projects.announce_notebook(announcement.path)
            return {"project_id": project_id, "root": str(root), "notebook_id": notebook_id}

        await self.answer(work)


class DriftReportsHandler(TrackbookHandler):
    """The drift reports of a project."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Send one page of reports, newest first."""
        limit, cursor = parse_limit(self.query("limit")), self.query("cursor")

        def work() -> dict[str, Any]:
            try:
                return views.drift_report_page(self.project().drift, limit, cursor)
            except NoStoreError:
                return {"drift_reports": [], "next_cursor": None}

        await self.answer(work)


class DriftReportHandler(TrackbookHandler):
    """One drift report."""

    @authenticated
    @authorized
    async def get(self, report_id: str) -> None:
        """Send one report with a Vega-Lite picture of each column."""
        await self.answer(lambda: views.drift_report(self.project().drift, report_id))


class NothingHandler(TrackbookHandler):
    """Whatever else is asked for below the root of the interface."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Say that there is no such thing, in the form of every other error."""
        raise HTTPError(HTTPStatus.NOT_FOUND, f"there is nothing at {self.request.path}")
