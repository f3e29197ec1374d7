"""Interrupts at random moments: the process goes on, its store is whole, and what had been acknowledged is there."""

from __future__ import annotations

import json

import pytest

from support.failpoints.records import check_records, check_sound
from trackbook.project import Project

pytestmark = pytest.mark.faults

INTERRUPTS = 200
KERNEL_INTERRUPTS = 25

CODE = """
import json, random, signal, sys, time
from pathlib import Path
import pandas as pd
from trackbook.project import Project

project, rng, records = Project.open(Path.cwd()), random.Random(int(sys.argv[1])), []
frame = pd.DataFrame({"a": range(50), "b": ["x"] * 50})


def say(*what):
    records.append(what)


def log(number):
    run = project.tracker.start_run(f"log-{number}", nested=True)
    say("start", run.run_id)
    for step in range(30):
        run.log_metric("loss", step / 7)
        say("metric", run.run_id, "loss", step, step / 7)
    run.log_params({"rate": number, "text": "x" * 1000})
    say("param", run.run_id, "rate", str(number))


def end(number):
    run = project.tracker.start_run(f"end-{number}", nested=True)
    say("start", run.run_id)
    digest = run.log_artifact(b"%d" % number * 1000, "a.bin")
    say("artifact", run.run_id, "a.bin", digest)
    run.end()
    say("end", run.run_id)


def snapshot(number):
    version = project.data.snapshot(frame.assign(c=number), f"data{number % 5}")
    say("dataset", version.uri, 50)


def search(number):
    assert isinstance(project.runs.search(f"params.rate != '{number}'", max_results=20), list)


# An alarm, and not Ctrl-C's own signal: it comes at a moment of its own, whatever the process is doing.
signal.signal(signal.SIGALRM, signal.default_int_handler)
actions = [log, end, snapshot, search]
for action in actions:
    action(0)  # with all that it imports: an interrupted import of somebody else's is not what is tested here
interrupted, number, longest = {action.__name__: 0 for action in actions}, 0, [0.02] * 4
while sum(interrupted.values()) < int(sys.argv[2]):
    number += 1
    which = number % 4
    began = time.monotonic()
    try:
        signal.setitimer(signal.ITIMER_REAL, rng.uniform(0.0001, longest[which]))
        actions[which](number)
        signal.setitimer(signal.ITIMER_REAL, 0)
        longest[which] = 0.5 * longest[which] + 0.5 * (time.monotonic() - began)
    except KeyboardInterrupt:
        interrupted[actions[which].__name__] += 1
for action in actions:
    action(number + 1)  # nothing is locked, nothing half done: all of it simply works
while project.tracker.active is not None:
    project.tracker.end_run()
print(json.dumps([interrupted, records]))
"""


