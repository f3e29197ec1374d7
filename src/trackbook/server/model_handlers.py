"""Models and their versions: looked at, described, deleted."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from trackbook.data.names import check_name
from trackbook.project import Project
from trackbook.registry import Identity, Registry
from trackbook.server import audit_views, model_views
from trackbook.server.base import TrackbookHandler
from trackbook.server.identity import of_request
from trackbook.server.pages import parse_limit
from trackbook.server.projects import NoStoreError
from trackbook.store import now_ms


class ModelEdit(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be changed of a model; what is left out stays, a tag that is null goes."""

    description: str | None = None
    owner: str | None = None
    tags: dict[str, str | None] | None = None
    intended_use: str | None = None
    limits: str | None = None


class VersionEdit(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be changed of a version; what is left out stays, a tag that is null goes."""

    description: str | None = None
    owner: str | None = None
    tags: dict[str, str | None] | None = None


class RegistryHandler(TrackbookHandler):
    """The base of those that ask the registry: whoever is signed in is the one who acts."""

    def identity(self, project: Project) -> Identity:
        """Return who is behind the request; a hub may be asked, so it blocks."""
        return of_request(self.current_user, self.identity_provider, project.user)

    def registry(self, project: Project | None = None) -> Registry:
        """Return the registry as it acts for who is behind the request; blocks."""
        project = project or self.project()
        return project.registry_for(self.identity(project))


class ModelsHandler(RegistryHandler):
    """The registered models of a project."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Send one page of models by name, each with what is in production and what is newest."""
        limit, cursor = parse_limit(self.query("limit")), self.query("cursor")

        def work() -> dict[str, Any]:
            try:
                project = self.project()
            except NoStoreError:
                return {"models": [], "total": 0, "next_cursor": None}
            return _page(project, limit, cursor)

        await self.answer(work)


class ModelHandler(RegistryHandler):
    """One model."""

    @authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Send a model with its versions, and who asks."""

        def work() -> dict[str, Any]:
            project = self.project()
            return model_views.model(project.registry.get(name), project.settings, self.identity(project))

        await self.answer(work)

    @authenticated
    @authorized
    async def patch(self, name: str) -> None:
        """Change what is said of a model, and send it as it is then."""
        edit = self.content(ModelEdit)

        def work() -> dict[str, Any]:
            project = self.project()
            found = self.registry(project).edit(name, **msgspec.structs.asdict(edit))
            return model_views.model(found, project.settings, self.identity(project))

        await self.answer(work)


class ModelVersionHandler(RegistryHandler):
    """One version of a model."""

    @authenticated
    @authorized
    async def get(self, name: str, version: str) -> None:
        """Send a version, and what it lacks for the stage that is asked about, production unless said."""
        stage = self.query("stage") or "production"

        def work() -> dict[str, Any]:
            project, number = self.project(), int(version)
            registry, settings = self.registry(project), project.settings
            standing = model_views.standing(registry.standing(name, number, stage), settings)
            return model_views.version(registry.version(name, number), settings) | {"standing": standing}

        await self.answer(work)

    @authenticated
    @authorized
    async def patch(self, name: str, version: str) -> None:
        """Change what is said of a version, and send its model as it is then."""
        edit = self.content(VersionEdit)

        def work() -> dict[str, Any]:
            project = self.project()
            found = self.registry(project).edit(name, int(version), **msgspec.structs.asdict(edit))
            return model_views.model(found, project.settings, self.identity(project))

        await self.answer(work)

    @authenticated
    @authorized
    async def delete(self, name: str, version: str) -> None:
        """Delete a version that no alias and no stage holds; its events stay."""

        def work() -> dict[str, Any]:
            self.registry().delete(name, int(version))
            return {"deleted": int(version)}

        await self.answer(work)


class ModelComparisonHandler(RegistryHandler):
    """Two versions beside each other."""

    @authenticated
    @authorized
    async def get(self, name: str, one: str, other: str) -> None:
        """Send what the second version has in place of what the first one has."""
        await self.answer(lambda: model_views.comparison(self.registry().compare(name, int(one), int(other))))


class ModelLineageHandler(RegistryHandler):
    """Where a version came from."""

    @authenticated
    @authorized
    async def get(self, name: str, version: str) -> None:
        """Send the graph from data to the version, and what that is used as."""
        await self.answer(lambda: model_views.lineage(self.registry().lineage(name, int(version))))


class ModelCardHandler(RegistryHandler):
    """The card of a version."""

    @authenticated
    @authorized
    async def get(self, name: str, version: str) -> None:
        """Send the card in its parts, and as Markdown."""
        await self.answer(lambda: model_views.card(self.registry().card(name, int(version))))


class AuditEventsHandler(RegistryHandler):
    """The audit trail."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Send one page of events, newest first; with `model` those on one model."""
        limit, cursor, model = parse_limit(self.query("limit")), self.query("cursor"), self.query("model")

        def work() -> dict[str, Any]:
            try:
                registry = self.registry()
            except NoStoreError:
                return {"events": [], "next_cursor": None}
            only = None if model is None else f"model = '{check_name(model, 'model')}'"
            return audit_views.page(registry.audit_events(limit, audit_views.before(cursor), only))

        await self.answer(work)


class AuditVerdictHandler(RegistryHandler):
    """Whether the audit trail is as it was written."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Verify the whole trail, and send what was found."""
        await self.answer(lambda: audit_views.verdict(self.registry().verify()))


class _Page(NamedTuple):
    """An answer that holds as long as nothing was recorded, no other policy is on disk, and the minute lasts."""

    project: Project
    newest: str
    minute: int
    answer: dict[str, Any]


_PAGES: dict[tuple[str, int, str | None], _Page] = {}
"""The last answers by place, limit and cursor: a panel that is seen asks each second, and reads judgements for it."""
_PAGES_KEPT = 32


def _page(project: Project, limit: int, cursor: str | None) -> dict[str, Any]:
    registry, key = project.registry, (str(project.root), limit, cursor)
    newest = "".join(each.hash for each in registry.audit_events(1).events)
    minute, known = now_ms() // 60_000, _PAGES.get(key)
    if known and known.project is project and (known.newest, known.minute) == (newest, minute):
        return known.answer
    names = [each.name for each in registry.summaries()]
    chosen, following = model_views.cut(names, limit, cursor)
    answer = model_views.page((registry.get(name) for name in chosen), project.settings, len(names), following)
    if len(_PAGES) >= _PAGES_KEPT:
        _PAGES.clear()
    _PAGES[key] = _Page(project, newest, minute, answer)
    return answer
