"""Every call by which an operation touches its store: death, an error, half a write or an interrupt, at each of them.

The operations are in `support.failpoints`.  After each stroke: the database is whole, whatever was acknowledged is
there once, every object verifies, `fsck` is content, and the next command works without repair.  A failing call makes
an operation go on or raise a TrackbookError that says what is wrong, nothing else; then the same process works again.

Where an operation makes very many calls, some of them are tried; with TRACKBOOK_FAULTS=all it is all of them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.failpoints import operations, services
from support.failpoints.operations import OPERATIONS
from support.failpoints.runner import Failpoints, reason_to_skip
from support.failpoints.zygote import Request

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(reason_to_skip() is not None, reason=str(reason_to_skip())),
]

IS_LONG = os.environ.get("TRACKBOOK_FAULTS") == "all"
HEAVY = sorted(name for name, (_, act) in OPERATIONS.items() if act.__module__ == services.__name__)
LIGHT = sorted(set(OPERATIONS) - set(HEAVY))
EVERY = [*LIGHT, *HEAVY]
BUT_MIGRATIONS = [name for name in EVERY if not name.startswith("migration") or name == "migration from m001_tracking"]
ERRORS = ("ENOSPC", "EIO", "EROFS")


def limit(calls: int) -> int:
    return 1_000_000 if IS_LONG else calls


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder in memory where there is one: it is death that counts here, not the disk."""
    memory = Path("/dev/shm")
    made = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None)).resolve()
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def light(folder: Path) -> Iterator[Failpoints]:
    (folder / "light").mkdir()
    process = Failpoints(folder / "light")
    yield process
    process.close()


@pytest.fixture(scope="module")
def heavy(folder: Path) -> Iterator[Failpoints]:
    (folder / "heavy").mkdir()
    process = Failpoints(folder / "heavy", services.__name__)
    yield process
    process.close()


@pytest.fixture
def strike(request: pytest.FixtureRequest, tried: Any) -> Any:
    """Strike at the calls of an operation; counts them, and fails with all that was wrong."""

    def run(asked: Request, what: str) -> None:
        process = request.getfixturevalue("heavy" if asked.operation in HEAVY else "light")
        report = process.strike(asked)
        tried(what, report.tried)
        print(f"{asked.operation}: {report.calls} calls, {report.went_on} went on, {report.refused} refused")
        assert report.wrong == [], "\n\n".join(report.wrong)
        assert report.tried >= min(report.calls, asked.limit) - report.calls // 10

    return run


@pytest.mark.parametrize("name", EVERY)
def test_a_process_killed_at_any_call_leaves_a_store_that_simply_works(name, strike):
    strike(Request(name, "kill", limit=limit(8 if name.startswith("migration") else 20)), "SIGKILLs at a call")


@pytest.mark.parametrize("name", BUT_MIGRATIONS)
def test_a_process_killed_in_the_midst_of_any_write_leaves_a_store_that_simply_works(name, strike):
    strike(Request(name, "tear", limit=limit(8)), "SIGKILLs in the midst of a write")


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("name", BUT_MIGRATIONS)
def test_any_call_may_fail_once(name, error, strike):
    strike(Request(name, "fail", error, limit=limit(5)), f"single calls failed with {error}")


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("name", BUT_MIGRATIONS)
def test_all_calls_may_fail_from_any_one_on(name, error, strike):
    """The disk is full, broken or read-only from the midst of an operation on; then it is as it was."""
    strike(Request(name, "fail from there on", error, limit=limit(3)), f"times that all calls failed with {error}")


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
@pytest.mark.parametrize("name", ["append", "durable append", "end of a run with artifacts", "close"])
def test_the_temporary_folder_may_fail_with_the_store(name, error, strike):
    """There is nowhere to spool to: an error says so, and what was acknowledged before is kept."""
    asked = Request(name, "fail from there on", error, spool=True, limit=limit(3))
    strike(asked, f"times that all calls failed with {error}")


@pytest.mark.parametrize("name", BUT_MIGRATIONS)
def test_any_write_may_be_cut_short(name, strike):
    strike(Request(name, "short", limit=limit(5)), "writes cut short")


@pytest.mark.parametrize("name", BUT_MIGRATIONS)
def test_an_interrupt_at_any_call_leaves_the_process_and_its_store_working(name, strike):
    strike(Request(name, "interrupt", limit=limit(6)), "interrupts at a call")


def test_the_operations_are_all_there():
    assert len(HEAVY) >= 3
    assert operations.first_use in [act for _, act in OPERATIONS.values()]
