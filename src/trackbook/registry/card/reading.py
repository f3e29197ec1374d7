"""What a model card is made of, read from the store; no stored model is opened for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from trackbook.capture.environment import Environment
from trackbook.errors import NotFoundError
from trackbook.registry.audit import chain
from trackbook.registry.card.making import Sources, make_card
from trackbook.registry.events import subject_of
from trackbook.registry.lineage import model_lineage, read_held, read_steps
from trackbook.tracking.differences import code_of, program_code
from trackbook.tracking.values import Execution

if TYPE_CHECKING:
    from trackbook.registry.approvals.standing import Standing
    from trackbook.registry.card.values import ModelCard
    from trackbook.registry.values import Model, ModelVersion
    from trackbook.store import Store
    from trackbook.tracking import Run, Runs


def read_card(
    store: Store, runs: Runs, model: Model, version: ModelVersion, standings: Iterable[Standing]
) -> ModelCard:
    """Return the card of `version`, a version of `model`; `standings` are those of the `stages_of` the version."""
    run = source_run(runs, version)
    held = read_held(store, run)
    links, writers = read_steps(store, run)
    with store.read() as db:
        events = tuple(chain.about(db, subject_of(version.name, version.version)))
        content = db.execute("SELECT content FROM environment WHERE digest = ?", [version.environment]).fetchone()
    sources = Sources(
        run=run,
        program=read_program(store, version, run),
        environment=None if content is None else Environment.from_json(content[0]),
        held=held,
        lineage=model_lineage(version, run, links=links, writers=writers, held=held),
        events=events,
        standings=tuple(standings),
    )
    return make_card(model, version, sources)


def read_program(store: Store, version: ModelVersion, run: Run | None) -> str:
    """Return the code that made a version: of its run, else as the version itself keeps it; empty when neither does."""
    if run is not None:
        return code_of(run)
    if version.program is None:
        return ""
    try:
        kept = store.objects.get(version.program)
    except NotFoundError:
        return ""
    return program_code(msgspec.json.decode(kept, type=list[Execution]))


def stages_of(version: ModelVersion) -> list[str]:
    """Return the stages that gates or people spoke of."""
    return list(dict.fromkeys([*(each.stage for each in version.gates), *(each.stage for each in version.approvals)]))


def source_run(runs: Runs, version: ModelVersion) -> Run | None:
    """Return the run of a version; None when it has none, or none that is here."""
    if version.run_id is None:
        return None
    try:
        return runs.get(version.run_id)
    except NotFoundError:  # a version that was pulled without its run, or whose run is gone
        return None
