"""Reproductions over HTTP: started by POST, followed by GET, ended by DELETE."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Literal

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from trackbook.server.base import TrackbookHandler
from trackbook.server.job_handler import JobHandler

KIND = "reproduction"


class Repetition(msgspec.Struct, forbid_unknown_fields=True):
    """In which environment a run is to be repeated: the server's own, or one rebuilt from the run's lock."""

    environment: Literal["current", "locked"] = "current"


class RunReproductionsHandler(TrackbookHandler):
    """The attempts to repeat a run."""

    @authenticated
    @authorized
    async def get(self, run_id: str) -> None:
        """Send the verdicts so far, newest first, and the attempt that is going on."""
        project_id = self.query("project")

        def work() -> dict[str, Any]:
            run = self.project().runs.get(run_id)
            running = self.jobs.open_of(KIND, self.projects.root(project_id)[1], "run_id", run.run_id)
            return {
                "reproductions": [each.to_dict() for each in run.reproductions],
                "running": running.to_dict() if running else None,
            }

        await self.answer(work)

    @authenticated
    @authorized
    async def post(self, run_id: str) -> None:
        """Start to repeat the run, or join the attempt that is going on; 202 with where it stands."""
        environment = self.content(Repetition).environment
        project_id = self.query("project")

        def work() -> dict[str, Any]:
            found = self.project().runs.resolve(run_id)
            subject = {"run_id": found, "environment": environment}
            return self.jobs.start(KIND, self.projects.root(project_id)[1], subject).to_dict()

        self.set_status(HTTPStatus.ACCEPTED)
        await self.answer(work)


class ReproductionHandler(JobHandler):
    """One attempt that this server has started."""

    kind = KIND
