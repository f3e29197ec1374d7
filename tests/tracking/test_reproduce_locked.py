"""`reproduce --env locked`: in a virtual environment with the versions of the run, built from wheels in a folder."""

import os
import sys
import sysconfig
import zipfile

import pytest

from trackbook.capture.environment import Environment, read_environment
from trackbook.store import events
from trackbook.tracking.reproduction.plan import Cell, Plan
from trackbook.tracking.reproduction.repeat import run_repeat

CELLS = ("%load_ext trackbook\nimport trackbook as tb, d_tiny", "%%track versions\nrate = d_tiny.rate()\nrate")


def make_wheel(folder, version, rate):
    info = f"d_tiny-{version}.dist-info"
    files = {
        "d_tiny.py": f"def rate(): return {rate}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: d_tiny\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    path = folder / f"d_tiny-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inner, content in {**files, f"{info}/RECORD": "".join(f"{name},,\n" for name in files)}.items():
            archive.writestr(inner, content)
    return path


def unpack(wheel, folder):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return str(folder)


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """A folder of wheels, the only place where pip looks."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def run(project, wheels, tmp_path, monkeypatch):
    """A run with version 1.0 of a library, of which 2.0 is installed now."""
    first, second = make_wheel(wheels, "1.0", 1), make_wheel(wheels, "2.0", 2)
    plan = Plan(
        tuple(Cell(cell, place, None, False) for place, cell in enumerate(CELLS, 1)),
        str(project.root),
        (str(project.root),),
        (),
        {},
    )
    variables = {"IPYTHONDIR": str(tmp_path / "ipython"), "PYTHONPATH": unpack(first, tmp_path / "then-packages")}
    assert run_repeat([sys.executable, "-P", "-m", "trackbook.tracking.reproduction.replay"], plan, variables).finished
    (found,) = project.runs.search()
    here = read_environment()
    small = Environment(here.python, here.implementation, here.platform, here.machine, distributions={"d-tiny": "1.0"})
    project.store.append(events.EnvironmentSeen(found.run_id, small.digest, small.to_json()))
    monkeypatch.setenv("PYTHONPATH", unpack(second, tmp_path / "now-packages"))
    return project.runs.get(found.run_id)


def test_what_another_version_changed_is_the_same_again_in_the_locked_environment(project, run, monkeypatch):
    current = project.reproductions.reproduce(run.run_id)
    assert (current.verdict, current.environment) == ("differs", "current")
    assert current.causes[0] == "another version of d-tiny (1.0 → 2.0), which the program imports"
    # What Trackbook itself needs would be in the lock of a real run; here it comes from where the tests have it.
    monkeypatch.setenv("PYTHONPATH", sysconfig.get_path("purelib"))
    stages = []
    locked = project.reproductions.reproduce(
        run.run_id, env="locked", on_progress=lambda step: stages.append(step.stage)
    )
    assert (locked.verdict, locked.environment) == ("reproduced", "locked"), locked
    assert stages[0] == "environment"
    assert [each.environment for each in project.runs.get(run.run_id).reproductions] == ["locked", "current"]


def test_an_environment_that_cannot_be_built_says_why(project, run, wheels):
    (wheels / "d_tiny-1.0-py3-none-any.whl").unlink()
    found = project.reproductions.reproduce(run.run_id, env="locked")
    assert found.verdict == "cannot_run"
    assert found.reason.startswith("its environment cannot be built: ")
    assert "d-tiny" in found.reason
