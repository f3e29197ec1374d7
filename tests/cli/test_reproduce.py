"""`trackbook reproduce`: what it prints, its JSON, its exit statuses."""

import json
import sys

import pytest
from click.testing import CliRunner

from trackbook.cli import main
from trackbook.project import Project
from trackbook.tracking.reproduction.plan import Cell, Plan
from trackbook.tracking.reproduction.repeat import run_repeat

CELLS = ("%load_ext trackbook\nimport trackbook as tb, random", "%%track fixed\nn = 3\ntb.log_metric('n', n)\nn")
CHANCE = "%%track chance\nx = random.random()\ntb.log_metric('x', x)"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A project with two runs of one session."""
    root = tmp_path_factory.mktemp("project")
    (root / "trackbook.toml").write_text("")
    cells = tuple(Cell(source, count, None, False) for count, source in enumerate((*CELLS, CHANCE), 1))
    command = [sys.executable, "-P", "-m", "trackbook.tracking.reproduction.replay"]
    plan = Plan(cells, str(root), (str(root),), (), {})
    assert run_repeat(command, plan, {"IPYTHONDIR": str(root.parent / "ipython")}).finished
    return Project.open(root)


@pytest.fixture
def reproduce(recorded, monkeypatch):
    for name in ("TRACKBOOK_DIR", "TRACKBOOK_NOTEBOOK", "JPY_SESSION_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(recorded.root)

    def run(*arguments, status):
        result = CliRunner().invoke(main, ["reproduce", *arguments])
        assert result.exit_code == status, result.output + str(result.exception)
        return result

    return run


def run_of(project, experiment):
    return project.runs.search(experiment=experiment)[0].run_id


def test_a_reproduced_run_exits_with_0(recorded, reproduce):
    result = reproduce(run_of(recorded, "fixed")[:8], "--timeout", "60", status=0)
    assert "✓ reproduced: all " in result.stdout
    assert "in the current environment" in result.stdout


def test_json_is_one_object_with_the_verdict_and_the_differences(recorded, reproduce):
    run_id = run_of(recorded, "chance")
    found = json.loads(reproduce(run_id, "--json", status=1).stdout)
    assert (found["verdict"], found["run_id"], found["environment"]) == ("differs", run_id, "current")
    assert {"what", "name", "original", "repeated", "detail"} == set(found["differences"][0])
    assert "x" in {each["name"] for each in found["differences"]}
    assert found["causes"] == [
        "the program draws from a random generator without a seed (cell [3], line 2: random.random)"
    ]
    assert {"reason", "notes", "compared", "start_time", "end_time", "user", "reproduction_id"} <= set(found)


def test_a_run_that_cannot_run_exits_with_1(recorded, reproduce):
    run = recorded.tracker.start_run("by hand")
    run.end()
    assert "■ cannot run: its program was not recorded" in reproduce(run.run_id, status=1).stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Missing argument"),
        (["0" * 32], "there is no run"),
        (["zz"], "is no run id"),
        (["abc", "--env", "lokced"], "is not one of"),
        (["abc", "--timeout", "0"], "Invalid value"),
    ],
)
def test_bad_usage_exits_with_2(reproduce, arguments, words):
    assert words in reproduce(*arguments, status=2).output
