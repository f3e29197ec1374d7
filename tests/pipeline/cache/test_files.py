"""Files that a step writes are kept with its result and put back; what cannot be put back is a reason to run again."""

import os
from pathlib import Path

import pytest

from support.pipelines import Bench
from trackbook.pipeline.cache.cache import StepCache
from trackbook.pipeline.cache.files import KeptFile, is_plain, is_there
from trackbook.pipeline.plan import read_plan
from trackbook.pipeline.running.options import RunOptions
from trackbook.pipeline.running.preview import preview
from trackbook.store import now_ms
from trackbook.tracking import Runs

WRITES = """
import os, json, tempfile
import pyarrow.fs as fs

def plain(size):
    os.makedirs("out/deep", exist_ok=True)
    with open("out/deep/model.bin", "wb") as file:
        file.write(bytes(size))
    os.chmod("out/deep/model.bin", 0o640)

def atomic():
    handle, name = tempfile.mkstemp(dir=".")
    os.write(handle, b"whole")
    os.close(handle)
    os.replace(name, "atomic.txt")
    return 1

def native():
    fs.LocalFileSystem().open_output_stream("heard.bin").close()
    return 1

def unheard(path="unheard.bin"):
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    handle = libc.creat(path.encode(), 0o600)
    libc.write(handle, b"native", 6)
    libc.close(handle)
    os.replace("unheard.bin", "moved.bin")
    return 1

def folders():
    os.makedirs("tree/a")
    open("tree/a/x", "w").write("x")
    os.rename("tree", "final")
    with open("final/a/x", "a") as file:
        file.write("y")
    os.makedirs("empty", exist_ok=True)
    open("code.py", "w").write("X = 1")

def fig():
    import matplotlib
    matplotlib.use("agg")
    from matplotlib.figure import Figure
    Figure().savefig("figure.png")

def reads():
    return open("out/deep/model.bin", "rb").read()
"""
ALL = "plain(params.size)\nx = atomic()\ny = native()\nz = unheard()\nfolders()\nfig()\nread = reads()"
FILES = {
    "out/deep/model.bin",
    "atomic.txt",
    "heard.bin",
    "moved.bin",
    "final/a/x",
    "code.py",
    "figure.png",
}


def written(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES if (folder / name).is_file()}


def test_written_files_are_part_of_a_kept_result_and_come_back(bench: Bench) -> None:
    bench.write(WRITES, ALL)
    first = bench.run()
    assert [(step.status, step.reason) for step in first.steps] == [("executed", "")] * 7
    content = written(bench.folder)
    assert content.keys() == FILES
    for name in FILES:
        (bench.folder / name).unlink()
    for name in ("out/deep", "final/a", "empty"):
        (bench.folder / name).rmdir()
    again = bench.run()
    assert [step.status for step in again.steps] == ["cached"] * 7
    assert again.steps[0].reason == "puts back out/deep/model.bin, which was missing"
    assert written(bench.folder) == content
    assert (bench.folder / "empty").is_dir()
    assert (bench.folder / "out/deep/model.bin").stat().st_mode & 0o777 == 0o640
    assert not list(bench.folder.glob("*.tmp"))

    (bench.folder / "atomic.txt").write_text("mine")
    changed = bench.run()
    assert changed.steps[1].status == "cached"
    assert "puts back atomic.txt, which was changed" in changed.steps[1].reason
    assert written(bench.folder) == content
    runs = Runs(bench.store)
    child = next(
        run for run in runs.search(max_results=50) if run.parent_run_id == changed.run_id and run.run_name == "atomic"
    )
    assert runs.artifact(child.run_id, "replaced/atomic.txt") == b"mine"

    assert [step.reason for step in bench.run().steps] == [""] * 7, "nothing differs, nothing is said"
    assert bench.statuses(size=5) == ["executed", *["cached"] * 5, "executed"], "a reader is keyed by the content"


UNSAFE = """
import os, pathlib, shutil

def append():
    with open("there.txt", "a") as file:
        file.write("x")

def update():
    with open("there.txt", "r+") as file:
        file.write("y")

def delete():
    os.remove("victim.txt")

def move():
    os.rename("source.txt", "target.txt")

def cycle():
    text = open("there.txt").read()
    open("there.txt", "w").write(text + "z")

def outside():
    open(pathlib.Path.home() / "outside.txt", "w").close()

def link():
    os.symlink("there.txt", "link.txt")

def through():
    open("given.txt", "w").close()

def listing():
    open(f"n{len(os.listdir('.'))}.txt", "w").close()

def tree():
    shutil.rmtree("old")

def silent():
    import ctypes
    ctypes.CDLL(None).truncate(b"quiet.bin", 1)
"""
REASONS = {
    "append": "changes the file there.txt, which was there before",
    "update": "changes the file there.txt, which was there before",
    "delete": "deletes the file victim.txt",
    "move": "moves away the file source.txt",
    "cycle": "reads and then writes the file there.txt",
    "outside": "which is outside of the project's folder",
    "link": "makes the link link.txt",
    "through": "writes given.txt, which is no plain file",
    "listing": "lists the folder",
    "tree": "deletes the file old/inside.txt",
    "silent": "changes the file quiet.bin, which was there before",
}


