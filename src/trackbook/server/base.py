"""What all handlers share: who may ask, errors as JSON, blocking work in a thread."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from jupyter_server.base.handlers import APIHandler
from tornado.ioloop import IOLoop
from tornado.web import HTTPError

from trackbook.errors import TrackbookError, UsageError
from trackbook.project import Project
from trackbook.server.jobs import Jobs
from trackbook.server.projects import Projects
from trackbook.tracking.words import with_named_numbers

T = TypeVar("T")

STATUSES = {
    "usage": HTTPStatus.BAD_REQUEST,
    "notebook": HTTPStatus.BAD_REQUEST,
    "pipeline": HTTPStatus.BAD_REQUEST,
    "not_found": HTTPStatus.NOT_FOUND,
    "unknown_project": HTTPStatus.NOT_FOUND,
    "registry": HTTPStatus.CONFLICT,
    "gate_refused": HTTPStatus.CONFLICT,
    "busy": HTTPStatus.CONFLICT,
}
"""The status of an error's code; what is not here is a fault of the server's side: 500."""


class TrackbookHandler(APIHandler):
    """The base of every handler: nobody gets past `prepare` without signing in, whatever the method."""

    auth_resource = "trackbook"
    _track_activity = False
    """A panel that polls must not keep an idle server from being culled."""

    def initialize(self, projects: Projects, jobs: Jobs) -> None:
        """Keep what `add_routes` hands in: the projects, and the processes that work on them."""
        self.projects = projects
        self.jobs = jobs

    async def prepare(self, **options: Any) -> None:
        """Refuse every method, also OPTIONS, to whoever is not signed in."""
        await super().prepare(**options)
        if not self.current_user:
            raise HTTPError(HTTPStatus.FORBIDDEN)

    async def answer(self, work: Callable[[], Any]) -> None:
        """Do blocking `work` in a thread and send what it returns as JSON, with an ETag for the next time."""
        self.finish(encode(await IOLoop.current().run_in_executor(None, work)))

    def project(self) -> Project:
        """Return the project that the query asks about; blocks."""
        return self.projects.get(self.query("project"))

    def query(self, name: str) -> str | None:
        """Return one value of the query, None when it is missing or empty."""
        return self.get_query_argument(name, "") or None

    def content(self, kind: type[T]) -> T:
        """Return the body as a `kind`; raises UsageError that names the wrong field."""
        try:
            return msgspec.json.decode(self.request.body, type=kind)
        except msgspec.DecodeError as error:
            raise UsageError(f"the body is not what {self.request.path} takes: {error}") from error

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Send any error as `{"error": {"code", "message"}}`; only its own errors tell their message."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, TrackbookError):
            status, code, message = STATUSES.get(error.code, HTTPStatus(500)), error.code, str(error)
        else:
            status = HTTPStatus(status_code)
            code, message = _unforeseen(status, error)
        self.set_status(status)
        self.finish(encode({"error": {"code": code, "message": message}}))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Keep the log for what nobody meant to happen."""
        if not isinstance(value, TrackbookError):
            super().log_exception(typ, value, tb)


def encode(value: Any) -> bytes:
    """Return JSON; numbers that JSON does not have become the text NaN, Infinity or -Infinity."""
    return msgspec.json.encode(with_named_numbers(value))


def _unforeseen(status: HTTPStatus, error: BaseException | None) -> tuple[str, str]:
    if isinstance(error, HTTPError):
        return status.name.lower(), str(error.log_message or status.phrase)
    name = type(error).__name__ if error else status.phrase
    return "internal", f"the server failed with {name}; its log has the traceback"
