"""Pipelines over HTTP: the graph of a notebook, and conversions started by POST, followed by GET, ended by DELETE."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from trackbook.server import pipeline_views as views
from trackbook.server.base import TrackbookHandler
from trackbook.server.job_handler import JobHandler
from trackbook.server.jobs import Job
from trackbook.server.projects import NoStoreError

KIND = "conversion"


class Conversion(msgspec.Struct, forbid_unknown_fields=True):
    """Whether notebook and script are to be run and compared after the script is written."""

    verify: bool = False


class GraphHandler(TrackbookHandler):
    """Which cell of a notebook feeds which."""

    @authenticated
    @authorized
    async def get(self, notebook_id: str) -> None:
        """Send the graph of the notebook as it is saved, with the reasons of each edge and the problems of cells."""
        notebook = self.projects.notebook_file(notebook_id)

        await self.answer(lambda: views.graph(notebook))


class NotebookConversionsHandler(TrackbookHandler):
    """The script of a notebook."""

    @authenticated
    @authorized
    async def get(self, notebook_id: str) -> None:
        """Send where the script lies, what the last verification found, and the conversion that is going on."""
        notebook = self.projects.notebook_file(notebook_id)
        project_id = self.query("project")

        def work() -> dict[str, Any]:
            root, script = self.projects.root(project_id)[1], views.script_of(notebook)
            try:
                last = self.project().pipelines.last_verification(script)
            except NoStoreError:
                last = None
            running = self.jobs.open_of(KIND, root, "notebook", str(notebook))
            return {
                "script": self.projects.contents_path(str(script)),
                "current": views.is_current(notebook, script),
                "verification": views.verification(last, script),
                "running": self._told(running) if running else None,
            }

        await self.answer(work)

    @authenticated
    @authorized
    async def post(self, notebook_id: str) -> None:
        """Start to convert the notebook, or join whoever has started; 202 with where it stands."""
        notebook = self.projects.notebook_file(notebook_id)
        wish = "verify" if self.content(Conversion).verify else "convert"
        project_id = self.query("project")

        def work() -> dict[str, Any]:
            root = self.projects.root(project_id)[1]
            subject = {"notebook": str(notebook), "script": str(views.script_of(notebook)), "wish": wish}
            job = self.jobs.open_of(KIND, root, "notebook", str(notebook)) or self.jobs.start(KIND, root, subject)
            return self._told(job)

        self.set_status(HTTPStatus.ACCEPTED)
        await self.answer(work)

    def _told(self, job: Any) -> dict[str, Any]:
        return _with_paths(self, job.to_dict())


class ConversionHandler(JobHandler):
    """One conversion that this server has started."""

    kind = KIND

    def shown(self, job: Job) -> dict[str, Any]:
        """Return what is sent of a job, with the paths that the Lab knows."""
        return _with_paths(self, job.to_dict())


def _with_paths(handler: TrackbookHandler, job: dict[str, Any]) -> dict[str, Any]:
    """Give the files as the Lab opens them, by their paths below the server's root, and the cells of an error."""
    contents_path = handler.projects.contents_path
    told = job | {"cells": views.cells_in(job["message"])}
    return told | {name: contents_path(str(Path(job[name]))) for name in ("notebook", "script")}
