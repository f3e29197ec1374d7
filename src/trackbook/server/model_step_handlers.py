"""The steps of a version: checked, approved, promoted, rolled back, deprecated, named.

Each is recorded as done by who is behind the request.  A check may take minutes, so it is a process of its own.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from trackbook.server import model_views
from trackbook.server.job_handler import JobHandler
from trackbook.server.model_handlers import RegistryHandler

KIND = "check"


class Check(msgspec.Struct, forbid_unknown_fields=True):
    """The stage whose gates shall judge."""

    stage: str = "production"


class Decision(msgspec.Struct, forbid_unknown_fields=True):
    """A yes or no to a version on its way to a stage."""

    approved: bool
    stage: str = "production"
    comment: str = ""


class Promotion(msgspec.Struct, forbid_unknown_fields=True):
    """The stage that a version shall enter; with `override`, for the `reason`, against gates and approvals."""

    stage: str
    reason: str | None = None
    override: bool = False


class Deprecation(msgspec.Struct, forbid_unknown_fields=True):
    """Why a version should not be used any more; null takes that back."""

    reason: str | None


class Reason(msgspec.Struct, forbid_unknown_fields=True):
    """Why something is done."""

    reason: str | None = None


class AliasTarget(msgspec.Struct, forbid_unknown_fields=True):
    """The version that an alias shall name; with `override`, for the `reason`, against the policy."""

    version: int
    reason: str | None = None
    override: bool = False


class ModelChecksHandler(RegistryHandler):
    """Checks of a version."""

    @authenticated
    @authorized
    async def post(self, name: str, version: str) -> None:
        """Start to judge it by the gates of a stage, or join whoever has started; 202 with where it stands."""
        stage, project_id = self.content(Check).stage, self.query("project")

        def work() -> dict[str, Any]:
            project = self.project()
            identity = self.identity(project)
            self.registry(project).standing(name, int(version), stage)  # wrong names are told at once
            subject = {"model": name, "version": version, "gates_of": stage}
            told = {"actor": identity.name, "authority": identity.authority}
            return self.jobs.start(KIND, self.projects.root(project_id)[1], subject | told).to_dict()

        self.set_status(HTTPStatus.ACCEPTED)
        await self.answer(work)


class ModelCheckHandler(JobHandler):
    """One check that this server has started."""

    kind = KIND


class ApprovalsHandler(RegistryHandler):
    """Decisions of people on a version."""

    @authenticated
    @authorized
    async def post(self, name: str, version: str) -> None:
        """Record a yes or no, and send how the version stands then."""
        decision = self.content(Decision)

        def work() -> dict[str, Any]:
            project = self.project()
            registry = self.registry(project)
            decide = registry.approve if decision.approved else registry.reject
            found = decide(name, int(version), decision.stage, decision.comment)
            return model_views.standing(found, project.settings)

        await self.answer(work)


class PromotionsHandler(RegistryHandler):
    """Requests for a stage."""

    @authenticated
    @authorized
    async def post(self, name: str, version: str) -> None:
        """Move a version and send it as it is then; a policy that says no is a 409 with all that is lacking."""
        wish = self.content(Promotion)

        def work() -> dict[str, Any]:
            project = self.project()
            promote = self.registry(project).promote
            found = promote(name, int(version), wish.stage, wish.reason, override=wish.override)
            return model_views.version(found, project.settings)

        await self.answer(work)


class DeprecationHandler(RegistryHandler):
    """Whether a version should still be used."""

    @authenticated
    @authorized
    async def post(self, name: str, version: str) -> None:
        """Mark a version, or take the mark back, and send it as it is then."""
        reason = self.content(Deprecation).reason

        def work() -> dict[str, Any]:
            project = self.project()
            return model_views.version(self.registry(project).deprecate(name, int(version), reason), project.settings)

        await self.answer(work)


class RollbacksHandler(RegistryHandler):
    """Ways back to the version that was in production before."""

    @authenticated
    @authorized
    async def post(self, name: str) -> None:
        """Put that version back and send it, with what changed."""
        reason = self.content(Reason).reason

        def work() -> dict[str, Any]:
            project = self.project()
            found = self.registry(project).rollback(name, reason)
            told = {"previous": found.previous.version, "changes": list(found.changes)}
            return model_views.version(found.version, project.settings) | told

        await self.answer(work)


class ModelAliasHandler(RegistryHandler):
    """One alias of a model."""

    @authenticated
    @authorized
    async def put(self, name: str, alias: str) -> None:
        """Let it name a version, and send that."""
        wish = self.content(AliasTarget)

        def work() -> dict[str, Any]:
            project = self.project()
            named = self.registry(project).set_alias
            found = named(name, alias, wish.version, wish.reason, override=wish.override)
            return model_views.version(found, project.settings)

        await self.answer(work)

    @authenticated
    @authorized
    async def delete(self, name: str, alias: str) -> None:
        """Remove it."""

        def work() -> dict[str, Any]:
            self.registry().delete_alias(name, alias)
            return {"deleted": alias}

        await self.answer(work)
