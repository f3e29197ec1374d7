"""How a model becomes a version: kept as bytes, with all that is known of where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.data.names import check_name, check_text
from trackbook.errors import UsageError
from trackbook.registry import events, lookup, sharing, values
from trackbook.registry.keeping import Keeper
from trackbook.registry.loading import OPAQUE, Loader, Resolved
from trackbook.registry.sharing import SharedVersion
from trackbook.registry.trail import Trail
from trackbook.registry.training import keep_training, training_of
from trackbook.registry.values import ModelVersion
from trackbook.store import Store

if TYPE_CHECKING:
    from trackbook.store import Database
    from trackbook.tracking import Run, Runs


class Registration:
    """Registers models, adopts those of other stores, and edits what people say about them."""

    def __init__(self, store: Store, trail: Trail, runs: Runs, loader: Loader) -> None:
        """Keep models in `store`; `loader` builds those that are there."""
        self._store = store
        self._keeper = Keeper(store.objects, loader)
        self._trail = trail
        self._runs = runs
        self._loader = loader

    def register(
        self,
        model: Any,
        name: str,
        *,
        run_id: str | None = None,
        metrics: Mapping[str, float] | None = None,
        description: str = "",
        example: Any = None,
        format: str | None = None,
        owner: str = "",
        tags: Mapping[str, str] | None = None,
        training: Any = None,
    ) -> ModelVersion:
        """Keep `model` as the next version of `name`; see `Registry.register`."""
        check_name(name, "model")
        check_text(description, "description")
        check_text(owner, "owner")
        extra, labels = checked_metrics(metrics or {}), checked_tags(tags or {})
        resolved = self._loader.resolve(model, any_file=format == OPAQUE) if isinstance(model, str) else None
        run_id = run_id or (resolved.run_id if resolved else None)
        run = self._runs.get(run_id) if run_id else None
        keep = self._keeper.keep if resolved is None else self._keeper.again
        kept = keep(model if resolved is None else resolved, format, example)
        program = self._program(run)
        stored = training_of(self._run_of(resolved), resolved) if resolved else None
        rows = keep_training(self._store.objects, model, training, stored)
        with self._trail.change() as db:
            payload = events.VersionRegistered(
                version=self._next(db, name),
                run_id=run.run_id if run else None,
                params=run.summary.params if run else {},
                metrics={**(run.summary.metrics if run else {}), **extra},
                environment=_environment(db, run),
                description=description,
                author=run.user if run else "",
                owner=owner,
                tags=labels,
                training=rows,
                program=program,
                datasets=sources(run),
                **msgspec.structs.asdict(kept),
            )
            self._trail.record(db, name, payload, payload.version)
            return lookup.version_of(db, name, payload.version)

    def adopt(self, version: SharedVersion) -> ModelVersion | None:
        """Register a version of another store, whose bytes are here, in stage `none`; None when it is known.

        Nothing in it is built or run.  Raises IntegrityError when an object of it is not that of its digest.
        """
        sharing.check(version)
        for digest in version.objects:
            self._store.objects.check(digest)
        with self._trail.change() as db:
            if version.event in {each.event for each in sharing.shared(db, deleted=True)}:
                return None
            number = self._next(db, version.name)
            self._trail.record(db, version.name, version.payload(number), number)
            return lookup.version_of(db, version.name, number)

    def edit(
        self,
        name: str,
        version: int | None = None,
        *,
        description: str | None = None,
        owner: str | None = None,
        tags: Mapping[str, str | None] | None = None,
        intended_use: str | None = None,
        limits: str | None = None,
    ) -> None:
        """Change what is said of a model, or of one version; see `Registry.edit`."""
        texts = {"description": description, "owner": owner, "intended_use": intended_use, "limits": limits}
        for what, text in texts.items():
            check_text(text or "", what.replace("_", " "))
        if version is not None and (intended_use is not None or limits is not None):
            raise UsageError("intended use and limits are said of the model, not of one version; leave the version out")
        with self._trail.change() as db:
            model = lookup.model_of(db, name)
            holder = model if version is None else lookup.numbered(model, version)
            labels = None if tags is None else _merged(holder.tags, tags)
            payload: events.ModelEdited | events.VersionEdited
            if version is None:
                payload = events.ModelEdited(description, owner, labels, intended_use, limits)
            else:
                payload = events.VersionEdited(version, description, owner, labels)
            if _says_something(payload, holder):
                self._trail.record(db, name, payload, version)

    # -- inside

    def _next(self, db: Database, name: str) -> int:
        found = values.read_models(db, name)
        if not found:
            self._trail.record(db, name, events.ModelCreated(""))
        return found[0].next_version if found else 1

    def _run_of(self, resolved: Resolved) -> Run | None:
        return self._runs.get(resolved.run_id) if resolved.run_id and resolved.version is None else None

    def _program(self, run: Run | None) -> str | None:
        """Keep the executions that made the model, which so outlive their run, and return their digest."""
        if run is None or not run.program:
            return None
        return self._store.objects.put(msgspec.json.encode(run.program))


def sources(run: Run | None) -> tuple[events.DataSource, ...]:
    """Return the dataset versions and files that `run` read."""
    if run is None:
        return ()
    read = [data for data in run.data if data.role == "read" and data.kind in ("dataset", "file")]
    return tuple(
        events.DataSource(data.name, data.kind, data.fingerprint, data.name if data.kind == "dataset" else None)
        for data in read
    )


def checked_metrics(metrics: Mapping[str, float]) -> dict[str, float | str]:
    """Return `metrics` as names with numbers; raises UsageError for others."""
    try:
        return {check_text(str(key), "metric name"): float(value) for key, value in metrics.items()}
    except (TypeError, ValueError) as error:
        raise UsageError(f"metrics are names with numbers: {error}") from error


def checked_tags(tags: Mapping[str, Any]) -> dict[str, str]:
    """Return `tags` as names with texts."""
    return {check_text(str(key), "tag"): check_text(str(value), "tag") for key, value in tags.items()}


def _merged(tags: Mapping[str, str], changed: Mapping[str, str | None]) -> dict[str, str]:
    kept = {key: value for key, value in tags.items() if changed.get(key, "") is not None}
    return kept | checked_tags({key: value for key, value in changed.items() if value is not None})


def _says_something(payload: events.ModelEdited | events.VersionEdited, holder: Any) -> bool:
    fields = {name: getattr(payload, name) for name in payload.__struct_fields__ if name != "version"}
    return any(value is not None and value != getattr(holder, name) for name, value in fields.items())


def _environment(db: Database, run: Run | None) -> str | None:
    """Return the digest of the run's environment; without a run that of this process, which is then kept."""
    if run is not None:
        return run.environment_digest
    from trackbook.capture.environment import EnvironmentReader

    digest, environment = EnvironmentReader().read()
    db.execute(
        "INSERT INTO environment (digest, content) VALUES (?, ?) ON CONFLICT DO NOTHING",
        [digest, environment.to_json()],
    )
    return digest
