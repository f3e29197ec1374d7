"""What the server sends about models, made of what the registry returns; all of it is plain JSON and pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.registry.approvals import binding
from trackbook.registry.card.making import newest
from trackbook.registry.card.sections import Code, Graph, Intervals, Table, Text, sections, title
from trackbook.registry.judging import newest as newest_check
from trackbook.registry.policy import Policy, policy_for
from trackbook.server.pages import read_cursor, write_cursor
from trackbook.store import iso, now_ms

if TYPE_CHECKING:
    from trackbook.registry import GateResult, Identity, Model, ModelVersion, Standing
    from trackbook.registry.approvals.values import Decision, Tally
    from trackbook.registry.card import ModelCard
    from trackbook.registry.card.sections import Block
    from trackbook.registry.compare import VersionComparison
    from trackbook.settings import Settings
    from trackbook.tracking.lineage import Lineage

OTHER_BYTES = "other bytes were judged"
OTHER_POLICY = "trackbook.toml asked for something else then"


def cut(names: Sequence[str], limit: int, cursor: str | None) -> tuple[Sequence[str], str | None]:
    """Return the names of one page, and the cursor of the next one; raises UsageError for a foreign cursor."""
    position = read_cursor(cursor, length=1)
    start = 0 if position is None else position[0]
    end = start + limit
    return names[start:end], write_cursor(end) if end < len(names) else None


def page(models: Iterable[Model], settings: Settings, total: int, cursor: str | None) -> dict[str, Any]:
    """Return one page of models, each with what is in production, what is newest, and who is waited for."""
    return {"models": [summary(model, settings) for model in models], "total": total, "next_cursor": cursor}


def summary(model: Model, settings: Settings) -> dict[str, Any]:
    """Return a model in a line of a list."""
    production = model.in_stage("production")
    latest = model.versions[0] if model.versions else None
    return {
        "name": model.name,
        "description": model.description,
        "owner": model.owner,
        "versions": len(model.versions),
        "aliases": dict(model.aliases),
        "production": None if production is None else brief(production, settings),
        "newest": None if latest is None else brief(latest, settings),
        "waiting": 0 if latest is None else _waiting(latest, settings),
    }


def brief(version: ModelVersion, settings: Settings) -> dict[str, Any]:
    """Return where a version stands."""
    return {
        "version": version.version,
        "stage": version.stage,
        "created_time": iso(version.created_time),
        "created_by": version.created_by,
        "gates": _counts(version, settings),
        "override": version.override,
        "deprecated": version.deprecated,
    }


def model(found: Model, settings: Settings, you: Identity) -> dict[str, Any]:
    """Return a model in full, and who asks."""
    return {
        "name": found.name,
        "description": found.description,
        "owner": found.owner,
        "tags": dict(found.tags),
        "intended_use": found.intended_use,
        "limits": found.limits,
        "created_time": iso(found.created_time),
        "aliases": dict(found.aliases),
        "versions": [version(each, settings) for each in found.versions],
        "you": {"name": you.name, "authenticated": you.is_authenticated, "words": you.words},
    }


def version(found: ModelVersion, settings: Settings) -> dict[str, Any]:
    """Return a version in full, but for what its gates said."""
    plain = found.to_dict()
    for inner in ("gates", "approvals", "signature", "libraries"):
        del plain[inner]
    return plain | brief(found, settings) | {"unsafe": found.dangerous}


def standing(found: Standing, settings: Settings) -> dict[str, Any]:
    """Return what a version lacks for a stage, with what its gates said and how each rule of approvals stands."""
    policy = policy_for(settings, found.name, found.stage)
    return {
        "stage": found.stage,
        "ready": found.is_ready,
        "advisory": ". ".join(found.remarks) if found.advisory else None,
        "sentences": list(found.sentences),
        "results": [result(each.result, each.void) for each in found.gates],
        "gates": len(policy.gates),
        "tallies": [_tally(each, found.stage) for each in found.approvals],
    }


def result(found: GateResult, void: str | None) -> dict[str, Any]:
    """Return what one gate said; `void` is why it counts no more."""
    settings = msgspec.to_builtins(found.gate)
    return {
        "gate": {"type": found.gate.type, "title": found.gate.title, "stage": found.stage, "settings": settings},
        "stage": found.stage,
        "passed": found.passed,
        "reason": found.reason,
        "value": found.value,
        "time": iso(found.time),
        "void": void,
        "evidence": found.evidence,
    }


def lineage(graph: Lineage) -> dict[str, Any]:
    """Return a lineage as nodes and links; no file of it can be opened from here."""
    nodes = [msgspec.to_builtins(node) | {"contents_path": None} for node in graph.nodes]
    return {"nodes": nodes, "links": msgspec.to_builtins(graph.links)}


def comparison(found: VersionComparison) -> dict[str, Any]:
    """Return two versions beside each other; gates by their verdicts, code by whether it is the same."""
    metrics = [
        {
            "metric": each.metric,
            "slice": each.slice,
            "one": each.one.value if each.one else None,
            "other": each.other.value if each.other else None,
            "change": each.change,
            "low": each.low,
            "high": each.high,
        }
        for each in found.metrics
    ]
    gates = [
        {
            "gate": each.gate,
            "stage": each.stage,
            "one": each.one.verdict if each.one else None,
            "other": each.other.verdict if each.other else None,
        }
        for each in found.gates
    ]
    pairs = {name: getattr(found, name) for name in ("facts", "params", "signature", "data", "environment")}
    return {"versions": found.versions, "metrics": metrics, "gates": gates, **pairs}


def card(found: ModelCard) -> dict[str, Any]:
    """Return a card in its parts, which the Lab draws itself, and as Markdown to be saved."""
    return {
        "title": title(found),
        "warnings": list(found.warnings),
        "sections": [
            {"title": each.title, "blocks": [_block(block) for block in each.blocks]} for each in sections(found)
        ],
        "markdown": found.to_markdown(),
    }


def _block(block: Block) -> dict[str, Any]:
    match block:
        case Text():
            return {"kind": "text", "text": block.text, "missing": block.missing, "red": block.red}
        case Table():
            rows = {"heads": list(block.heads), "rows": [list(row) for row in block.rows], "red": sorted(block.red)}
            return {"kind": "table", "caption": block.caption, **rows}
        case Code():
            return {"kind": "code", "text": block.text}
        case Intervals():
            return {"kind": "intervals", "measures": msgspec.to_builtins(block.measures)}
        case Graph():
            return {"kind": "graph", "lineage": lineage(block.lineage)}


def _counts(version: ModelVersion, settings: Settings) -> dict[str, int]:
    found = {"passed": 0, "failed": 0, "void": 0}
    policies: dict[str, Policy] = {}
    for each in newest(version.gates):
        policy = policies.setdefault(each.stage, policy_for(settings, version.name, each.stage))
        void = each.judged_digest != version.digest or (each.policy is not None and each.policy != policy.digest)
        found["void" if void else "passed" if each.passed else "failed"] += 1
    return found


def _waiting(version: ModelVersion, settings: Settings) -> int:
    policy = policy_for(settings, version.name, "production")
    if version.stage == "production" or not policy.approvals:
        return 0
    kept = newest_check(version, "production")
    authors = tuple(name for name in (version.created_by, version.author) if name)
    tallies = binding.tallies(version, policy, kept.results if kept else (), authors, now_ms())
    return sum(max(0, each.rule.count - len(each.approved)) for each in tallies)


def _tally(tally: Tally, stage: str) -> dict[str, Any]:
    plain = tally.to_dict()
    decisions: list[tuple[Decision, str | None]] = [(each, None) for each in (*tally.approved, *tally.rejected)]
    decisions += [(each.decision, each.reason) for each in tally.void]
    return {
        **{name: plain[name] for name in ("count", "named", "met", "can_be_met", "open")},
        "decisions": [
            {
                "who": each.who,
                "authenticated": each.is_authenticated,
                "stage": stage,
                "approved": each.approved,
                "comment": each.comment,
                "time": iso(each.time),
                "expires": None if each.expires is None else iso(each.expires),
                "void": void,
            }
            for each, void in decisions
        ],
    }
