"""Which folder is the project, where its store lies, and what opens it."""

import getpass
import subprocess
import sys

import pytest

from trackbook.errors import NotFoundError, SettingsError, StoreError
from trackbook.project import CurrentProject, Project, find_root


@pytest.fixture(autouse=True)
def no_override(monkeypatch):
    for name in ("TRACKBOOK_DIR", "TRACKBOOK_NOTEBOOK", "JPY_SESSION_NAME"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("marker", [".trackbook", ".git", "trackbook.toml"])
def test_the_root_is_the_nearest_folder_upwards_with_a_marker(tmp_path, marker):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    place = tmp_path / "a" / marker
    place.touch() if "." in marker[1:] else place.mkdir()
    (tmp_path / ".git").mkdir()
    assert find_root(inner) == tmp_path / "a"


def test_a_file_stands_for_its_folder(tmp_path):
    (tmp_path / "trackbook.toml").touch()
    notebook = tmp_path / "sub" / "n.ipynb"
    notebook.parent.mkdir()
    notebook.touch()
    assert Project.open(notebook).root == tmp_path


def test_trackbook_dir_is_the_path_of_the_store_itself(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKBOOK_DIR", str(tmp_path / "elsewhere"))
    project = Project.open(tmp_path)
    assert project.store.root == tmp_path / "elsewhere"
    assert (tmp_path / "elsewhere" / "journal").is_dir()


def test_the_store_is_private_and_ignored_by_git(tmp_path):
    (tmp_path / "trackbook.toml").touch()
    store = Project.open(tmp_path).store
    assert store.root.stat().st_mode & 0o777 == 0o700
    assert (store.root / ".gitignore").read_text() == "*\n"
    with store.read():
        assert store.database.stat().st_mode & 0o777 == 0o600


def test_without_create_a_missing_store_is_not_found_and_not_made(tmp_path):
    with pytest.raises(NotFoundError, match="trackbook demo"):
        Project.open(tmp_path, create=False)
    assert not (tmp_path / ".trackbook").exists()


def test_looking_makes_no_store_before_something_is_written(tmp_path):
    """Who may only read finds an empty store where there is none; what it writes after all is kept in a whole one."""
    project = Project.look(tmp_path)
    assert (project.runs.search(), project.data.list()) == ([], ())
    assert not (tmp_path / ".trackbook").exists()
    (tmp_path / "file.txt").write_text("content")
    assert project.data.snapshot(tmp_path / "file.txt", "file").version == 1
    with project.tracker.start_run("first"):
        pass
    assert (tmp_path / ".trackbook" / ".gitignore").read_text() == "*\n"
    assert [run.run_name for run in Project.look(tmp_path).runs.search()] == ["first"]


def test_a_store_below_a_file_is_a_clear_error(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TRACKBOOK_DIR", str(tmp_path / "file" / "store"))
    with pytest.raises(StoreError, match=r"file/store cannot be written.*TRACKBOOK_DIR"):
        Project.open(tmp_path)


def test_wrong_settings_are_an_error_before_a_store_is_made(tmp_path):
    (tmp_path / "trackbook.toml").write_text("nonsense = 1")
    with pytest.raises(SettingsError, match="nonsense"):
        Project.open(tmp_path)
    assert not (tmp_path / ".trackbook").exists()


def test_the_user_is_the_settings_else_the_login(tmp_path):
    (tmp_path / "trackbook.toml").touch()
    assert Project.open(tmp_path).user == getpass.getuser()
    (tmp_path / "trackbook.toml").write_text("user = 'ada'")
    assert Project.open(tmp_path).user == "ada"


def test_services_are_made_once_and_the_registry_reads_the_policy_anew(project):
    assert project.tracker is project.tracker
    assert project.runs is project.runs
    (project.root / "trackbook.toml").write_text("[[gates]]\nmetric='r2'\nmin=2")
    assert project.registry is not None


def test_the_current_project_follows_the_working_directory_but_stays_while_a_run_is_active(tmp_path, monkeypatch):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "trackbook.toml").touch()
    current = CurrentProject()
    monkeypatch.chdir(tmp_path / "one")
    with current.get().tracker.start_run("r"):
        monkeypatch.chdir(tmp_path / "two")
        assert current.get().root == tmp_path / "one"
    assert current.get().root == tmp_path / "two"


def test_the_notebook_that_jupyter_names_decides_where_the_project_is(tmp_path, monkeypatch):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (folder / "trackbook.toml").touch()
    monkeypatch.setenv("JPY_SESSION_NAME", str(folder / "n.ipynb"))
    monkeypatch.chdir(tmp_path)
    assert CurrentProject().get().root == folder


def test_the_store_stays_usable_after_the_working_directory_is_gone(tmp_path):
    code = """
import os, sys, tempfile, trackbook as tb
with tb.start_run("kept") as run:
    gone = tempfile.mkdtemp(dir=".")
    os.chdir(gone); os.rmdir(os.path.join(os.pardir, os.path.basename(gone)))
    tb.log_metric("m", 1.0)
"""
    (tmp_path / "trackbook.toml").touch()
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=60)
    (run,) = Project.open(tmp_path).runs.search()
    assert (run.status, run.metrics) == ("FINISHED", {"m": 1.0})
