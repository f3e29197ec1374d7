"""Whatever two people do, and whenever they exchange it: in the end both have the same, and nothing moves any more."""

from __future__ import annotations

import uuid

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.people import edit, known, known_runs, model, person, until_quiet
from trackbook.store.fsck import fsck

STEP = st.tuples(
    st.sampled_from(["run", "resume", "edit", "edit", "snapshot", "file", "model", "push", "pull", "pull"]),
    st.integers(0, 1),
    st.integers(0, 3),
)


class Person:
    """What somebody may do in a store; `number` picks what it is done with."""

    def __init__(self, root, url):
        self.project = person(root, url)
        self.clock = 0

    def run(self, number):
        with self.project.tracker.start_run("r", tags={"t": str(number)}) as run:
            run.log_param("p", number)
            for step in range(number):
                run.log_metric("m", step / 3, step=step)
            run.log_artifact(f"artifact {number}".encode(), "a.txt")

    def resume(self, number):
        runs = sorted(known_runs(self.project))
        if runs:
            with self.project.tracker.resume_run(runs[number % len(runs)]) as run:
                run.log_metric("later", number)

    def edit(self, number):
        runs = sorted(known_runs(self.project))
        self.clock += 1
        if runs:
            field = ("run_name", "note", "tags.t", "tags.x")[number]
            value = None if self.clock % 3 == 0 else f"{self.project.user} {number}"
            edit(self.project, runs[number % len(runs)], field, value, time=self.clock)

    def snapshot(self, number):
        self.project.data.snapshot(pd.DataFrame({"x": [number], "y": ["text"]}), "sales")

    def file(self, number):
        path = self.project.root / "data.txt"
        path.write_text(f"content {number}\n" * 1000)
        self.project.data.snapshot(path, "sales")

    def model(self, number):
        if len(self.project.registry.shared()) < 3:  # skops takes its time
            model(self.project, slope=float(number), metrics={"m": float("nan") if number == 3 else number})

    def push(self, _):
        self.project.exchange.push()

    def pull(self, _):
        if (self.project.root.parent / "shared" / "trackbook.json").exists():
            self.project.exchange.pull()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, max_size=10))
def test_in_the_end_both_have_the_same(tmp_path_factory, steps):
    """Runs, edits, data and models of both, pushed and pulled at any moment, then until nothing moves."""
    root = tmp_path_factory.mktemp(f"people-{uuid.uuid4().hex[:6]}")
    people = [Person(root / name, str(root / "shared")) for name in ("ada", "bob")]
    for what, who, number in steps:
        getattr(people[who], what)(number)
    until_quiet(*(each.project for each in people))
    ada, bob = (known(each.project) for each in people)
    assert ada == bob
    for each in people:
        assert [finding for finding in fsck(each.project.store) if finding.severity == "error"] == []
        assert each.project.registry.verify().ok
        for version in each.project.data.list():
            each.project.data.load(version.uri)
