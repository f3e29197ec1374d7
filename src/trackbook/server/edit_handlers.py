"""What people change of runs that exist: names, notes and tags; and runs that go, and come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from trackbook.server import run_views
from trackbook.server.base import TrackbookHandler

if TYPE_CHECKING:
    from trackbook.tracking.edits import RunEdits


class Edit(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be changed; what is left out stays, a note or tag that is null goes."""

    run_name: str | msgspec.UnsetType = msgspec.UNSET
    note: str | msgspec.UnsetType | None = msgspec.UNSET
    tags: dict[str, str | None] = {}


class RunHandler(TrackbookHandler):
    """One run."""

    @authenticated
    @authorized
    async def get(self, run_id: str) -> None:
        """Send one run in full."""
        await self.answer(lambda: run_views.run(self.project().runs, run_id))

    @authenticated
    @authorized
    async def patch(self, run_id: str) -> None:
        """Change its name, note or tags, and send it as it is then."""
        edit = self.content(Edit)

        def work() -> dict[str, Any]:
            project = self.project()
            _apply(project.edits, run_id, edit)
            return run_views.run(project.runs, run_id)

        await self.answer(work)

    @authenticated
    @authorized
    async def delete(self, run_id: str) -> None:
        """Delete it and the runs within it, and send their ids; they can be restored until `gc` has gone by."""
        await self.answer(lambda: {"deleted": self.project().edits.delete([run_id])})


class RestorationHandler(TrackbookHandler):
    """Brings a deleted run back."""

    @authenticated
    @authorized
    async def post(self, run_id: str) -> None:
        """Restore the run and those that were deleted with it, and send their ids."""
        await self.answer(lambda: {"restored": self.project().edits.undelete([run_id])})


def _apply(edits: RunEdits, run_id: str, edit: Edit) -> None:
    edits.edit(
        run_id,
        name=None if edit.run_name is msgspec.UNSET else edit.run_name,
        note=None if edit.note is msgspec.UNSET else edit.note or "",
        tags={key: value for key, value in edit.tags.items() if value is not None},
        untag=[key for key, value in edit.tags.items() if value is None],
    )
