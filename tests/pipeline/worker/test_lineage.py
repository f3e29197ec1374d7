"""What a step was handed and returned is known of its run, and leads from run to run."""

import pytest

from support.pipelines import Bench
from trackbook.data import Datasets
from trackbook.tracking import Runs

BODY = """
import pandas as pd
from sklearn.linear_model import LinearRegression

def load(size):
    rows = pd.read_csv("rows.csv")
    return rows.assign(b=rows["a"] * size)

def train(rows):
    return LinearRegression().fit(rows[["a"]], rows["b"])

def write(rows, model):
    rows.assign(p=model.predict(rows[["a"]])).to_csv("predicted.csv", index=False)
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bench, list[dict[str, list[tuple[str, str, str | None]]]]]:
    bench = Bench(tmp_path_factory.mktemp("lineage"))
    (bench.folder / "rows.csv").write_text("a\n1\n2\n3\n")
    bench.write(BODY, "rows = load(params.size)\nmodel = train(rows)\nwrite(rows, model)")
    found = []
    for _ in range(2):
        runs = Runs(bench.store)
        steps = {step.name: runs.get(step.run_id) for step in bench.run().steps}
        found.append({name: [(d.role, d.name, d.fingerprint) for d in run.data] for name, run in steps.items()})
    return bench, found


def test_frames_models_and_files_that_went_in_and_came_out_stand_with_the_run_of_the_step(ran) -> None:
    """Also where the step was not called because its result was kept."""
    _, (first, again) = ran
    assert first == again
    assert [(role, name) for role, name, _ in first["load"]] == [("read", "rows.csv"), ("written", "rows")]
    assert [(role, name) for role, name, _ in first["train"]] == [("read", "rows"), ("written", "model")]
    assert [(role, name) for role, name, _ in first["write"]] == [
        ("read", "model"),
        ("read", "rows"),
        ("written", "predicted.csv"),
    ]
    made = {name: fingerprint for role, name, fingerprint in first["load"] + first["train"] if role == "written"}
    assert {name: fingerprint for _, name, fingerprint in first["write"][:2]} == made


def test_small_frames_are_dataset_versions_that_can_be_loaded(ran) -> None:
    """Named after the pipeline and the variable, and led back to the run that used them."""
    bench, _ = ran
    data = Datasets(bench.store, user="u")
    assert [version.name for version in data.list()] == ["p.rows"]
    assert data.load("data:/p.rows")["b"].tolist() == [3, 6, 9]
