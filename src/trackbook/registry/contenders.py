"""What gates see, made from the store: who wants to enter a stage, who is in production, data and verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from trackbook.registry import values
from trackbook.registry.events import DataSource
from trackbook.registry.gates.context import Contender, GateContext, Sources
from trackbook.registry.loading import Loader, Resolved
from trackbook.registry.registration import sources
from trackbook.registry.training import training_of
from trackbook.registry.values import ModelVersion
from trackbook.store import Store, now_ms

if TYPE_CHECKING:
    from trackbook.store import Database
    from trackbook.tracking import Runs
    from trackbook.tracking.values import Reproduction


class Contenders:
    """Hands gates their context."""

    def __init__(self, store: Store, loader: Loader, runs: Runs, root: Path | None) -> None:
        """Read from `store` and `runs`, build models by `loader`; scorers of the project lie in the folder `root`."""
        self._store = store
        self._loader = loader
        self._runs = runs
        self._root = root

    @property
    def root(self) -> Path | None:
        """The folder that scorers of the project lie in."""
        return self._root

    def context(self, model: str, candidate: Contender) -> GateContext:
        """Return what gates see when `candidate` is judged; who is in production itself has no rival."""
        with self._store.read() as db:
            champion = champion_of(db, model)
        rival = None if champion is None or champion.uri == candidate.uri else contender_of(champion)
        return GateContext(model, candidate, rival, now_ms(), self._sources())

    def contender(self, resolved: Resolved) -> Contender:
        """Return a model as gates see it; one that is not registered yet has the metrics of its run."""
        if resolved.version is not None:
            return contender_of(resolved.version)
        run = self._runs.get(resolved.run_id) if resolved.run_id else None
        return Contender(
            uri=resolved.uri,
            digest=resolved.digest,
            format=resolved.format,
            size=self._store.objects.size(resolved.digest),
            metrics=run.summary.metrics if run is not None else {},
            run_id=resolved.run_id,
            training=training_of(run, resolved),
            datasets=_versions(sources(run)),
        )

    def _sources(self) -> Sources:
        from trackbook.data import Datasets

        datasets = Datasets(self._store, "")
        return Sources(
            load=self._load,
            version=datasets.resolve,
            frame=lambda version: datasets.frame(version.uri),
            reproduction=partial(_last_reproduction, self._runs),
            content=self._store.objects.get,
            root=self._root,
        )

    def _load(self, contender: Contender) -> object:
        return self._loader.build(Resolved(contender.uri, contender.digest, contender.format, contender.run_id))


def champion_of(db: Database, model: str) -> ModelVersion | None:
    """Return the version of a model that is in production, or None."""
    found = values.read_models(db, model)
    return found[0].in_stage("production") if found else None


def contender_of(version: ModelVersion) -> Contender:
    """Return a version as gates see it."""
    return Contender(
        uri=version.uri,
        digest=version.digest,
        format=version.format,
        size=version.size,
        metrics=version.metrics,
        signature=version.signature,
        run_id=version.run_id,
        training=version.training,
        datasets=_versions(version.datasets),
    )


def _versions(read: Iterable[DataSource]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(source.uri for source in read if source.uri is not None))


def _last_reproduction(runs: Runs, run_id: str) -> Reproduction | None:
    found = runs.get(run_id).reproductions
    return max(found, key=lambda each: each.end_time) if found else None
