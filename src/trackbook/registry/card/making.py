"""A model card made of a version, its model, its run and its audit events: pure, and nothing that is not in them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import msgspec

from trackbook.capture.environment import Environment
from trackbook.cells.source import read_source
from trackbook.registry.approvals.standing import Standing, StandingResult
from trackbook.registry.audit.chain import AuditEvent
from trackbook.registry.card import evidence
from trackbook.registry.card.happened import happened, who
from trackbook.registry.card.values import (
    Approval,
    Column,
    DataRead,
    Judged,
    MadeIn,
    Measure,
    ModelCard,
    SourceRun,
)
from trackbook.registry.gates.judge import GateResult
from trackbook.registry.lineage import Held
from trackbook.registry.values import Model, ModelVersion
from trackbook.tracking.lineage import MODULE, PLAIN, Lineage
from trackbook.tracking.values import Execution, Run

FACTS = ("python", "implementation", "platform", "machine", "blas", "cpus")
DISTRIBUTIONS = {
    "PIL": "pillow",
    "cv2": "opencv-python",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""Distributions whose modules have other names."""
ALWAYS = ("scikit-learn", "skops", "numpy", "pandas", "scipy", "xgboost", "lightgbm", "torch", "onnx", "onnxruntime")
"""Packages that most models depend on, imported by the program or not."""


OTHER_BYTES = "other bytes were judged"
NOT_COUNTED = "a later one took its place, or the policy does not ask for it"


class Sources(msgspec.Struct, frozen=True):
    """What a card is made of, besides the model and the version.

    `held` are the dataset versions that the run read; `standings` say, for the stages that gates or people spoke of,
    what of it still holds.
    """

    run: Run | None = None
    program: str = ""
    environment: Environment | None = None
    held: tuple[Held, ...] = ()
    lineage: Lineage = Lineage((), ())
    events: tuple[AuditEvent, ...] = ()
    standings: tuple[Standing, ...] = ()


def make_card(model: Model, version: ModelVersion, sources: Sources) -> ModelCard:
    """Return the card of a version."""
    gates = newest(version.gates)
    signature = version.signature or {}
    story = happened(sources.events)
    return ModelCard(
        name=version.name,
        version=version.version,
        uri=version.uri,
        stage=version.stage,
        aliases=version.aliases,
        description=version.description,
        model_description=model.description,
        owner=version.owner or model.owner,
        licence=_licence({**model.tags, **version.tags}),
        tags={**model.tags, **version.tags},
        created_time=version.created_time,
        created_by=who(version.created_by, version.authority),
        format=version.format,
        size=version.size,
        digest=version.digest,
        warnings=_warnings(version),
        intended_use=model.intended_use,
        limits=model.limits,
        inputs=_columns(signature.get("inputs")),
        outputs=_columns(signature.get("outputs")),
        data=data_read(version, sources.run, sources.held),
        params=version.params,
        measures=(*_recorded(version), *evidence.measures(gates, version.digest)),
        differences=evidence.differences(gates, version.digest),
        fairness=evidence.fairness(gates, version.digest),
        gates=judgements(version, [each for one in sources.standings for each in one.gates]),
        approvals=_approvals(version, sources.standings),
        history=story,
        environment=_environment(version, sources),
        run_id=version.run_id,
        run=None if sources.run is None else _source_run(sources.run),
        program=sources.program,
        lineage=sources.lineage,
    )


def _warnings(version: ModelVersion) -> tuple[str, ...]:
    found = []
    if version.dangerous:
        found.append(
            f"The model is kept as a {version.format}: to load it is to run whatever code its author put there. "
            "Load it only if you trust them as you trust code that you run."
        )
    if version.override:
        found.append(f"The version is in {version.stage} by an override of gates or approvals: {version.override}")
    if version.deprecated:
        found.append(f"The version is deprecated: {version.deprecated}")
    return tuple(found)


def _licence(tags: Mapping[str, str]) -> str:
    return next((tags[name] for name in ("license", "licence") if tags.get(name)), "")


def _columns(found: Any) -> tuple[Column, ...]:
    if not isinstance(found, list):
        return ()
    return tuple(_column(each) for each in found if isinstance(each, dict))


def _column(found: Mapping[str, Any]) -> Column:
    kind, shape = found.get("type"), found.get("shape")
    if isinstance(shape, list):
        kind = f"{kind} of shape ({', '.join('any' if each is None else str(each) for each in shape)})"
    name = found.get("name")
    return Column(None if name is None else str(name), None if kind is None else str(kind))


