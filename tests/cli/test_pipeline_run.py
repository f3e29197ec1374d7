"""`trackbook pipeline run` for people and for programs."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from trackbook.cli.main import main

SCRIPT = """
import dataclasses, sys

@dataclasses.dataclass(frozen=True)
class Params:
    size: int = 3

# %% [step:one] id=c1
def one(size):
    return 10 // size

# %% [step:two] id=c2 after=one
def two(x):
    print("two", x)
    print("careful", file=sys.stderr)

def main(params: Params) -> None:
    x = one(params.size)
    two(x)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    (folder / "trackbook.toml").touch()
    (folder / "p.py").write_text(SCRIPT)
    return folder


@pytest.fixture(autouse=True)
def _inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def run(*arguments: str, status: int = 0) -> Result:
    result = CliRunner().invoke(main, ["pipeline", "run", *arguments])
    assert result.exit_code == status, result.output + str(result.exception)
    return result


def test_steps_are_shown_with_what_became_of_them_and_what_they_print(folder: Path) -> None:
    """Text of the steps goes where they sent it, the states stand between."""
    first = run("p.py", "--explain", "-p", "size=2")
    assert first.stdout.splitlines()[1] == "two 5"
    assert "✓ [1/2] one: executed" in first.stdout
    assert "ran because" in first.stdout
    assert first.stderr == "careful\n"
    side = run("p.py", "--jobs", "2", "--no-cache")
    assert "two | two 3\n" in side.stdout
    assert "two | careful\n" in side.stderr
    again = run("p.py", "-p", "size=2")
    assert "= [2/2] two: cached" in again.stdout
    assert "finished" in again.stdout
    assert "2 cached" in again.stdout


def test_json_is_one_object_a_line_with_the_result_in_the_last(folder: Path) -> None:
    """So that a program can follow a run while it goes on."""
    lines = [json.loads(line) for line in run("p.py", "-p", "size=5", "--json").stdout.splitlines()]
    assert [line["event"] for line in lines if line["event"] != "output"] == [
        "run",
        "step",
        "step",
        "step",
        "step",
        "end",
    ]
    assert lines[0]["params"] == {"size": "5"}
    printed = [(line["stream"], line["text"]) for line in lines if line["event"] == "output"]
    assert "".join(text for stream, text in printed if stream == "stdout") == "two 2\n"
    assert "".join(text for stream, text in printed if stream == "stderr") == "careful\n"
    assert lines[-1]["result"]["status"] == "FINISHED"
    assert [step["name"] for step in lines[-1]["result"]["steps"]] == ["one", "two"]


def test_a_failing_step_is_status_1_and_a_dry_run_runs_nothing(folder: Path) -> None:
    """The traceback of the step is shown; what would run is told beforehand."""
    run("p.py")
    (forecast, later) = json.loads(run("p.py", "-p", "size=0", "--dry-run", "--json").stdout)
    assert (forecast["state"], later["state"]) == ("runs", "depends")
    assert "the param size changed" in run("p.py", "-p", "size=0", "--dry-run").stdout
    failed = run("p.py", "-p", "size=0", status=1)
    assert "ZeroDivisionError" in failed.stderr
    assert "✗ [1/2] one: failed" in failed.stdout
    assert "- [2/2] two: skipped" in failed.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["p.py", "-p", "size=many"], 1, "'size' is of type int; 'many' is not"),
        (["p.py", "-p", "size"], 2, "is not of the form K=V"),
        (["p.py", "--only", "tow"], 1, "has no step 'tow'; did you mean 'two'"),
        (["p.py", "--from", "nothing"], 1, "(it has: one, two)"),
        (["p.py", "--jobs", "0"], 2, "0 is not in the range"),
        (["none.py"], 1, "no pipeline script"),
        (["late.py"], 1, "step 'one' is after 'two', which main() calls later"),
        (["gone.py"], 1, "step 'two' is after 'oen', which is no step; did you mean 'one'"),
    ],
)
def test_bad_wishes_are_named_with_what_there_is(folder: Path, arguments: list[str], status: int, said: str) -> None:
    """A wrong name, type, number or order is told with the object and the remedy."""
    (folder / "late.py").write_text(SCRIPT.replace("id=c1", "id=c1 after=two").replace(" after=one", ""))
    (folder / "gone.py").write_text(SCRIPT.replace("after=one", "after=oen"))
    assert said in " ".join(run(*arguments, status=status).stderr.split())
