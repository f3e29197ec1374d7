"""The registry: versions of models, the stages they pass, and the trail of who did what.

Every change is an audit event; the tables follow from the events in the same transaction.  Before a model is moved or
loaded, its rows are proved against its events and its bytes against their digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackbook.data.names import check_name
from trackbook.registry import listing, lookup, sharing, values
from trackbook.registry.approvals.standing import Standing, StandingResult, advice
from trackbook.registry.approving import Approvals
from trackbook.registry.audit.chain import AuditVerdict
from trackbook.registry.audit.service import Audit, AuditPage
from trackbook.registry.contenders import Contenders
from trackbook.registry.gates.judge import GateResult
from trackbook.registry.identity import Who
from trackbook.registry.judging import Judging
from trackbook.registry.listing import ModelSummary
from trackbook.registry.loading import Loader, Resolved
from trackbook.registry.production import Production, Rollback
from trackbook.registry.promotion import Promotions
from trackbook.registry.registration import Registration
from trackbook.registry.retirement import Retirement
from trackbook.registry.sharing import SharedVersion
from trackbook.registry.trail import Trail
from trackbook.registry.values import Model, ModelVersion
from trackbook.registry.verification import ModelFault, faults
from trackbook.settings import Settings
from trackbook.store import Store

if TYPE_CHECKING:
    from trackbook.registry.card import ModelCard
    from trackbook.registry.compare import VersionComparison
    from trackbook.tracking import Runs
    from trackbook.tracking.lineage import Lineage


class Registry:
    """Registers models, moves them through stages, and accounts for it."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        user: Who,
        runs: Runs,
        root: Path | None = None,
    ) -> None:
        """Keep models in `store` under the policy and trusted types of `settings`; `user` is who acts.

        Scorers of the project's own, which gates may name, lie in the folder `root`.
        """
        self._store = store
        self._runs = runs
        self._trail = Trail(store, user)
        self.audit = Audit(store, self._trail)
        self._loader = Loader(store, settings.models, runs)
        self._registration = Registration(store, self._trail, runs, self._loader)
        self._judging = Judging(store, settings, self._trail, self._loader, Contenders(store, self._loader, runs, root))
        self._promotions = Promotions(store, settings, self._trail, self._loader, self._judging)
        self._approvals = Approvals(store, settings, self._trail, self._judging, self._promotions)
        self._production = Production(store, self._trail, self._loader)
        self._retirement = Retirement(self._trail)

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
        format: str | None = None,
        owner: str = "",
        tags: Mapping[str, str] | None = None,
        training: Any = None,
    ) -> ModelVersion:
        """Keep `model` (a fitted model, its URI ``runs:/RUN/PATH``, or a Path) as the next version of `name`.

        Params, metrics and environment come from the run `run_id`; `metrics` are added to them and win.  The columns of
        `example`, of which five rows are kept, become the signature, and the stored model must predict it alike; of
        a model fitted in a tracked cell it is what that was fitted on.  `format` is one of `formats.table.FORMATS`,
        else the one of the model's type.  `training` declares the rows that the model was fitted on (a frame, or a
        tuple of features and target) where the fit was not tracked: gates look for held-out rows among them.
        Raises RegistryError for a model that cannot be kept, NotFoundError for an unknown run.
        """
        return self._registration.register(
            model,
            name,
            run_id=run_id,
            metrics=metrics,
            description=description,
            example=example,
            format=format,
            owner=owner,
            tags=tags,
            training=training,
        )

    def edit(self, name: str, version: int | None = None, **changes: Any) -> Model:
        """Change `description`, `owner` or `tags` of a model or of one version of it; what is None stays.

        `tags` are merged with those there are, a tag of None is removed.  `intended_use` and `limits` are of the model.
        """
        check_name(name, "model")
        self._registration.edit(name, version, **changes)
        return self.get(name)

    def check(
        self, name: str, model: int | str, stage: str, *, about: str | None = None, keep: bool = True
    ) -> tuple[GateResult, ...]:
        """Return what the gates of `stage` say about a model.

        `model` is a version of `name`, or the URI of one that is not registered yet (``runs:/RUN/PATH``), which is
        judged by the metrics of its run.  With `about` only gates about that are asked: quality, fairness or speed.
        What all gates say of a version is kept as an event unless `keep` is false.
        """
        return self._judging.check(name, model, stage, about=about, keep=keep)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What must be said of who acts: not authenticated, and gates and approvals advisory; nothing of who is."""
        return advice(self._trail.identity, ())

    def standing(self, name: str, version: int, stage: str = "production") -> Standing:
        """Return what `version` still lacks to enter `stage`: gates, approvals, in sentences; nothing is changed."""
        return self._approvals.standing(name, version, stage)

    def judged(self, version: ModelVersion) -> tuple[StandingResult, ...]:
        """Return what the gates of all stages said last of a version, and why some of it is void; for a list."""
        return self._approvals.judged(version)

    def approve(self, name: str, version: int, stage: str = "production", comment: str = "") -> Standing:
        """Say yes to a version on its way to `stage`, and return how it stands then.

        The approval holds for its bytes, for what its gates say now and for the policy as it is, and until it expires.
        Who acts must be one of those whom the policy names, and not the author; a later decision replaces an earlier.
        Raises RegistryError for who has no say.
        """
        return self._approvals.decide(name, version, stage, comment, approved=True)

    def reject(self, name: str, version: int, stage: str = "production", comment: str = "") -> Standing:
        """Say no to a version on its way to `stage`: it stays out until the same person approves it."""
        return self._approvals.decide(name, version, stage, comment, approved=False)

    def promote(
        self, name: str, version: int, stage: str, reason: str | None = None, *, override: bool = False
    ) -> ModelVersion:
        """Move a version to `stage` when its gates, asked anew, and the approvals let it; a refusal is recorded, too.

        Entering production archives the version that was there and moves the alias ``champion``; leaving it removes
        the alias.  A version that is in `stage` already stays as it is.  With `override` it moves against gates and
        approvals, for the `reason`, and is marked so.  Raises GateError with all that it lacks, IntegrityError when
        the model's bytes or rows are not what was registered.
        """
        return self._promotions.promote(name, version, stage, reason, override=override)

    def rollback(self, name: str, reason: str | None = None) -> Rollback:
        """Put the version back that was in production before; deprecated and deleted ones are passed over.

        No gate is asked: it has passed them once, or is still marked as one that an override put there.  A second call
        goes further back.  Raises RegistryError when there is none, IntegrityError when its bytes or rows are not what
        was registered.
        """
        return self._production.rollback(name, reason)

    def deprecate(self, name: str, version: int, reason: str | None) -> ModelVersion:
        """Mark a version as one that should not be used any more; with the reason None the mark is taken back.

        Who loads it is warned, and it enters neither staging nor production.
        """
        return self._retirement.deprecate(name, version, reason)

    def delete(self, name: str, version: int, reason: str | None = None) -> None:
        """Delete a version that no alias and neither staging nor production holds; else raises RegistryError.

        Its number is not given again and its events stay; its bytes go with `trackbook gc` when nothing else has them.
        """
        self._retirement.delete(name, version, reason)

    def verify_models(self, name: str | None = None) -> tuple[ModelFault, ...]:
        """Hash again what the versions of `name`, or of all models, refer to; return what is missing or changed."""
        return faults(self._store, name)

    def set_alias(
        self, name: str, alias: str, version: int, reason: str | None = None, *, override: bool = False
    ) -> ModelVersion:
        """Let `alias` name a version; ``champion`` follows production and is not set by hand.

        An alias that the policy protects moves only to a version that is in the stage of its rule, or could enter it;
        `override` moves it for the `reason` all the same.
        """
        return self._promotions.set_alias(name, alias, version, reason, override=override)

    def delete_alias(self, name: str, alias: str) -> None:
        """Remove `alias` from a model; raises NotFoundError when it has none of that name."""
        self._promotions.delete_alias(name, alias)

    def replay(self) -> None:
        """Make the tables again from the audit events, as when the database was rebuilt from them."""
        self._trail.replay()

    # -- other stores

    def shared(self, *, deleted: bool = False) -> tuple[SharedVersion, ...]:
        """Return all versions as they were first registered, for other stores; with `deleted` those that went too."""
        with self._store.read() as db:
            return tuple(sharing.shared(db, deleted=deleted))

    def adopt(self, version: SharedVersion) -> ModelVersion | None:
        """Register a version of another store, whose bytes are here, in stage `none`; None when it is known.

        Nothing in it is built or run.  Raises IntegrityError when its bytes are not those of its digest.
        """
        return self._registration.adopt(version)

    # -- reading

    def models(self) -> tuple[Model, ...]:
        """Return all models by name, with their versions; no stored model is opened for it."""
        with self._store.read() as db:
            return values.read_models(db)

    def summaries(self, limit: int | None = None, after: str = "") -> tuple[ModelSummary, ...]:
        """Return what a list says of models, by name: at most `limit` of those behind the name `after`."""
        with self._store.read() as db:
            return listing.summaries(db, limit, after)

    def made_by_runs(self) -> list[tuple[str, int, str, str]]:
        """Return name, number, stage and run id of all versions that came from a run."""
        with self._store.read() as db:
            return listing.made_by_runs(db)

    def listed(self) -> list[dict[str, Any]]:
        """Return the summaries of all models as plain values, each with a line for every version, the newest first."""
        with self._store.read() as db:
            lines = listing.version_lines(db)
            return [{**each.to_dict(), "versions": lines.get(each.name, [])} for each in listing.summaries(db)]

    def get(self, name: str) -> Model:
        """Return one model; raises NotFoundError with the nearest name."""
        check_name(name, "model")
        with self._store.read() as db:
            return lookup.model_of(db, name)

    def version(self, name: str, version: int) -> ModelVersion:
        """Return one version; raises NotFoundError that says what there is."""
        check_name(name, "model")
        with self._store.read() as db:
            return lookup.version_of(db, name, version)

    def resolve(self, uri: str) -> Resolved:
        """Return the bytes that ``models:/NAME/VERSION``, ``…@ALIAS``, ``…/STAGE`` or ``runs:/RUN/PATH`` names.

        A registered model's rows are proved against its audit events on the way.
        """
        return self._loader.resolve(uri)

    def load(self, uri: str, into: Any = None) -> Any:
        """Return the model that `uri` names, built from proved bytes and trusted types only.

        Its calls raise DataError for rows without its columns or of other types, and ModelWarning tells of libraries
        with other versions.  Of a file or folder it is the path of a copy, gone when the process ends; of PyTorch the
        state dict, which is put `into` a module that is given.
        """
        return self._loader.load(uri, into)

    def example(self, name: str, version: int) -> Any:
        """Return the few rows, a frame or an array, that are kept with a version; None without any."""
        return self._loader.example(self._loader.resolve(f"models:/{name}/{version}"))

    def card(self, name: str, version: int) -> ModelCard:
        """Return the card of a version, made of what was recorded; nothing of the stored model is built for it."""
        from trackbook.registry.card.reading import read_card, stages_of

        found = self.version(name, version)
        standings = [self.standing(name, version, stage) for stage in stages_of(found)]
        return read_card(self._store, self._runs, self.get(name), found, standings)

    def dossier(self, name: str, version: int, form: str = "html") -> str:
        """Return the dossier of a version, a signed file as ``html`` or ``json``: its card, the evidence of its gates,
        and its audit events with their hashes up to the head of the trail.

        Raises IntegrityError when the trail does not hold, RegistryError when the key to sign with is not here.
        """
        from trackbook.registry.dossier.dossier import Dossier, prove, read_events

        self.version(name, version)
        head, key = self.audit.signing()
        prove(self.audit)
        events = read_events(self._store, name, version, head)
        dossier = Dossier(self.card(name, version), self.version(name, version), events, head)
        return dossier.to_json(key) if form == "json" else dossier.to_html(key)

    def lineage(self, name: str, version: int) -> Lineage:
        """Return the data, program and run that a version came from, and the stage and aliases it has, as a graph."""
        from trackbook.registry.card.reading import source_run
        from trackbook.registry.lineage import read_lineage

        found = self.version(name, version)
        return read_lineage(self._store, found, source_run(self._runs, found))

    def compare(self, name: str, one: int, other: int) -> VersionComparison:
        """Return two versions of a model beside each other; nothing of the stored models is built for it."""
        from trackbook.registry.card.reading import stages_of
        from trackbook.registry.compare import compare, read_side

        sides = []
        for version in (one, other):
            found = self.version(name, version)
            standings = [self.standing(name, version, stage) for stage in stages_of(found)]
            sides.append(read_side(self._store, self._runs, found, standings))
        return compare(*sides)

    def audit_events(self, limit: int = 100, cursor: str | None = None, filter: str | None = None) -> AuditPage:
        """Return up to `limit` events that a filter lets through, the newest first; see `audit.events`."""
        return self.audit.events(limit, cursor, filter)

    def verify(self) -> AuditVerdict:
        """Check the whole audit trail, and every row of the registry against it; `audit.verify` can compare more."""
        return self.audit.verify()
