"""What one cell did, seen from outside: its data, its files, its params."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from trackbook.capture.cell import CellCapture, Observation
from trackbook.capture.files.opened import MAX_FILES
from trackbook.capture.session import Session


def observe(source: str, namespace: dict[str, object]) -> Observation:
    """Run `source` in `namespace` under observation."""
    capture, session = CellCapture(1000), Session()
    running = session.begin(source, namespace)
    watch = capture.begin(running.names, namespace)
    session.start(running)
    exec(compile(source, "<cell>", "exec"), namespace)
    session.stop(running)
    return capture.end(watch, namespace, running.files)


def test_a_mutated_frame_is_read_and_written_with_two_fingerprints() -> None:
    """A frame that the cell changes in place is recorded as it was and as it is; one it only reads, once."""
    namespace: dict[str, object] = {"left": pd.DataFrame({"a": [1]}), "right": pd.DataFrame({"a": [2]})}
    seen = observe("left['b'] = right['a']\n", namespace).data
    assert [(used.role, used.name) for used in seen] == [("read", "left"), ("read", "right"), ("mutated", "left")]
    assert seen[0].fingerprint.digest != seen[2].fingerprint.digest
    assert list(seen[2].fingerprint.columns or {}) == ["a", "b"]


def test_files_beyond_the_limit_are_named_and_say_why_they_have_no_fingerprint(tmp_path: Path) -> None:
    """A cell that opens very many files loses none of their names."""
    for number in range(MAX_FILES + 5):
        (tmp_path / f"{number}.txt").write_text(str(number))
    source = f"import pathlib\nfor file in pathlib.Path({str(tmp_path)!r}).iterdir():\n    file.read_text()\n"
    files = [used for used in observe(source, {}).data if used.fingerprint.kind == "file"]
    assert len({used.name for used in files}) == MAX_FILES + 5
    unread = [used.fingerprint.reason for used in files if used.fingerprint.digest is None]
    assert len(unread) == 5
    assert all(reason and str(MAX_FILES) in reason for reason in unread)


def test_literals_are_params_and_private_ones_are_not() -> None:
    """Literals assigned at the top of a cell become params, the last value of each; underscored names do not."""
    assert observe("depth = 3\ndepth = 4\n_hidden = 1\nname = 'x'\n", {}).params == {"depth": "4", "name": "x"}
