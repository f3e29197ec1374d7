"""SIGKILL at any moment: what was acknowledged is there once, and the next command simply works.

Writers are forked from one warm process, so that a kill costs a fork and not a second of imports.  A writer prints a
line after each call that has returned; whatever it printed is acknowledged.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import pytest

from trackbook.store import Store
from trackbook.store.curves import read_curve
from trackbook.store.fsck import fsck
from trackbook.tracking import Runs

pytestmark = pytest.mark.faults

IS_LONG = os.environ.get("TRACKBOOK_FAULTS") == "all"
WORKERS = 4
KILLS_EACH = 230 if IS_LONG else 60
KERNEL_KILLS = 79
"""With the kernel that dies as a whole, and with TRACKBOOK_FAULTS=all, 1,000."""

ZYGOTE = """
import json, os, pathlib, random, select, signal, sys, time

sys.path.insert(0, {source!r})
from trackbook.store import Store
from trackbook.store.database import connect_for_reading
from trackbook.store.drain import drain
from trackbook.tracking import Runs, Tracker

root, seed, kills = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
rng = random.Random(seed)


def say(out, *what):
    os.write(out, (json.dumps(what) + "\\n").encode())


def write(out, number, rng):
    # A store of its own, as a new process opens it.
    store = Store.open(root)
    tracker = Tracker(store, root=root.parent, experiment=f"w{{seed}}", user="u")
    while True:
        run = tracker.start_run(f"{{seed}}-{{number}}")
        say(out, "start", run.run_id)
        for step in range(rng.randrange(1, 30)):
            run.log_metric("loss", step / 7)
            say(out, "metric", run.run_id, "loss", step, step / 7)
            if step % 5 == 0:
                run.log_params({{f"p{{step}}": "x" * rng.randrange(3000)}})
                say(out, "param", run.run_id, f"p{{step}}")
            if step % 11 == 0:
                digest = run.log_artifact(os.urandom(rng.randrange(1, 5000)), f"a{{step}}.bin")
                say(out, "artifact", run.run_id, digest)
            if step % 9 == 0:
                with store.write() as db:
                    name = f"{{run.run_id}}-{{step}}"
                    db.execute("INSERT INTO dataset (name) VALUES (?)", [name])
                say(out, "row", name)
        run.end()
        say(out, "end", run.run_id)


def read(out, number, rng):
    # Drains what the others write, and is killed in the midst of it.
    runs = Runs(Store.open(root))
    while True:
        runs.search(max_results=3)
        say(out, "read")


for number in range(kills):
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receive)
        (read if number % 3 == 2 else write)(send, number, random.Random(seed * 1000 + number))
    os.close(send)
    said = b""
    # Half of the kills come a given number of records in, half after a given time: both ends of the scale.
    by_records = rng.random() < 0.5
    records, deadline = rng.randrange(1, 40), time.monotonic() + rng.uniform(0.002, 0.1)
    limit = time.monotonic() + 20
    while time.monotonic() < limit and (said.count(b"\\n") < records if by_records else time.monotonic() < deadline):
        if select.select([receive], [], [], 0.001)[0]:
            chunk = os.read(receive, 1 << 16)
            if not chunk:
                break  # it died by itself; the exit status tells
            said += chunk
    os.kill(child, signal.SIGKILL)
    while chunk := os.read(receive, 1 << 16):
        said += chunk
    os.close(receive)
    _, status = os.waitpid(child, 0)
    print(json.dumps([number, os.WTERMSIG(status) if os.WIFSIGNALED(status) else -1, said.decode()]), flush=True)
