"""All that versions refer to is hashed again, and what is missing or changed is named."""

from __future__ import annotations

import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from trackbook.errors import NotFoundError
from trackbook.project import Project


@pytest.fixture
def project(tmp_path):
    (tmp_path / "trackbook.toml").write_text("")
    return Project.open(tmp_path)


@pytest.fixture
def version(project):
    """A version of a run that read a dataset version, with an example of its input."""
    frame = pd.DataFrame({"x": range(10), "y": range(10)})
    data = project.data.snapshot(frame, "points")
    with project.tracker.start_run() as run:
        project.note_use(data)
        model = Ridge().fit(frame[["x"]], frame["y"])
    return project.registry.register(model, "m", run_id=run.run_id, example=frame[["x"]].head(2))


def said(project, name=None):
    return [fault.sentence for fault in project.registry.verify_models(name)]


def test_what_is_sound_has_no_faults(project, version):
    """Nothing is found where nothing was changed, and an unknown model is an error."""
    assert said(project) == said(project, "m") == []
    with pytest.raises(NotFoundError):
        project.registry.verify_models("n")


def test_missing_and_changed_bytes_are_named(project, version):
    """The model's bytes, one byte longer, then gone."""
    path = project.store.objects.path(version.digest)
    path.write_bytes(path.read_bytes() + b"x")
    (fault,) = project.registry.verify_models("m")
    assert (fault.model, fault.version, fault.what) == ("m", 1, "its content")
    assert "not what was stored" in fault.reason
    path.unlink()
    assert said(project) == ["m version 1: its content is missing; restore it from a backup, or `trackbook pull` it"]


def test_the_data_of_its_training_is_named(project, version):
    """A dataset version that the run read, with every block of it."""
    data = project.data.newest("points")
    project.store.objects.locate(data.digest).path.unlink()
    (sentence,) = said(project)
    assert "the data that it was trained on, data:/points@1, is missing" in sentence


def test_the_data_of_its_gates_and_its_example_are_named(project, version):
    """Held-out data that a gate judged by, when its dataset version is another now, and the rows that are kept with it."""
    held_out = project.data.snapshot(pd.DataFrame({"x": range(50), "y": range(50)}), "held-out")
    (project.root / "trackbook.toml").write_text(
        f'[[gates]]\ntype = "latency"\ndata = "{held_out.uri}"\ntarget = "y"\nmax_ms = 5000\nrepeats = 3\n'
    )
    assert project.registry.check("m", 1, "production")[0].passed
    assert said(project) == []
    project.store.objects.locate(held_out.digest).path.unlink()
    project.store.objects.locate(version.example).path.unlink()
    assert said(project) == [
        "m version 1: its example of the input is missing; restore it from a backup, or `trackbook pull` it",
        f"m version 1: the data that its gates judged, {held_out.uri}, is missing; restore it from a backup, or "
        "`trackbook pull` it",
    ]


def test_a_changed_environment_and_row_are_named(project, version, tmp_path):
    """What lies in tables is proved as well: by its digest, or by the audit events."""
    import sqlite3

    with sqlite3.connect(project.store.database) as db:
        db.execute("UPDATE environment SET content = content || ' '")
        db.execute("UPDATE dataset_version SET fingerprint = 'f'")
        db.execute("UPDATE model_version SET description = 'better'")
    db.close()
    sentences = " | ".join(said(project))
    for part in ("its environment was changed", "data:/points@1, was changed", "has description 'better'"):
        assert part in sentences
