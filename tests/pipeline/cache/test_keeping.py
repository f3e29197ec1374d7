"""What cannot be kept is said and stops nothing; what is damaged or has no room is made again."""

import resource
from pathlib import Path

import pytest

from support.pipelines import Bench
from trackbook.pipeline.cache import cache
from trackbook.pipeline.outcome import Noticed
from trackbook.pipeline.running.options import RunOptions
from trackbook.store import Store

ODD = """
import threading

class Own:
    def __reduce__(self):
        raise TypeError("not today")

def generator():
    return (i for i in range(3))

def lock():
    return threading.Lock()

def file():
    return open(__file__)

def function():
    return lambda: 4

def own():
    return Own()

def many():
    return [1], threading.Lock()

def use(generator, lock, file, function, own, many, one):
    with lock, file:
        return sum(generator) + function() + len(one)

# %% [step:show] cache=off
def show(total):
    print(total)
"""
ODD_MAIN = """a = generator()
b = lock()
c = file()
d = function()
e = own()
f, g = many()
total = use(a, b, c, d, e, g, f)
show(total)"""


def test_values_that_cannot_be_stored_are_said_and_the_steps_after_them_work(bench: Bench) -> None:
    bench.write(ODD, ODD_MAIN)
    for _ in range(2):
        result = bench.run()
        reasons = {step.name: step.reason for step in result.steps}
        assert result.status == "FINISHED"
        assert bench.printed() == "8\n"
        assert (
            reasons["generator"]
            == "its output a cannot be kept: a generator cannot be pickled (cannot pickle 'generator' object)"
        )
        for name, output in (("lock", "b"), ("file", "c"), ("function", "d"), ("own", "e"), ("many", "g")):
            assert f"its output {output} cannot be kept" in reasons[name]
        assert "an argument" in reasons["use"]


STEPS = """
def load():
    print("loading")
    return [0, 0, 7]

def double(values):
    return [2 * value for value in values]

# %% [step:show] cache=off
def show(doubled):
    print(doubled)
"""
STEPS_MAIN = "values = load()\ndoubled = double(values)\nshow(doubled)"


def objects(store: Store) -> list[Path]:
    return [path for path in store.objects.folder.rglob("*") if path.is_file()]


def flip(bench: Bench) -> None:
    for path in objects(bench.store):
        content = path.read_bytes()
        path.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])


def cut(bench: Bench) -> None:
    for path in objects(bench.store):
        path.write_bytes(path.read_bytes()[:3])


def delete(bench: Bench) -> None:
    for path in objects(bench.store):
        path.unlink()


def spoil(bench: Bench) -> None:
    with bench.store.write() as db:
        db.execute("UPDATE step_cache SET outputs = substr(outputs, 1, 40)")


def test_a_damaged_result_is_seen_made_again_and_then_whole(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.write(STEPS, STEPS_MAIN)
    bench.run()
    for damage in (flip, cut, delete, spoil):
        damage(bench)
        result = bench.run()
        assert [step.status for step in result.steps] == ["executed"] * 3, damage
        assert all("damaged" in step.why for step in result.steps[:2])
        assert bench.printed() == "loading\n[0, 0, 14]\n"
        assert bench.statuses() == ["cached", "cached", "executed"], damage
    monkeypatch.setattr(cache, "_READ_AT_ONCE", 16)  # larger results are checked when they are needed
    for path in objects(bench.store):
        if path.stat().st_size > 16:
            path.write_bytes(path.read_bytes()[:-2] + b"??")
    assert bench.statuses() == ["executed"] * 3
    assert bench.printed().endswith("[0, 0, 14]\n")
    said = [event.text for event in bench.events if isinstance(event, Noticed)]
    assert any("the kept result of step 'double' cannot be used" in text for text in said), said


def test_without_room_a_step_counts_as_executed_and_nothing_stays_half_written(bench: Bench) -> None:
    body = "def big(size):\n    return bytes(size)\ndef length(data):\n    return len(data)\ndef write(n):\n    open('f', 'wb').write(bytes(n))"
    bench.write(body, "data = big(params.size)\nn = length(data)\nwrite(n)")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000_000, hard))
    try:
        result = bench.run(size=5_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    first = result.steps[0]
    assert result.status == "FINISHED"
    assert (first.status, first.reason) == ("executed", "its outputs cannot be written: File too large")
    assert not list(bench.store.root.rglob("*.tmp"))
    assert not list(bench.store.root.glob("pipeline-*"))
    assert bench.statuses(size=5_000_000) == ["executed", "cached", "cached"]
    assert bench.statuses(size=5_000_000) == ["cached"] * 3


SIDE_BY_SIDE = """
import time

def one():
    open("one.txt", "w").write("1")
    time.sleep(0.4)

def two():
    time.sleep(0.1)
    open("two.txt", "w").write("2")
"""


def test_a_step_is_not_taken_for_the_writer_of_what_another_process_wrote_meanwhile(bench: Bench) -> None:
    bench.write(SIDE_BY_SIDE, "one()\ntwo()")
    assert bench.run(RunOptions(jobs=2)).status == "FINISHED"
    known = cache.StepCache(bench.store, bench.folder, ["one", "two"])
    for name in ("one", "two"):
        entry = known.newest(name)
        assert entry is None or [kept.path for kept in entry.files] == [f"{name}.txt"]
    bench.run(RunOptions(jobs=2))
    assert bench.statuses() == ["cached", "cached"]
