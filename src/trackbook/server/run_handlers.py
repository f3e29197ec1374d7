"""What there is of one run beyond its row: lineage, environment, artifacts, patch, and the cells that have runs."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado.ioloop import IOLoop
from tornado.web import authenticated

from trackbook.errors import NotFoundError
from trackbook.server import run_views
from trackbook.server.base import TrackbookHandler
from trackbook.server.contents import POLICY, Content, safe_content
from trackbook.server.projects import NoStoreError


class LineageHandler(TrackbookHandler):
    """Where a run stands among data, cells, models and other runs."""

    @authenticated
    @authorized
    async def get(self, run_id: str) -> None:
        """Send the graph; a file that this server can open has its path below the server's root as well."""

        def work() -> dict[str, Any]:
            graph = run_views.lineage_of(self.project(), run_id)
            for node in graph["nodes"]:
                node["contents_path"] = self.projects.contents_path(node["path"]) if node["path"] else None
            return graph

        await self.answer(work)


class EnvironmentHandler(TrackbookHandler):
    """What a run ran in."""

    @authenticated
    @authorized
    async def get(self, run_id: str) -> None:
        """Send the environment and, with `against`, its differences to that of another run."""
        against = self.query("against")
        await self.answer(lambda: run_views.environment(self.project().runs, run_id, against))


class ContentHandler(TrackbookHandler):
    """The base of those that send stored bytes."""

    @property
    def content_security_policy(self) -> str:
        """Nothing may load or run, whatever the bytes are."""
        return POLICY

    async def send(self, content: Content) -> None:
        """Send bytes under a type that cannot be taken for another."""
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Security-Policy", POLICY)
        place = "attachment" if content.saved else "inline"
        self.set_header("Content-Disposition", f'{place}; filename="{content.name}"')
        self.finish(content.data, set_content_type=content.media_type)


class ArtifactHandler(ContentHandler):
    """The bytes of an artifact, by digest."""

    @authenticated
    @authorized
    async def get(self, run_id: str, digest: str) -> None:
        """Send an artifact of the run."""

        def work() -> Content:
            project = self.project()
            run = project.runs.get(run_id)
            for artifact in run.artifacts:
                if artifact.digest == digest:
                    return safe_content(project.store.objects.get(digest), PurePosixPath(artifact.path).name)
            raise NotFoundError(f"run {run.run_id[:8]} has no artifact {digest[:12]}")

        await self.send(await IOLoop.current().run_in_executor(None, work))


class PatchHandler(ContentHandler):
    """What a run's code had beyond its commit."""

    @authenticated
    @authorized
    async def get(self, run_id: str) -> None:
        """Send the patch as text."""

        def work() -> Content:
            project = self.project()
            run = project.runs.get(run_id)
            if run.git_patch is None:
                raise NotFoundError(f"run {run.run_id[:8]} has no patch: its code stood at the commit, or in no git")
            return safe_content(project.store.objects.get(run.git_patch), f"{run.run_id[:8]}.patch")

        await self.send(await IOLoop.current().run_in_executor(None, work))


class CellsHandler(TrackbookHandler):
    """The cells of a notebook that have runs."""

    @authenticated
    @authorized
    async def get(self, notebook_id: str) -> None:
        """Send the latest run of each cell, and why it is stale where it is."""
        paths = self.projects.notebook(notebook_id)

        def work() -> dict[str, Any]:
            try:
                return self.project().badges.of_notebook(*paths).to_dict()
            except NoStoreError:
                return {"session": None, "session_time": None, "cells": []}

        await self.answer(work)
