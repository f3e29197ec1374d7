"""One job that the server has started, whatever it works on: followed by GET, ended by DELETE."""

from __future__ import annotations

from typing import Any, ClassVar

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from trackbook.server.base import TrackbookHandler
from trackbook.server.jobs import Job


class JobHandler(TrackbookHandler):
    """A job of one `kind`."""

    kind: ClassVar[str]

    @authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Send where it stands, and what came out when it has ended."""
        await self.answer(lambda: self.shown(self.jobs.get(self.kind, job_id)))

    @authenticated
    @authorized
    async def delete(self, job_id: str) -> None:
        """End it and send how it stands then; one that has ended stays as it is."""
        await self.answer(lambda: self.shown(self.jobs.cancel(self.kind, job_id)))

    def shown(self, job: Job) -> dict[str, Any]:
        """Return what is sent of a job."""
        return job.to_dict()