def data_read(version: ModelVersion, run: Run | None, held: Iterable[Held]) -> tuple[DataRead, ...]:
    """Return what the run read, else what the version itself remembers of that; a dataset version stands once."""
    versions = {each.fingerprint: each for each in held}
    if run is None:
        return tuple(
            DataRead(each.name, each.kind, None, None, each.fingerprint, uri=each.uri) for each in version.datasets
        )
    read = [each for each in run.data if each.role == "read" and each.kind not in (PLAIN, MODULE)]
    found: dict[str, DataRead] = {}
    for item in read:
        known = versions.get(item.fingerprint or "")
        if known is not None:
            columns = tuple(Column(each.name, each.type, each.nulls) for each in known.schema.columns)
            found[known.uri] = DataRead(
                item.name, item.kind, known.rows, item.size, item.fingerprint, columns, known.uri
            )
        else:
            columns = tuple(Column(name, None) for name in item.columns or ())
            found[f"{item.kind} {item.name}"] = DataRead(
                item.name, item.kind, item.rows, item.size, item.fingerprint, columns
            )
    return tuple(found.values())


def _recorded(version: ModelVersion) -> list[Measure]:
    return [Measure(name, value) for name, value in version.metrics.items()]


def newest(results: Iterable[GateResult]) -> list[GateResult]:
    """Return the last result of each gate, in the order in which they were given."""
    found: dict[bytes, GateResult] = {}
    for result in results:
        key = msgspec.json.encode((result.stage, result.gate))
        found.pop(key, None)
        found[key] = result
    return list(found.values())


def judgements(version: ModelVersion, results: Iterable[StandingResult]) -> tuple[Judged, ...]:
    """Return the newest results of the gates, stage by stage; `results` say which of them are void.

    Results of a stage that none of `results` is of are void when they judged other bytes.
    """
    known: dict[str, list[StandingResult]] = {}
    for each in results:
        known.setdefault(each.result.stage, []).append(each)
    found = []
    for stage in dict.fromkeys(result.stage for result in version.gates):
        if stage in known:
            found += [_judged(each.result, each.void) for each in known[stage]]
        else:
            last = newest(result for result in version.gates if result.stage == stage)
            found += [_judged(each, OTHER_BYTES if each.judged_digest != version.digest else None) for each in last]
    return tuple(found)


def _judged(result: GateResult, void: str | None) -> Judged:
    gate = result.gate
    label = gate.type if gate.title == gate.type else f"{gate.type}: {gate.title}"
    reason = result.reason if void is None else f"{result.reason}; void: {void}"
    return Judged(result.stage, label, result.passed, void is not None, reason, result.time)


def _approvals(version: ModelVersion, standings: Iterable[Standing]) -> tuple[Approval, ...]:
    tallies = [tally for each in standings for tally in each.approvals]
    counted = {decision.event for tally in tallies for decision in (*tally.approved, *tally.rejected)}
    void = {each.decision.event: each.reason for tally in tallies for each in tally.void}
    return tuple(
        Approval(
            who(each.approver, each.authority),
            each.stage,
            each.approved,
            each.comment,
            each.time,
            "" if each.event in counted else void.get(each.event, NOT_COUNTED),
        )
        for each in version.approvals
    )


def _environment(version: ModelVersion, sources: Sources) -> MadeIn | None:
    found = sources.environment
    if found is None or version.environment is None:
        return None
    facts = {name: str(value) for name in FACTS if (value := getattr(found, name)) is not None}
    names = {*ALWAYS, *version.libraries, *_imported(sources.run.program if sources.run else ())}
    packages = {name: number for name, number in found.distributions.items() if name in names}
    return MadeIn(version.environment, facts, packages, len(found.distributions))


def _imported(program: Sequence[Execution]) -> set[str]:
    """Return the distributions that the program imports, as far as the names of modules tell."""
    modules: set[str] = set()
    for execution in program:
        for node in ast.walk(read_source(execution.source).tree):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.partition(".")[0])
    return {DISTRIBUTIONS.get(name, name.replace("_", "-").lower()) for name in modules}


def _source_run(run: Run) -> SourceRun:
    summary = run.summary
    return SourceRun(
        run_id=run.run_id,
        name=summary.run_name,
        user=run.user,
        experiment=summary.experiment,
        status=summary.status.lower(),
        start_time=summary.start_time,
        git_commit=run.git_commit,
        notebook=None if run.notebook is None else PurePath(run.notebook).name,  # folders are nobody's business
    )
