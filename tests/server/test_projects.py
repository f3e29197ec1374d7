"""Which project a request is about."""

from __future__ import annotations

import pytest

from trackbook.errors import UsageError
from trackbook.project import Project
from trackbook.server.projects import NoStoreError, Projects, UnknownProjectError


def test_a_notebook_leads_to_the_project_that_holds_it(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "trackbook.toml").touch()
    project_id, root = Projects(tmp_path).announce("a/b/notebook.ipynb")
    assert root == tmp_path / "a"
    assert "/" not in project_id


@pytest.mark.parametrize("path", ["../other/n.ipynb", "/etc/n.ipynb", "a/../../n.ipynb", "a\0b"])
def test_a_path_that_leads_out_of_the_servers_root_is_refused(tmp_path, path):
    (tmp_path / "root").mkdir()
    with pytest.raises(UsageError):
        Projects(tmp_path / "root").announce(path)


def test_a_link_that_leads_out_of_the_servers_root_is_refused(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(UsageError):
        Projects(tmp_path / "root").announce("link/n.ipynb")


def test_an_id_that_was_never_given_is_unknown(tmp_path):
    with pytest.raises(UnknownProjectError):
        Projects(tmp_path).get("0123456789abcdef")


def test_looking_at_a_project_makes_no_store(tmp_path):
    with pytest.raises(NoStoreError):
        Projects(tmp_path).get(None)
    assert list(tmp_path.iterdir()) == []


def test_a_project_is_opened_again_when_its_settings_change(tmp_path):
    Project.open(tmp_path)
    projects = Projects(tmp_path)
    first = projects.get(None)
    assert projects.get(None) is first
    (tmp_path / "trackbook.toml").write_text('[[gates]]\nmetric = "r2"\nmin = 0.3\n')
    assert [gate.metric for gate in projects.get(None).settings.gates] == ["r2"]


def test_the_server_tells_where_the_project_lies_before_and_after_its_first_run(workspace):
    before = workspace.get("status").body
    assert before["root"] == str(workspace.root)
    assert before["store"] is None
    Project.open(workspace.root)
    after = workspace.get("status").body
    assert after["store"] == str(workspace.root / ".trackbook")
    assert after["store_version"].startswith("m0")
    assert after["sqlite_version"].count(".") == 2
