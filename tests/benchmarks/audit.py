"""How long it takes to verify a long audit trail, with all tables of the registry compared with it.

    python tests/benchmarks/audit.py [--events N] [--repeat N] [--profile]

Each version of a model is registered with params, metrics and a signature, judged by two gates, approved, promoted and
given an alias: five events.  A file of exported heads is compared, too, with a head for every hundred events.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import statistics
import tempfile
import time
import warnings
from pathlib import Path

from trackbook.project import Project
from trackbook.registry import events
from trackbook.registry.audit import chain, keys
from trackbook.registry.audit.exported import add_head
from trackbook.registry.audit.head import signed
from trackbook.registry.trail import Trail
from trackbook.settings.gates import MetricGate

BY_VERSION = 5
VERSIONS = 20
SIGNATURE = {"inputs": [{"name": f"column_{number}", "type": "double"} for number in range(12)]}


def of_version(version: int, digest: str) -> list[events.Payload]:
    """Return what happens to a version, from its registration to its alias."""
    gates = [
        events.Judgement(MetricGate(metric=metric, min=0.3), True, f"{metric} is 0.412, at least 0.3", 0.412, digest)
        for metric in ("r2", "accuracy")
    ]
    return [
        events.VersionRegistered(
            version=version,
            digest=digest,
            format="skops",
            size=12_345,
            run_id=digest[:32],
            params={f"param_{number}": str(number * version) for number in range(10)},
            metrics={f"metric_{number}": 0.1 * number + version for number in range(6)},
            signature=SIGNATURE,
            environment=digest,
            description="made for the benchmark",
        ),
        events.GatesJudged(version, "staging", digest, gates),
        events.ApprovalGiven(version, "staging", True, "looks good", digest, digest, digest),
        events.Promoted(version, "staging", "none", [], {}, None, policy=digest),
        events.AliasSet(f"alias-{version}", version, None),
    ]


def fill(project: Project, count: int) -> None:
    """Write `count` events, and a file of heads."""
    trail = Trail(project.store, project.registry._trail.identity)
    with trail.change() as db:
        for number in range(count // BY_VERSION):
            name, version = f"model-{number // VERSIONS:04}", number % VERSIONS + 1
            if version == 1:
                trail.record(db, name, events.ModelCreated(""))
            for payload in of_version(version, f"{number:064x}"):
                trail.record(db, name, payload, version)
        public = keys.current(db)
        assert public is not None
        heads = [event for event in chain.every(db) if event.seq % 100 == 0]
    key = trail.anchor.key.read(public)
    assert key is not None
    for event in heads:
        add_head(project.root / "trackbook-audit.jsonl", signed(event, key))


def main() -> None:
    """Fill a store, and verify it some times."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore"):
        (Path(folder) / "trackbook.toml").touch()
        project = Project.open(Path(folder))
        start = time.perf_counter()
        fill(project, given.events)
        print(f"written in {time.perf_counter() - start:.1f} s")
        audit, seconds, busy = project.registry.audit, [], []
        for _ in range(given.repeat):
            start, worked = time.perf_counter(), time.process_time()
            verdict = audit.verify(folder=project.root)
            busy.append(time.process_time() - worked)
            seconds.append(time.perf_counter() - start)
            assert verdict.ok, verdict
        print(f"{verdict.events:,} events, {', '.join(verdict.compared)}: median {statistics.median(seconds):.2f} s, "
              f"{statistics.median(busy):.2f} s of the processor")  # fmt: skip
        print(f"(of {', '.join(f'{each:.2f}' for each in sorted(seconds))})")
        if given.profile:
            with cProfile.Profile() as profile:
                audit.verify(folder=project.root)
            pstats.Stats(profile).sort_stats("tottime").print_stats(28)


if __name__ == "__main__":
    main()