"""


def acknowledged(said: str) -> list[list]:
    """Return the records that a killed writer had acknowledged; its last line may be cut."""
    return [json.loads(line) for line in said.split("\n")[:-1]]


def kill_writers_and_readers(folder: Path) -> list[list]:
    """Kill processes that use a new store in `folder`; return number, signal and words of each of them."""
    root = folder / ".trackbook"
    script = folder / "zygote.py"
    script.write_text(ZYGOTE.format(source=str(Path(sys.modules["trackbook"].__file__).parents[1])))
    zygotes = [
        subprocess.Popen(
            [sys.executable, str(script), str(root), str(seed), str(KILLS_EACH)], stdout=subprocess.PIPE, text=True
        )
        for seed in range(WORKERS)
    ]
    deaths = []
    # While they are being killed, this process reads what they write: the next command, again and again.
    for zygote in zygotes:
        for line in zygote.stdout:
            deaths.append(json.loads(line))
            Runs(Store.open(root)).search(max_results=1)
        assert zygote.wait(60) == 0
        zygote.stdout.close()
    return deaths


def test_no_acknowledged_record_is_lost_or_doubled_by_kills_at_random(tmp_path, sound, tried):
    """Of processes that log, end runs, keep artifacts, write transactions, read and drain, all at once."""
    deaths = kill_writers_and_readers(tmp_path)
    records = [record for _, _, said in deaths for record in acknowledged(said)]
    tried("SIGKILLs at random moments", len(deaths))
    print(f"acknowledged: {dict(Counter(record[0] for record in records))}")
    assert [signal for _, signal, _ in deaths] == [signal.SIGKILL] * WORKERS * KILLS_EACH
    assert sum(said.count('"read"') for number, _, said in deaths if number % 3 == 2) > WORKERS

    store = Store.open(tmp_path / ".trackbook")
    check_runs(store, records)
    check_metrics(store, records)
    with store.read() as db:
        rows = Counter(name for (name,) in db.execute("SELECT name FROM dataset").fetchall())
    assert {record[1] for record in records if record[0] == "row"} <= rows.keys()
    assert max(rows.values()) == 1
    sound(store)
    assert [finding for finding in fsck(store) if finding.severity != "info"] == []
    assert list((store.root / "journal").iterdir()) == []


def check_runs(store: Store, records: list[list]) -> None:
    """Check that every run, end, param and artifact that was acknowledged is there."""
    found = {run.run_id: run for run in Runs(store).search(max_results=1_000_000)}
    for kind, run_id, *what in (record for record in records if record[0] in ("start", "end", "param")):
        assert run_id in found, f"run {run_id} is lost"
        if kind == "param":
            assert what[0] in found[run_id].params
        if kind == "end":
            assert found[run_id].status == "FINISHED"
    with store.read() as db:
        kept = set(
            db.execute("SELECT run.run_id, digest FROM artifact JOIN run ON run.id = artifact.run_id").fetchall()
        )
    artifacts = {tuple(record[1:]) for record in records if record[0] == "artifact"}
    assert artifacts <= kept
    assert all(store.objects.get(digest) for _, digest in artifacts)


def check_metrics(store: Store, records: list[list]) -> None:
    """Check that every metric that was acknowledged is there, and none of all twice."""
    with store.read() as db:
        curves = db.execute(
            "SELECT run.run_id, key.name, run.id, key.id FROM metric"
            " JOIN run ON run.id = metric.run_id JOIN key ON key.id = key_id"
        ).fetchall()
        points = Counter(
            (run_id, name, step, value)
            for run_id, name, run, key in curves
            for step, _, value in read_curve(db, run, key).ordered()
        )
        counts = db.execute("SELECT sum(count) FROM metric").fetchone()[0]
    said = {tuple(record[1:]) for record in records if record[0] == "metric"}
    assert len(said) > 300
    assert said <= points.keys()
    assert max(points.values()) == 1
    assert counts == len(points)


def test_a_kernel_killed_at_random_moments_loses_no_cell_that_it_answered(start_kernel, sound, tried):
    """Real kernels, real cells: what the notebook has seen done is a run, and the next kernel simply works."""
    rng = random.Random(2)
    kernel = start_kernel()
    answered: dict[str, int] = {}
    code = textwrap.dedent("""
        import json, os, random, signal, sys
        import IPython
        shell = get_ipython()
        shell.run_line_magic("load_ext", "trackbook")
        sys.stdout.flush()
        def life(number, send):
            count = 0
            while True:
                name = f"{number}-{count}"
                shell.run_cell(f"%%track killed --name {name}\\nrate = {count}\\nimport trackbook as tb\\n"
                               f"tb.log_metric('m', {count})", store_history=True)
                os.write(send, (name + "\\n").encode())
                count += 1
    """)
    assert kernel.run(code).status == "ok"
    for number in range(KERNEL_KILLS):
        delay, records = rng.uniform(0.005, 0.12), rng.randrange(1, 8)
        forked = kernel.run(
            textwrap.dedent(f"""
            receive, send = os.pipe()
            child = os.fork()
            if child == 0:
                os.close(receive)
                sys.stdout = sys.stderr = open(os.devnull, "w")
                life({number}, send)
            os.close(send)
            import time, select
            said, deadline = b"", time.monotonic() + {delay}
            while time.monotonic() < deadline or said.count(b"\\n") < {records % 3}:
                if select.select([receive], [], [], 0.001)[0]:
                    said += os.read(receive, 65536)
            os.kill(child, signal.SIGKILL)
            while chunk := os.read(receive, 65536):
                said += chunk
            os.close(receive)
            print(os.waitpid(child, 0)[1], said.decode().split("\\n")[:-1])
            """),
            store_history=False,
        )
        assert forked.status == "ok", forked.traceback
        status, names = forked.stdout.split(" ", 1)
        assert int(status) == signal.SIGKILL
        answered |= {name: int(name.split("-")[1]) for name in eval(names)}
    found = {run.run_name: run for run in kernel.project().runs.search(experiment="killed", max_results=100_000)}
    assert len(answered) > KERNEL_KILLS
    assert answered.keys() <= found.keys()
    for name, count in answered.items():
        assert (found[name].status, found[name].params["rate"]) == ("FINISHED", str(count))
        assert found[name].metrics == {"m": float(count)}
    sound(kernel.project().store)
    tried("SIGKILLs at random moments", KERNEL_KILLS)
    print(f"{len(answered)} cells acknowledged")


def test_a_whole_kernel_killed_with_its_cell_leaves_a_run_and_the_next_kernel_works(start_kernel, tried):
    kernel = start_kernel()
    kernel.run("%load_ext trackbook")
    kernel.run("%%track lost --name before\nx = 1")
    client = kernel._client
    client.execute(
        "%%track lost --name during\nimport trackbook as tb, time\ntb.log_metric('m', 1)\nprint('here')\ntime.sleep(60)"
    )
    while True:
        message = client.get_iopub_msg(timeout=30)
        if message["msg_type"] == "stream" and "here" in message["content"]["text"]:
            break
    os.kill(kernel.pid, signal.SIGKILL)
    successor = start_kernel(kernel.root)
    successor.run("%load_ext trackbook")
    assert successor.run("%%track lost --name after\n2 + 2").results == ["4"]
    found = {run.run_name: run for run in kernel.project().runs.search(experiment="lost")}
    assert {name: run.status for name, run in found.items()} == {
        "before": "FINISHED",
        "during": "KILLED",  # by the reader that found its process gone
        "after": "FINISHED",
    }
    assert found["during"].metrics == {"m": 1.0}
    tried("SIGKILLs at random moments", 1)
