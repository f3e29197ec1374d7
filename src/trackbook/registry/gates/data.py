"""`data`: the dataset versions that the candidate was made from are whole, large enough and as they used to be."""

from __future__ import annotations

from typing import Any

from trackbook.data.values import DatasetVersion
from trackbook.registry.gates.context import GateContext
from trackbook.registry.gates.result import Finding
from trackbook.settings import DataGate


def judge(gate: DataGate, context: GateContext) -> Finding:
    """Look at every dataset version of the source run; a model whose data is not known is refused."""
    candidate = context.candidate
    if not candidate.datasets:
        return Finding(
            False,
            f"the dataset versions that {candidate.uri} was made from are not known; read them in its run with "
            "`tb.load_data` or keep them with `tb.snapshot`",
        )
    versions = [context.sources.version(uri) for uri in candidate.datasets]
    pinned = context.sources.version(gate.schema) if gate.schema is not None else None
    faults = [fault for version in versions for fault in _faults(gate, version, pinned)]
    if pinned is not None and not any(version.name == pinned.name for version in versions):
        faults.append(f"none of its data is a version of {pinned.name!r}")
    for version in versions:
        if version.kind == "frame":
            context.sources.frame(version)  # raises where the stored bytes are not those that were kept
    evidence = {"datasets": [_row(version) for version in versions], "faults": faults}
    if faults:
        return Finding(False, f"the data of {candidate.uri}: {'; '.join(faults[:8])}", None, evidence)
    names = ", ".join(version.uri for version in versions)
    return Finding(True, f"the data of {candidate.uri} is whole and as asked for: {names}", None, evidence)


def _faults(gate: DataGate, version: DatasetVersion, pinned: DatasetVersion | None) -> list[str]:
    faults = []
    rows = version.rows
    if gate.min_rows is not None and (rows is None or rows < gate.min_rows):
        faults.append(f"{version.uri} has {'no rows that are known' if rows is None else f'{rows:,} rows'}, "
                      f"not {gate.min_rows:,}")  # fmt: skip
    if gate.max_missing is not None:
        faults += [
            f"{column.name!r} of {version.uri} lacks {column.nulls / rows:.2%} of its values"
            for column in version.schema.columns
            if rows and column.nulls / rows > gate.max_missing
        ]
    if pinned is not None and pinned.name == version.name:
        faults += _changes(version, pinned)
    return faults


def _changes(version: DatasetVersion, pinned: DatasetVersion) -> list[str]:
    """Say what differs between the schema of a version and the one that the gate pins."""
    found, wanted = ({column.name: column.type for column in each.schema.columns} for each in (version, pinned))
    lost = [f"{version.uri} lacks {name!r}" for name in wanted if name not in found]
    new = [f"{version.uri} has {name!r}, which {pinned.uri} has not" for name in found if name not in wanted]
    other = [
        f"{name!r} of {version.uri} is {found[name]}, not {kind}"
        for name, kind in wanted.items()
        if name in found and found[name] != kind
    ]
    return lost + new + other


def _row(version: DatasetVersion) -> dict[str, Any]:
    missing = {column.name: column.nulls for column in version.schema.columns if column.nulls}
    return {"uri": version.uri, "fingerprint": version.fingerprint, "rows": version.rows, "missing": missing}