def test_what_happens_to_files_that_were_there_before_is_a_reason_to_run_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    for name in ("there.txt", "victim.txt", "source.txt", "quiet.bin"):
        (bench.folder / name).write_text("old")
    (bench.folder / "old").mkdir()
    (bench.folder / "old" / "inside.txt").write_text("old")
    (bench.folder / "given.txt").symlink_to("there.txt")
    bench.write(UNSAFE, "\n".join(f"{name}()" for name in REASONS))
    steps = {step.name: step for step in bench.run().steps}
    assert {name: step.status for name, step in steps.items()} == dict.fromkeys(REASONS, "executed")
    for name, reason in REASONS.items():
        assert reason in steps[name].reason


def test_a_file_written_by_two_steps_ends_as_the_later_one_left_it_and_is_not_called_changed(bench: Bench) -> None:
    body = "def one():\n    open('f', 'w').write('1')\ndef two():\n    open('f', 'w').write('two')"
    bench.write(body, "one()\ntwo()")
    bench.run()
    assert [(step.status, step.reason) for step in bench.run().steps] == [("cached", "")] * 2
    assert (bench.folder / "f").read_text() == "two"


def test_a_kept_file_that_cannot_be_put_back_makes_the_step_run(bench: Bench) -> None:
    bench.write("def one():\n    open('f', 'w').write('1')", "one()")
    bench.run()
    (digest,) = [p for p in (bench.store.root / "objects").rglob("*") if p.is_file() and p.read_bytes() == b"1"]
    digest.write_bytes(b"2")
    assert bench.statuses() == ["cached"], "the file itself is right"
    (bench.folder / "f").unlink()
    assert bench.statuses() == ["executed"]
    assert (bench.folder / "f").read_text() == "1"


def test_a_kept_file_is_known_by_its_stamp_or_its_content(tmp_path: Path) -> None:
    from blake3 import blake3

    path = tmp_path / "f"
    path.write_bytes(b"1")
    os.utime(path, ns=(10**18, 10**18))
    kept = KeptFile("f", blake3(b"1").hexdigest(), 1, 10**18, 0o644)
    assert is_there(kept, tmp_path, now_ms())
    os.utime(path, ns=(2 * 10**18, 2 * 10**18))
    assert is_there(kept, tmp_path, now_ms())
    path.write_bytes(b"2")
    os.utime(path, ns=(10**18, 10**18))
    assert is_there(kept, tmp_path, now_ms()), "an old stamp is believed"
    assert not is_there(kept, tmp_path, 10**12 + 1), "one that was young then is not"
    assert [is_plain(name) for name in ("a/b", "../a", "/a", "")] == [True, False, False, False]


def test_files_that_were_too_young_to_be_believed_are_read_once_more_and_then_known_by_their_stamps(
    bench: Bench,
) -> None:
    data = bench.folder / "data.txt"
    data.write_text("1")
    os.utime(data, (1_700_000_000, 1_700_000_000))
    bench.write("def f():\n    open('out.txt', 'w').write(open('data.txt').read())", "f()")
    bench.run()
    assert bench.statuses() == ["cached"]
    os.utime(data, (1_700_000_001, 1_700_000_001))
    os.utime(bench.folder / "out.txt", (1_700_000_002, 1_700_000_002))
    assert bench.statuses() == ["cached"]
    entry = StepCache(bench.store, bench.folder, ["f"]).newest("f")
    assert entry is not None
    assert [each.mtime_ns // 10**9 for each in (*entry.reads, *entry.files)] == [1_700_000_001, 1_700_000_002]
    assert bench.statuses() == ["cached"]
    data.write_text("2")
    assert bench.statuses() == ["executed"]


def test_a_preview_knows_of_files_that_will_be_put_back_or_written_anew(bench: Bench) -> None:
    body = "def one(size):\n    open('f', 'w').write(str(size))\ndef two():\n    return open('f').read()"
    bench.write(body, "one(params.size)\ntext = two()")
    bench.run()
    plan = read_plan(bench.script)

    def forecasts(**params: str) -> list[tuple[str, str]]:
        return [(each.state, each.why) for each in preview(bench.store, plan, params, RunOptions(), bench.folder)]

    assert forecasts() == [("cached", ""), ("cached", "")]
    (bench.folder / "f").unlink()
    assert forecasts() == [("cached", "puts back f"), ("cached", "")]
    assert not (bench.folder / "f").exists()
    assert [state for state, _ in forecasts(size="7")] == ["runs", "runs"]
    bench.run()
    assert forecasts(size="7")[1] == ("depends", "runs if one writes another f")
