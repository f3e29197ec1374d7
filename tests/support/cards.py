"""Models, versions and runs made of plain values, so that a card can be made of anything that might be stored."""

from __future__ import annotations

import json

import msgspec

from trackbook.capture.environment import Environment
from trackbook.data.schema import Column, Schema
from trackbook.registry.audit.chain import AuditEvent
from trackbook.registry.card.making import Sources, make_card
from trackbook.registry.card.values import ModelCard
from trackbook.registry.lineage import Held
from trackbook.registry.values import Approval, Model, ModelVersion
from trackbook.tracking.differences import code_of
from trackbook.tracking.values import Execution, Run, RunData, RunSummary

RUN_ID = "a" * 32
EVIL = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)> **b** [l](javascript:1) ![i](http://x/y.png) "
    'http://evil.example www.evil.example a@b.example `c` | $x$ \u202eright\u2066 & "q" \'\n\n# h\n- item\n---\n```\n'
)


def version_of(**changes) -> ModelVersion:
    version = ModelVersion(
        name="churn",
        version=3,
        stage="none",
        digest="d" * 64,
        format="skops",
        size=1234,
        run_id=RUN_ID,
        params={"depth": "4"},
        metrics={"accuracy": 0.9},
        signature=None,
        environment=None,
        description="",
        created_time=1_700_000_000_000,
        created_by="ada",
    )
    return msgspec.structs.replace(version, **changes)


def run_of(data=(), program=(), **changes) -> Run:
    summary = RunSummary(RUN_ID, "study", changes.pop("run_name", "forest"), "FINISHED", 1, 2, {}, {}, {})
    cells = tuple(
        Execution("s", number, source, 0, 0.1, "ok", execution_count=number + 1)
        for number, source in enumerate(program)
    )
    fields = dict.fromkeys(
        ("source", "notebook", "cell_id", "execution_count", "git_commit", "git_branch", "environment_digest",
         "environment", "error")
    )  # fmt: skip
    return Run(**{**fields, "summary": summary, "user": "ada", "data": tuple(data), "artifacts": (), "children": (),
                  "program": cells, **changes})  # fmt: skip


def read(name, kind="frame", fingerprint="f" * 64, rows=10, columns=None) -> RunData:
    return RunData("read", name, kind, fingerprint, rows, None, columns, None)


def card_of(version=None, model=None, **sources) -> ModelCard:
    version = version or version_of()
    run = sources.get("run")
    given = Sources(**{"program": code_of(run) if run else "", **sources})
    return make_card(model or Model("churn", "", 0, {}, (version,)), version, given)


def hostile():
    """The card of a version in which every text is hostile."""
    version = version_of(
        stage="production",
        aliases=("champion",),
        description=EVIL,
        params={EVIL: EVIL},
        metrics={EVIL: 0.5},
        signature={"inputs": [{"name": EVIL, "type": EVIL}]},
        environment="e" * 64,
        created_by=EVIL,
        owner=EVIL,
        tags={"license": EVIL, EVIL: EVIL},
        override=EVIL,
        deprecated=EVIL,
        approvals=(Approval(7, "production", EVIL, "", True, EVIL, "d" * 64, "", "", 0),),
    )
    model = Model("churn", EVIL, 0, {}, (version,), intended_use=EVIL, limits=EVIL)
    event = AuditEvent(1, 0, EVIL, "version_promoted", "models:/churn/3", json.dumps({"reason": EVIL}), "", "")
    environment = Environment(EVIL, EVIL, EVIL, EVIL, {"numpy": EVIL})
    run = run_of([read(EVIL), read(EVIL, "file", None)], [EVIL, EVIL], run_name=EVIL, notebook=f"/x/{EVIL}")
    held = Held(EVIL, 1, 10, EVIL, "f" * 64, Schema((Column(EVIL, EVIL, EVIL, 0),), ()))
    return card_of(version, model, run=run, environment=environment, held=(held,), events=(event,))