def test_interrupts_at_random_moments_lose_nothing_and_leave_everything_working(tmp_path, python, tried):
    """Of logging, the end of runs, snapshots and searches, in one process that goes on."""
    (tmp_path / "trackbook.toml").touch()
    done = python(CODE, "3", str(INTERRUPTS), check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    interrupted, records = json.loads(done.stdout)
    print(interrupted, f"{len(records)} records acknowledged")
    assert min(interrupted.values()) > 0
    tried("interrupts at random moments", sum(interrupted.values()))
    project = Project.open(tmp_path)
    check_records(project, records)
    check_sound(project.store)
    assert not [run for run in project.runs.search(max_results=10_000) if run.status == "RUNNING"]


ARMED = """
import random, signal, sys

class Striking:
    # Interrupts each cell at a random moment, in the cell itself or in what Trackbook does before and after it.
    def __init__(self, shell, seed):
        self.rng, self.on, self.shell = random.Random(seed), False, shell
        signal.signal(signal.SIGALRM, self.strike)

    def strike(self, signum, frame):
        while frame is not None:
            if "/trackbook/" in frame.f_code.co_filename or "ipykernel_" in frame.f_code.co_filename:
                raise KeyboardInterrupt
            frame = frame.f_back
        self.arm(0.0005)  # IPython's own code, which does not survive an interrupt everywhere

    def arm(self, seconds):
        if self.on:
            signal.setitimer(signal.ITIMER_REAL, seconds)

    def before(self, info):
        self.arm(self.rng.uniform(0.0001, 0.06))

    def after(self, result):
        self.on = False
        signal.setitimer(signal.ITIMER_REAL, 0)

striking = Striking(get_ipython(), 7)
get_ipython().events.register("pre_run_cell", striking.before)
get_ipython().run_line_magic("load_ext", "trackbook")
get_ipython().events.register("post_run_cell", striking.after)
"""

CELL = """%%track interrupted --name {name}
import trackbook as tb
total = 0
for step in range(400):
    tb.log_metric("m", step)
    total += step
total"""


def test_an_interrupted_cell_ends_as_without_tracking_and_the_next_one_works(start_kernel, tried):
    """In a real kernel: either the cell's own value or its KeyboardInterrupt, and never anything of Trackbook's."""
    kernel = start_kernel()
    assert kernel.run(ARMED).errors == []
    kernel.run(CELL.format(name="warm"))
    outcomes = []
    for number in range(KERNEL_INTERRUPTS):
        kernel.run("striking.on = True", store_history=False, silent=True)
        outcome = kernel.run(CELL.format(name=f"r{number}"))
        if outcome.status == "ok":
            assert (outcome.results, outcome.errors) == ([str(sum(range(400)))], []), outcome
        else:
            assert [error["ename"] for error in outcome.errors] == ["KeyboardInterrupt"], outcome
        assert "Error in callback" not in outcome.stderr + outcome.stdout
        outcomes.append(outcome.status)
        assert kernel.run(f"%%track following --name f{number}\n{number} + 1").results == [str(number + 1)]
    tried("interrupts of a kernel", KERNEL_INTERRUPTS)
    print(f"{outcomes.count('error')} of {KERNEL_INTERRUPTS} cells were interrupted before their end")
    check_sound(kernel.project().store)
    following = kernel.runs("following")
    assert sorted(run.summary.run_name for run in following) == sorted(f"f{n}" for n in range(KERNEL_INTERRUPTS))
    assert {run.summary.status for run in following} == {"FINISHED"}
    ended = {run.summary.run_name: run.summary for run in kernel.runs("interrupted")}
    assert not [run for run in ended.values() if run.status == "RUNNING"]
    assert [ended[f"r{number}"].metrics for number, status in enumerate(outcomes) if status == "ok"] == [
        {"m": 399.0} for status in outcomes if status == "ok"
    ]


EVERYWHERE = """
import dis, faulthandler, sys, time
from pathlib import Path
import trackbook.capture.resources as resources
import trackbook.store.journal as journal
from trackbook.store.events import MetricLogged

CHECKED = {"RESUME", "CALL", "CALL_FUNCTION_EX", "JUMP_BACKWARD"}  # after these, Python looks for signals
journal.SYNC_SECONDS = resources.AWAKE_SECONDS = 0
resources.FIRST_INTERVAL = 0.001


class Strike:
    # Raises KeyboardInterrupt at the n-th place where a signal can interrupt Python code.
    def __init__(self, place):
        self.place, self.last = place, {}

    def __call__(self, frame, event, argument):
        frame.f_trace_opcodes = True
        if event == "opcode":
            names = self.last.setdefault(frame.f_code, {i.offset: i.opname for i in dis.get_instructions(frame.f_code)})
            before, self.last[frame] = self.last.get(frame), names[frame.f_lasti]
            if before in CHECKED:
                self.place -= 1
                if self.place == 0:
                    raise KeyboardInterrupt
        return self


def interrupted_everywhere(action):
    place = 0
    while True:
        place += 1
        time.sleep(0.003)  # the thread beside it goes to sleep again, so that there is something to wake
        sys.settrace(strike := Strike(place))
        try:
            action()
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(None)
        action()
        if strike.place > 0:
            return place


def sample():
    sampler.start()
    sampler.stop()


faulthandler.dump_traceback_later(60, exit=True)
Path("journal").mkdir()
writer = journal.JournalWriter(Path("journal"), Path("spool"))
append = lambda: writer.append(MetricLogged("run", "loss", 0.5, 1, 1))
sampler = resources.ResourceSampler()
append(), sample()
print(interrupted_everywhere(append) + interrupted_everywhere(sample))
"""


def test_an_interrupt_anywhere_in_what_wakes_a_thread_leaves_it_usable(tmp_path, python, tried):
    """The journal's and the sampler's locks are never left held, wherever the interrupt strikes."""
    tried("interrupts at an instruction", int(python(EVERYWHERE).stdout))
