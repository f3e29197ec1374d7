"""The spool: where what is logged goes while the store cannot be written, and how it comes back; in hostile places."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

import pytest

from support.failpoints.records import check_sound
from trackbook.errors import StoreError
from trackbook.store import Store, journal
from trackbook.store.spool import spool_folder
from trackbook.tracking import Runs, Tracker

pytestmark = pytest.mark.faults

RUN = "a" * 32


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch) -> Path:
    """A temporary folder of the test's own; a store that could not be written is tried again at once."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setattr(journal, "RETRY_SECONDS", 0.0)
    return folder


class Broken:
    """A store whose journals' folder is a file for a while."""

    def __init__(self, tmp_path: Path) -> None:
        self.store = Store.open(tmp_path / ".trackbook")
        self.folder = self.store.root / "journal"
        self.tracker = Tracker(self.store, root=tmp_path, experiment="default", user="ada")
        self.breaks()

    def breaks(self) -> None:
        self.store._journal.close()
        self.folder.rename(self.folder.with_name("aside"))
        self.folder.touch()

    def mend(self) -> None:
        self.folder.unlink()
        self.folder.with_name("aside").rename(self.folder)


@pytest.fixture
def broken(tmp_path) -> Broken:
    return Broken(tmp_path)


def log(broken: Broken, name: str) -> None:
    with broken.tracker.start_run(name) as run:
        for step in range(5):
            run.log_metric("m", step)


def check_kept(broken: Broken, *names: str) -> None:
    """Check that the runs are there in full, that nothing is left behind, and that the store is sound."""
    found = {run.run_name: run for run in Runs(broken.store).search()}
    assert found.keys() == set(names)
    for run in found.values():
        assert (run.status, run.metrics) == ("FINISHED", {"m": 4.0})
        assert len(Runs(broken.store).metric_history(run.run_id, "m")) == 5
    broken.store.close()
    assert not spool_folder(broken.store.root).exists()
    check_sound(broken.store)


def test_the_spool_is_told_once_is_private_and_empties_itself(broken):
    with pytest.warns(UserWarning, match="cannot write its store") as told:
        log(broken, "first")
        log(broken, "second")
    assert len(told) == 1
    spool = spool_folder(broken.store.root)
    assert stat.S_IMODE(spool.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in spool.iterdir()} == {0o600}
    broken.mend()
    log(broken, "third")
    check_kept(broken, "first", "second", "third")


def test_a_store_that_breaks_again_and_again_loses_nothing(broken):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(10):
            log(broken, f"away-{number}")
            broken.mend()
            log(broken, f"back-{number}")
            broken.breaks()
    broken.mend()
    check_kept(broken, *(f"{where}-{number}" for number in range(10) for where in ("away", "back")))


def test_a_store_that_breaks_in_the_midst_of_a_run_and_comes_back_has_all_of_it(broken):
    broken.mend()
    with broken.tracker.start_run("r") as run:
        run.log_metric("m", 0)
        broken.breaks()
        with pytest.warns(UserWarning, match="cannot write its store"):
            run.log_metric("m", 1)
        run.log_metric("m", 2)
        broken.mend()
        run.log_metric("m", 3)
        run.log_metric("m", 4)
    check_kept(broken, "r")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="giving a folder away takes root")
def test_a_spool_that_somebody_else_has_made_is_not_written(broken):
    spool = spool_folder(broken.store.root)
    spool.mkdir()
    os.chown(spool, 12345, 12345)
    with pytest.raises(StoreError, match=r"belongs to somebody else.*TMPDIR"):
        log(broken, "r")
    assert list(spool.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="giving a folder away takes root")
def test_journals_that_somebody_else_has_put_into_a_spool_are_not_read(broken):
    """Anybody may make a folder of that name in a temporary folder, before we do."""
    spool = spool_folder(broken.store.root)
    with pytest.warns(UserWarning):
        log(broken, "mine")
    broken.store._journal.close()
    for file in spool.glob("*.journal"):
        file.rename(spool / "0000000000001-1-aa.journal")
    os.chown(spool, 12345, 12345)
    broken.mend()
    assert Runs(broken.store).search() == []
    assert list(spool.glob("*.journal"))


def test_a_link_in_the_place_of_the_spool_is_not_followed(broken, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    spool_folder(broken.store.root).symlink_to(elsewhere)
    with pytest.raises(StoreError, match="belongs to somebody else"):
        log(broken, "r")
    assert list(elsewhere.iterdir()) == []


def test_a_spool_that_others_may_write_is_made_private_or_refused(broken):
    spool = spool_folder(broken.store.root)
    spool.mkdir(mode=0o777)
    spool.chmod(0o777)
    with pytest.warns(UserWarning, match="cannot write its store"):
        log(broken, "r")
    assert stat.S_IMODE(spool.stat().st_mode) == 0o700
    broken.mend()
    check_kept(broken, "r")


KILLED = """
import os, signal, sys, tempfile
from pathlib import Path
from trackbook.store import Store
from trackbook.tracking import Tracker
tempfile.tempdir = sys.argv[1]
store = Store.open(Path(sys.argv[2]))
run = Tracker(store, root=store.root.parent, experiment="default", user="u").start_run("killed")
for step in range(5):
    run.log_metric("m", step)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_killed_while_it_spools_leaves_what_it_said(broken, temporary):
    # The folder `journal` is a file: the store opens without it only where it is there already, so it is mended.
    broken.mend()
    broken.folder.rename(broken.folder.with_name("aside"))
    code = textwrap.dedent(KILLED).replace(
        "run = Tracker", "store.root.joinpath('journal').rmdir(); store.root.joinpath('journal').touch()\nrun = Tracker"
    )
    killed = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, temporary, broken.store.root], capture_output=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    broken.mend()
    (run,) = Runs(broken.store).search()
    assert (run.run_name, run.status, run.metrics) == ("killed", "KILLED", {"m": 4.0})
    broken.store.close()
    assert not spool_folder(broken.store.root).exists()
    check_sound(broken.store)


def test_a_damaged_journal_in_the_spool_is_kept_aside(broken):
    with pytest.warns(UserWarning):
        log(broken, "r")
    broken.store._journal.close()
    spool = spool_folder(broken.store.root)
    (path,) = spool.glob("*.journal")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)
    broken.mend()
    assert len(Runs(broken.store).search()) == 1
    kept = [*spool.rglob("*.journal"), *broken.store.root.rglob("damaged/*.journal")]
    assert [file.read_bytes() for file in kept] == [bytes(content)]
