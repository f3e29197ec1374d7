"""A clock that jumps: an hour back, a year on, and journals whose names lie about their order."""

from __future__ import annotations

import time

import pytest
from click.testing import CliRunner

from support.failpoints.records import check_sound
from trackbook.cli import main
from trackbook.store import Store
from trackbook.tracking import Tracker

pytestmark = pytest.mark.faults

HOUR = 3_600_000_000_000
YEAR = 8766 * HOUR


@pytest.fixture
def clock(monkeypatch):
    """The time of this process, which a test moves on by nanoseconds."""
    real = time.time_ns

    class Clock:
        ahead = 0

        def jump(self, by: int) -> None:
            self.ahead += by

    moved = Clock()
    monkeypatch.setattr(time, "time_ns", lambda: real() + moved.ahead)
    return moved


@pytest.mark.parametrize("jump", [-HOUR, YEAR, -YEAR])
def test_a_run_during_which_the_clock_jumps_is_whole(store, runs, tracker, clock, jump):
    with tracker.start_run("jumped") as run:
        for step in range(10):
            run.log_metric("m", step)
            if step == 4:
                clock.jump(jump)
    (found,) = runs.search()
    assert (found.status, found.metrics) == ("FINISHED", {"m": 9.0})
    history = runs.metric_history(run.run_id, "m")
    assert [(point.step, point.value) for point in history] == [(step, float(step)) for step in range(10)]
    check_sound(store)


@pytest.mark.parametrize("jump", [-HOUR, YEAR])
def test_a_journal_that_is_named_before_an_older_one_is_read_all_the_same(store, runs, tracker, clock, jump):
    """The start of a run lies in one journal, its end in another, and nobody has read either."""
    run = tracker.start_run("over two journals", tags={"first": "1"})
    run.log_metric("m", 1.0)
    store._journal.close()
    clock.jump(jump)
    run.log_metric("m", 2.0)
    run.set_tag("second", "2")
    run.end()
    names = sorted(path.name for path in (store.root / "journal").glob("*.journal"))
    assert len(names) == 2
    store._journal.close()
    (found,) = runs.search()
    assert (found.status, found.metrics, found.tags) == ("FINISHED", {"m": 2.0}, {"first": "1", "second": "2"})
    check_sound(store)


def test_runs_of_another_time_are_listed_and_those_of_now_follow(store, runs, tracker, clock):
    for name, jump in (("next year", YEAR), ("last year", -2 * YEAR), ("now", YEAR)):
        clock.jump(jump)
        with tracker.start_run(name):
            pass
    assert [run.run_name for run in runs.search()] == ["next year", "now", "last year"]


def test_a_process_without_a_sign_of_life_is_told_by_its_lock_and_not_by_the_clock(store, runs, tracker, clock):
    run = tracker.start_run("living")
    clock.jump(YEAR)
    assert [found.status for found in runs.search()] == ["RUNNING"]
    run.end()
    assert [found.status for found in runs.search()] == ["FINISHED"]


def test_the_commands_show_a_run_that_ended_before_it_began(project, clock):
    with project.tracker.start_run("backwards") as run:
        clock.jump(-HOUR)
    for command in (["runs"], ["show", run.run_id], ["compare", run.run_id, run.run_id], ["fsck"]):
        shown = CliRunner().invoke(main, command)
        assert shown.exit_code == 0, shown.output


def test_a_second_process_an_hour_behind_adds_to_the_same_store(store, runs, tracker, clock, tmp_path):
    with tracker.start_run("ahead"):
        pass
    clock.jump(-HOUR)
    other = Store.open(store.root)
    with Tracker(other, root=tmp_path, experiment="default", user="bob").start_run("behind") as run:
        run.log_metric("m", 1)
    assert {found.run_name: found.metrics for found in runs.search()} == {"ahead": {}, "behind": {"m": 1.0}}
    check_sound(store)
