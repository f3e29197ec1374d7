"""Runs of pipelines over HTTP: foreseen, started by POST, followed by GET, ended by DELETE."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from trackbook.errors import UsageError
from trackbook.pipeline.running.options import RunOptions
from trackbook.server import pipeline_run_views as views
from trackbook.server.base import TrackbookHandler
from trackbook.server.jobs import BusyError, Job
from trackbook.server.pages import parse_limit
from trackbook.server.pipeline_views import script_of
from trackbook.server.projects import NoStoreError

KIND = "pipeline_run"


class PipelineRun(msgspec.Struct, forbid_unknown_fields=True):
    """The params of a run, as texts or values, and what `trackbook pipeline run` would be told by its options.

    Without `jobs` those of `trackbook.toml` count.
    """

    params: dict[str, Any] = {}
    use_cache: bool = True
    only: tuple[str, ...] = ()
    start: str | None = None
    jobs: int | None = None


class StepsHandler(TrackbookHandler):
    """The steps of a notebook as a pipeline."""

    @authenticated
    @authorized
    async def get(self, notebook_id: str) -> None:
        """Send the parameters, the steps and what a run would do with each, as the notebook is saved."""
        notebook = self.projects.notebook_file(notebook_id)
        given = dict(_name_and_value(text) for text in self.get_query_arguments("param", strip=False))

        def work() -> dict[str, Any]:
            try:
                pipelines = self.project().pipelines
            except NoStoreError:
                pipelines = None
            return views.steps(notebook, given, pipelines)

        await self.answer(work)


class NotebookPipelineRunsHandler(TrackbookHandler):
    """The runs of a notebook as a pipeline."""

    @authenticated
    @authorized
    async def get(self, notebook_id: str) -> None:
        """Send one page of the runs of the notebook and of its script, newest first, and the one going on here."""
        notebook = self.projects.notebook_file(notebook_id)
        limit, cursor, project_id = parse_limit(self.query("limit")), self.query("cursor"), self.query("project")

        def work() -> dict[str, Any]:
            root = self.projects.root(project_id)[1]
            try:
                names = [_tag(path, root) for path in (notebook, script_of(notebook))]
                told = views.history(self.project().runs, names, limit, cursor)
            except NoStoreError:
                told = views.no_history()
            running = self.jobs.open_of(KIND, root, "notebook", str(notebook))
            return told | {"running": running.job_id if running else None}

        await self.answer(work)

    @authenticated
    @authorized
    async def post(self, notebook_id: str) -> None:
        """Start a run, or join whoever has started the same; 202 with where it stands, 409 while another goes on."""
        notebook = self.projects.notebook_file(notebook_id)
        wish, project_id = self.content(PipelineRun), self.query("project")

        def work() -> dict[str, Any]:
            root = self.projects.root(project_id)[1]
            options = self._options(wish)
            views.refuse_wrong(notebook, wish.params, options)
            subject = {
                "notebook": str(notebook),
                "params": msgspec.json.encode(wish.params, order="sorted").decode(),
                "options": msgspec.json.encode(options).decode(),
            }
            return views.job(self._start(root, subject), None)

        self.set_status(HTTPStatus.ACCEPTED)
        await self.answer(work)

    def _start(self, root: Path, subject: dict[str, str]) -> Job:
        running = self.jobs.open_of(KIND, root, "notebook", subject["notebook"])
        if running is not None and running.subject != subject:
            raise BusyError(
                f"another run of {Path(subject['notebook']).name} is going on; stop it, or wait until it has ended"
            )
        return running or self.jobs.start(KIND, root, subject)

    def _options(self, wish: PipelineRun) -> RunOptions:
        try:
            jobs = wish.jobs or self.project().settings.pipeline.jobs
        except NoStoreError:
            jobs = wish.jobs or 1
        return RunOptions(use_cache=wish.use_cache, only=wish.only, start=wish.start, jobs=jobs)


class PipelineRunHandler(TrackbookHandler):
    """One run of a pipeline that this server has started."""

    @authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Send where it stands, and what happened since the cursor."""
        cursor = self.query("cursor")
        await self.answer(lambda: views.job(self.jobs.get(KIND, job_id), cursor))

    @authenticated
    @authorized
    async def delete(self, job_id: str) -> None:
        """End it, as Ctrl-C would: what is done is kept; one that has ended stays as it is."""
        await self.answer(lambda: views.job(self.jobs.cancel(KIND, job_id), None))


class TrialsHandler(TrackbookHandler):
    """The trials of a sweep."""

    @authenticated
    @authorized
    async def get(self, run_id: str) -> None:
        """Send what varies, what was measured, the trials, and a picture of them, null where there is none."""
        await self.answer(lambda: views.trials(self.project().pipelines, self.project().runs.resolve(run_id)))


def _name_and_value(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise UsageError(f"param is of the form NAME=VALUE, not {text!r:.40}")
    return name, value


def _tag(path: Path, root: Path) -> str:
    """Return a path as its runs are tagged: relative to the project where it lies in it."""
    full, home = path.resolve(), root.resolve()
    return full.relative_to(home).as_posix() if full.is_relative_to(home) else str(full)
