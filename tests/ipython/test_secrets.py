"""Forty kinds of secrets and more, planted wherever a cell may hold one; none of them reaches the disk."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from tests.support.secrets import PLANTED, Planted


def found_in(folder: Path, secrets: Iterable[str]) -> set[tuple[str, str]]:
    """Return which secrets stand in which files below a folder, byte by byte."""
    contents = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {(secret, name) for secret in secrets for name, content in contents.items() if secret.encode() in content}


@pytest.fixture(scope="module")
def store(start_kernel: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store after cells, in a git repository, that hold secrets in every place; the kernel still runs."""
    root = tmp_path_factory.mktemp("secrets")
    (root / "trackbook.toml").touch()
    git = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-C", str(root)]
    (root / "tracked.py").write_text("first = 1\n")
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *command], check=True)
    # No file of Python holds a cell in another language.
    code = [planted.text for planted in PLANTED.values() if not planted.prose and not planted.text.startswith("%%")]
    (root / "tracked.py").write_text("first = 1\n" + "\n".join(code) + "\n")  # for the patch
    (root / "untracked.py").write_text("\n".join(code) + "\n")
    kernel = start_kernel(root, MY_SERVICE_TOKEN="environment-Value-8812")
    (root / "module_with_secret.py").write_text(code[0])
    kernel.run("%load_ext trackbook\nimport trackbook as tb\nimport module_with_secret")
    for kind, planted in PLANTED.items():
        _plant(kernel, kind, planted)
    kernel.run("import os\nprint(os.environ['MY_SERVICE_TOKEN'])")
    kernel.run("%%track environment\nprint(os.environ['MY_SERVICE_TOKEN'])\nos.environ['MY_SERVICE_TOKEN']")
    kernel.project().runs.search()  # so that there is a database, beside the journal
    return root / ".trackbook"


def _plant(kernel: Any, kind: str, planted: Planted) -> None:
    (kernel.root / "text.txt").write_text(planted.text)
    kernel.run("text = open('text.txt').read()")
    if not planted.prose:
        kernel.run(planted.text)  # an earlier, untracked cell; it may fail
        kernel.run(f"%%track source\n{planted.text}")
    kernel.run("%%track output\nimport sys\nprint(text)\nprint(text, file=sys.stderr)\ntext")
    kernel.run("%%track raised\nraise ValueError(text)")
    kernel.run(
        f"with tb.start_run(experiment='named'):\n    tb.log_param({kind!r}, text)\n    tb.set_tag({kind!r}, text)"
    )


def test_there_are_forty_kinds_of_secrets_and_more() -> None:
    """The table is what the tests below stand on."""
    assert len(PLANTED) >= 40


def test_no_planted_secret_is_in_the_database_the_journals_the_log_or_the_objects(store: Path) -> None:
    """Every file of the store is searched for every secret, as it is written: source, output, error, params, patch."""
    names = {path.name.rpartition(".")[2] for path in store.rglob("*") if path.is_file()}
    assert {"db", "journal"} <= names
    assert any(path.is_file() for path in (store / "objects").rglob("*"))
    found = found_in(store, [planted.secret for planted in PLANTED.values()])
    assert found == set()


def test_the_value_of_a_secret_variable_of_the_environment_is_not_there_either(store: Path) -> None:
    """What `MY_SERVICE_TOKEN` holds is hidden wherever it stands, though it looks like nothing in particular."""
    assert found_in(store, ["environment-Value-8812"]) == set()


def test_what_is_no_secret_is_still_there(store: Path) -> None:
    """The patch and the sources are kept, with a mark where a secret stood."""
    kept = b"".join(path.read_bytes() for path in (store / "objects").rglob("*") if path.is_file())
    assert b"[redacted]" in kept
    assert b"untracked.py" in kept
