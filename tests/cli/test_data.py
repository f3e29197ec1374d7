"""`trackbook data …`: differences as exit statuses, files that come back, lineage, and what is not imported."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.linear_model import Ridge

from trackbook.cli import main


@pytest.fixture
def run(project):
    def invoke(*arguments, status=0):
        result = CliRunner().invoke(main, ["data", *arguments])
        assert result.exit_code == status, result.output + str(result.exception)
        return result.output

    return invoke


@pytest.fixture
def points(project, run):
    for text in ("id,b\n1,2\n2,3\n", "id,b\n1,2\n2,9\n3,4\n"):
        Path("points.csv").write_text(text)
        run("snapshot", "points.csv", "points")


def test_a_difference_is_exit_status_1_and_none_is_0(run, points):
    assert run("diff", "data:/points@1", "data:/points@1") == "They are equal.\n"
    assert "13 bytes, then 17" in run("diff", "data:/points@1", "data:/points", status=1)
    found = json.loads(run("diff", "data:/points@1", "data:/points@2", "--key", "id", "--json", status=1))
    assert found["kind"] == "frame"
    assert (found["equal"], found["rows_added"], found["rows_changed"]) == (False, 1, 1)
    assert found["columns_changed"] == {"b": 1}
    text = run("diff", "data:/points@1", "points.csv", "--key", "id", status=1)
    assert "column changed: b, in 1 rows" in text
    assert "rows: 2 → 3; 1 added, 0 removed, 1 changed" in text
    run("diff", "data:/points@1", "data:/points@7", status=2)


def test_a_file_comes_back_and_nothing_is_replaced_unasked(run, points):
    run("restore", "points@1", "-o", "back/then.csv")
    assert Path("back/then.csv").read_text() == "id,b\n1,2\n2,3\n"
    run("restore", "points@2", "-o", "back/then.csv", status=2)
    run("restore", "points@2", "-o", "back/then.csv", "--force")
    assert Path("back/then.csv").read_text() == "id,b\n1,2\n2,9\n3,4\n"


def test_what_a_format_loses_of_a_frame_is_said(project, run):
    project.data.snapshot(pd.DataFrame({"kind": pd.Categorical(["x"])}), "frame")
    assert ".csv does not hold all of it: kind: category becomes" in run("restore", "frame", "-o", "frame.csv")
    assert "does not hold" not in run("restore", "frame", "-o", "frame.parquet")


def test_show_names_the_runs_and_models_that_came_of_a_version(project, run):
    import trackbook as tb

    frame = pd.DataFrame({"x": [1.0, 2.0], "y": [1.0, 2.0]})
    with tb.start_run("preparation"):
        tb.snapshot(frame, "prepared")
    with tb.start_run("training"):
        model = Ridge().fit(tb.load_data("data:/prepared")[["x"]], frame["y"])
        tb.register_model(model, "ridge")
    text = run("show", "prepared")
    for words in ("made by run", "preparation", "read by run", "training", "became model", "ridge v1"):
        assert words in text
    lineage = json.loads(run("show", "prepared", "--json"))["lineage"]
    assert [each["run_name"] for each in lineage["read_by"]] == ["training"]
    assert [each["name"] for each in lineage["models"]] == ["ridge"]


def test_an_unchanged_path_is_recognised_without_the_heavy_libraries(project, run):
    """The whole command takes a fraction of a second, so it must not import what only frames need."""
    Path("folder").mkdir()
    for path in ("folder/a", "folder/b", "alone"):
        Path(path).write_text(path)
        os.utime(path, (1, 1))
    code = (
        "import sys; from trackbook.cli import main; main(['data', 'snapshot', sys.argv[1], sys.argv[2]], standalone_mode=False);"
        "print([name for name in ('numpy', 'pandas', 'pyarrow', 'sqlite_utils', 'rich') if name in sys.modules])"
    )
    for path in ("folder", "alone"):
        outputs = []
        for _ in range(2):
            done = subprocess.run([sys.executable, "-c", code, path, path], capture_output=True, text=True, check=True)
            outputs.append(done.stdout)
        assert outputs[1].splitlines()[-1] == "[]"
        assert outputs[0].splitlines()[0] == outputs[1].splitlines()[0]
