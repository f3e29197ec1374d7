"""The registry: versions of models, the stages they pass, and the trail of who did what.

Every change is an audit event; the tables follow from the events in the same transaction.  Before a model is moved or
loaded, its rows are proved against its events and its bytes against their digest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.data.names import check_name, check_text, clip
from trackbook.errors import GateError, IntegrityError, NotFoundError, RegistryError, UsageError, a, nearest, shown
from trackbook.registry import events, projection, sharing, values
from trackbook.registry.audit import chain, head
from trackbook.registry.audit.chain import AuditEvent, AuditVerdict
from trackbook.registry.formats import skops
from trackbook.registry.gates import judge
from trackbook.registry.sharing import SharedVersion
from trackbook.registry.values import STAGES, Model, ModelVersion, Reference
from trackbook.settings import Settings
from trackbook.store import Store, now_ms

if TYPE_CHECKING:
    from trackbook.store import Database
    from trackbook.tracking import Run, Runs

CHAMPION = events.CHAMPION
PREDICTORS = ("predict", "transform", "fit_predict", "decision_function")


class Resolved(msgspec.Struct, frozen=True):
    """The stored bytes that a URI names, and for a registered model its version."""

    uri: str
    digest: str
    format: str
    run_id: str | None
    version: ModelVersion | None = None


class AuditPage(msgspec.Struct, frozen=True):
    """Audit events, the newest first, and the cursor for those before them (None at the end)."""

    events: tuple[AuditEvent, ...]
    cursor: str | None


class Registry:
    """Registers models, moves them through stages, and accounts for it."""

    def __init__(self, store: Store, settings: Settings, user: str, runs: Runs) -> None:
        """Keep models in `store` under the gates and trusted types of `settings`; `user` is who acts."""
        self._store = store
        self._settings = settings
        self._user = user
        self._runs = runs
        self._head = head.HeadFile(store.root)

    # -- changes

    def register(
        self,
        model: Any,
        name: str,
        *,
        run_id: str | None = None,
        metrics: Mapping[str, float] | None = None,
        description: str = "",
        example: Any = None,
    ) -> ModelVersion:
        """Keep `model` (a fitted estimator, or the URI ``runs:/RUN/PATH`` of one) as the next version of `name`.

        Params, metrics and environment come from the run `run_id`; `metrics` are added to them and win.  With an
        `example` of the input, its columns become the signature, and the stored model must predict it alike.
        Raises RegistryError for a model that cannot be kept, NotFoundError for an unknown run.
        """
        check_name(name, "model")
        check_text(description, "description")
        extra = _checked_metrics(metrics or {})
        if isinstance(model, str):
            resolved = self.resolve(model)
            run_id = run_id or resolved.run_id
            data = self._store.objects.get(resolved.digest)
            model = skops.load_model(data, self._trusted, format=resolved.format)
        else:
            data = self._dump(model, name)
        signature = self._signature(model, data, example)
        run = self._runs.get(run_id) if run_id else None
        digest = self._store.objects.put(data)
        with self._change() as db:
            found = values.read_models(db, name)
            if not found:
                self._record(db, name, events.ModelCreated(""))
            version = found[0].versions[0].version + 1 if found and found[0].versions else 1
            payload = events.VersionRegistered(
                version=version,
                digest=digest,
                format=skops.SKOPS,
                size=len(data),
                run_id=run.run_id if run else None,
                params=run.summary.params if run else {},
                metrics={**(run.summary.metrics if run else {}), **extra},
                signature=signature,
                environment=_environment(db, run),
                description=description,
            )
            self._record(db, name, payload, version)
            return _version_of(db, name, version)

    def promote(self, name: str, version: int, stage: str, reason: str | None = None) -> ModelVersion:
        """Move a version to `stage` when every gate of that stage passes; a refusal is recorded, too.

        Entering production archives the version that was there and moves the alias ``champion``; leaving it removes
        the alias.  A version that is in `stage` already stays as it is.  Raises GateError with what every failed gate
        said, IntegrityError when the model's bytes or rows are not what was registered.
        """
        check_text(reason or "", "reason")
        _check_stage(stage)
        self._check_bytes(self.version(name, version))
        with self._change() as db:
            projection.prove(db, name)
            current = _version_of(db, name, version)
            if current.stage == stage:
                return current
            results = self._judge(current, stage)
            failed = [result.reason for result in results if not judge.holds_for(result, current.digest)]
            judgements = [events.judgement(result) for result in results]
            if failed:
                self._record(db, name, events.PromotionRefused(version, stage, judgements, reason), version)
            else:
                (model,) = values.read_models(db, name)
                self._record(db, name, _promotion(model, current, stage, judgements, reason), version)
            moved = _version_of(db, name, version)
        if failed:
            raise GateError(
                f"version {version} of model {name!r} was not promoted to {stage}: {'; '.join(failed)}. "
                "Register a version that passes, or change the gates in trackbook.toml"
            )
        return moved

    def check(
        self, name: str, model: int | str, stage: str, *, about: str | None = None
    ) -> tuple[judge.GateResult, ...]:
        """Return what the gates of `stage` say about a model, and change nothing.

        `model` is a version of `name`, or the URI of one that is not registered yet (``runs:/RUN/PATH``), which is
        judged by the metrics of its run.  With `about` only gates about that are asked: quality, fairness or speed.
        """
        check_name(name, "model")
        _check_stage(stage)
        if isinstance(model, int):
            version = self.version(name, model)
            metrics, digest = dict(version.metrics), version.digest
        else:
            resolved = self.resolve(model)
            digest = resolved.digest
            metrics = resolved.version.metrics if resolved.version else self._metrics_of(resolved.run_id)
        chosen = judge.applicable(self._settings.gates, name, stage)
        time = now_ms()
        return tuple(judge.judge(gate, metrics, digest, time) for gate in chosen if about in (None, judge.about(gate)))

    def _metrics_of(self, run_id: str | None) -> dict[str, float]:
        return self._runs.get(run_id).summary.metrics if run_id else {}

    def set_alias(self, name: str, alias: str, version: int) -> ModelVersion:
        """Let `alias` name a version; ``champion`` follows production and is not set by hand."""
        _check_alias(alias)
        with self._change() as db:
            projection.prove(db, name)
            current = _version_of(db, name, version)
            (model,) = values.read_models(db, name)
            before = model.aliases.get(alias)
            if before == version:
                return current
            self._record(db, name, events.AliasSet(alias, version, before), version)
            return _version_of(db, name, version)

    def delete_alias(self, name: str, alias: str) -> None:
        """Remove `alias` from a model; raises NotFoundError when it has none of that name."""
        _check_alias(alias)
        with self._change() as db:
            projection.prove(db, name)
            version = _aliased(_model_of(db, name), alias)
            self._record(db, name, events.AliasDeleted(alias, version), version)

    def replay(self) -> None:
        """Make the tables again from the audit events, as when the database was rebuilt from them."""
        with self._store.write() as db:
            for table in ("gate_result", "model_alias", "model_version", "model"):
                db.execute(f"DELETE FROM {table}")  # noqa: S608 - constant names
            for event in chain.every(db):
                projection.apply(db, event)

    # -- other stores

    def shared(self) -> tuple[SharedVersion, ...]:
        """Return all versions as they were first registered, for other stores to adopt."""
        with self._store.read() as db:
            return tuple(sharing.shared(db))

    def adopt(self, version: SharedVersion) -> ModelVersion | None:
        """Register a version of another store, whose bytes are here, in stage `none`; None when it is known.

        Nothing in it is built or run.  Raises IntegrityError when its bytes are not those of its digest.
        """
        sharing.check(version)
        self._store.objects.check(version.digest)
        with self._change() as db:
            if version.event in {each.event for each in sharing.shared(db)}:
                return None
            found = values.read_models(db, version.name)
            if not found:
                self._record(db, version.name, events.ModelCreated(""))
            number = found[0].versions[0].version + 1 if found and found[0].versions else 1
            self._record(db, version.name, version.payload(number), number)
            return _version_of(db, version.name, number)

    # -- reading

    def models(self) -> tuple[Model, ...]:
        """Return all models by name, with their versions; no stored model is opened for it."""
        with self._store.read() as db:
            return values.read_models(db)

    def get(self, name: str) -> Model:
        """Return one model; raises NotFoundError with the nearest name."""
        check_name(name, "model")
        with self._store.read() as db:
            return _model_of(db, name)

    def version(self, name: str, version: int) -> ModelVersion:
        """Return one version; raises NotFoundError that says what there is."""
        check_name(name, "model")
        with self._store.read() as db:
            return _version_of(db, name, version)

    def resolve(self, uri: str) -> Resolved:
        """Return the bytes that ``models:/NAME/VERSION``, ``…@ALIAS``, ``…/STAGE`` or ``runs:/RUN/PATH`` names.

        A registered model's rows are proved against its audit events on the way.
        """
        reference = values.parse(uri)
        if reference.scheme == "runs":
            return self._resolve_run(uri, reference)
        check_name(reference.name, "model")
        with self._store.read() as db:
            model = _model_of(db, reference.name)
            projection.prove(db, reference.name)
        version = _pick(model, reference)
        return Resolved(version.uri, version.digest, version.format, version.run_id, version)

    def load(self, uri: str) -> Any:
        """Return the model that `uri` names, built from proved bytes and trusted types only."""
        resolved = self.resolve(uri)
        data = self._store.objects.get(resolved.digest)
        return skops.load_model(data, self._trusted, format=resolved.format)

    def audit_events(self, limit: int = 100, cursor: str | None = None) -> AuditPage:
        """Return up to `limit` events, the newest first; `cursor` comes from the page before."""
        if not 1 <= limit <= 10_000:
            raise UsageError(f"limit is {limit}; give 1 to 10000")
        if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 16):
            raise UsageError(f"{clip(cursor)} is no cursor of the audit trail; begin again without one")
        with self._store.read() as db:
            found = chain.newest(db, limit, int(cursor) if cursor is not None else None)
        more = len(found) == limit and found[-1].seq > 1
        return AuditPage(tuple(found), str(found[-1].seq) if more else None)

    def verify(self) -> AuditVerdict:
        """Check the whole trail: its chain, its noted head, and every row of the registry against it."""
        # The note first: the trail may grow in between, and a longer trail is sound.
        try:
            noted, unreadable = self._head.read(), None
        except IntegrityError as error:
            noted, unreadable = None, str(error)
        with self._store.read() as db:
            chain.lenient(db)
            verdict = chain.verify(chain.every(db))
            fault = verdict.fault or head.contradiction(noted, db)
            if fault is None and unreadable is not None:
                fault = chain.Fault(verdict.events, unreadable)
            rows: tuple[str, ...] = ()
            if fault is None:
                fault, rows = _compare(db)
        return msgspec.structs.replace(verdict, fault=fault, rows=rows, anchored=noted is not None)

    # -- inside

    @property
    def _trusted(self) -> tuple[str, ...]:
        return self._settings.models.trusted

    @contextmanager
    def _change(self) -> Iterator[Database]:
        """Give a write transaction on a trail that is whole, and note its new head after the commit."""
        with self._store.write() as db:
            self._head.check(db)
            yield db
            newest = chain.last(db)
        if newest is not None:
            self._head.advance(newest)

    def _record(self, db: Database, name: str, payload: events.Payload, version: int | None = None) -> None:
        content = msgspec.to_builtins(payload)
        subject = events.subject_of(name, version)
        projection.apply(db, chain.append(db, self._user, events.action_of(payload), subject, content))

    def _dump(self, model: Any, name: str) -> bytes:
        if isinstance(model, type) or not any(hasattr(model, method) for method in PREDICTORS):
            what = f"the class {model.__name__}" if isinstance(model, type) else a(type(model).__name__)
            raise RegistryError(f"{what} cannot be registered as {name!r}; give a fitted estimator or runs:/RUN/PATH")
        return skops.dump_model(model, self._trusted)

    def _signature(self, model: Any, data: bytes, example: Any) -> dict[str, Any] | None:
        from trackbook.registry.signature import check_predictions, signature_of

        signature = signature_of(model, example)
        if example is not None:
            check_predictions(model, skops.load_model(data, self._trusted), example)
        return signature

    def _judge(self, version: ModelVersion, stage: str) -> list[judge.GateResult]:
        time = now_ms()
        chosen = judge.applicable(self._settings.gates, version.name, stage)
        return [judge.judge(gate, version.metrics, version.digest, time) for gate in chosen]

    def _check_bytes(self, version: ModelVersion) -> None:
        try:
            self._store.objects.get(version.digest)
        except NotFoundError as error:
            raise IntegrityError(f"the bytes of {version.uri} are gone: {error}") from error

    def _resolve_run(self, uri: str, reference: Reference) -> Resolved:
        run = self._runs.get(reference.name)
        known = {artifact.path: artifact.digest for artifact in run.artifacts}
        path = reference.path or ""
        if path not in known:
            raise NotFoundError(f"run {run.run_id[:8]} has no artifact {clip(path)}{nearest(path, known)}")
        format = skops.SUFFIXES.get(PurePosixPath(path).suffix)
        if format is None:
            raise RegistryError(
                f"{clip(uri)} is no model that Trackbook loads; log models with the suffix "
                f"{', '.join(skops.SUFFIXES)}, or use register_model"
            )
        return Resolved(uri, known[path], format, run.run_id)


def _check_stage(stage: str) -> None:
    if stage not in STAGES:
        raise UsageError(f"{clip(stage)} is no stage; use one of {', '.join(STAGES)}{nearest(str(stage), STAGES)}")


def _promotion(
    model: Model, version: ModelVersion, stage: str, judgements: list[events.Judgement], reason: str | None
) -> events.Promoted:
    """Return what follows from moving `version`: who makes place in production, and whom the champion alias names."""
    archived: list[int] = []
    aliases: dict[str, int | None] = {}
    if stage == "production":
        archived = [each.version for each in model.versions if each.stage == "production"]
        aliases = {CHAMPION: version.version}
    elif model.aliases.get(CHAMPION) == version.version:
        aliases = {CHAMPION: None}
    return events.Promoted(version.version, stage, version.stage, archived, aliases, judgements, reason)


def _pick(model: Model, reference: Reference) -> ModelVersion:
    if reference.alias is not None:
        return _numbered(model, _aliased(model, reference.alias))
    if reference.version is not None:
        return _numbered(model, reference.version)
    stage = reference.stage or "latest"
    found = model.versions[0] if stage == "latest" and model.versions else model.in_stage(stage)
    if found is None:
        raise NotFoundError(
            f"model {model.name!r} has no version in {stage}; `trackbook models show {model.name}` lists its versions"
        )
    return found


def _model_of(db: Database, name: str) -> Model:
    found = values.read_models(db, name)
    if not found:
        known = [row[0] for row in db.execute("SELECT name FROM model ORDER BY name").fetchall()]
        raise NotFoundError(f"there is no model {clip(name)}{nearest(name, known)}; `trackbook models list` shows all")
    return found[0]


def _version_of(db: Database, name: str, version: int) -> ModelVersion:
    return _numbered(_model_of(db, name), version)


def _numbered(model: Model, version: int) -> ModelVersion:
    if not isinstance(version, int) or isinstance(version, bool):
        raise UsageError(f"a version of model {model.name!r} is a whole number, not {shown(version)}")
    for each in model.versions:
        if each.version == version:
            return each
    raise NotFoundError(
        f"model {model.name!r} has no version {clip(version)}; the newest is "
        f"{model.versions[0].version if model.versions else 'none'}"
    )


def _aliased(model: Model, alias: str) -> int:
    if alias not in model.aliases:
        raise NotFoundError(
            f"model {model.name!r} has no alias {clip(alias)}{nearest(alias, model.aliases)}; "
            f"it has {', '.join(model.aliases) or 'none'}"
        )
    return model.aliases[alias]


def _check_alias(alias: str) -> None:
    check_name(alias, "alias")
    if alias == CHAMPION:
        raise RegistryError(
            f"the alias {CHAMPION!r} follows production, so that no model gets there without its gates; "
            "promote a version to production instead"
        )
    if alias.lower() in (*STAGES, "latest") or alias.isdigit():
        raise UsageError(f"{alias!r} would be taken for a stage or a version; choose another name for the alias")


def _checked_metrics(metrics: Mapping[str, float]) -> dict[str, float]:
    try:
        return {check_text(str(key), "metric name"): float(value) for key, value in metrics.items()}
    except (TypeError, ValueError) as error:
        raise UsageError(f"metrics are names with numbers: {error}") from error


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


def _compare(db: Database) -> tuple[chain.Fault | None, tuple[str, ...]]:
    try:
        return None, projection.differences(projection.rebuild(chain.every(db)), projection.read(db))
    except IntegrityError as error:
        newest = chain.last(db)
        return chain.Fault(newest.seq if newest else 0, str(error)), ()
