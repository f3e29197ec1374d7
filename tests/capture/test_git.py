"""The commit and branch of real repositories."""

import os
import subprocess

import pytest

from trackbook.capture.git import NO_GIT, GitReader, GitState


@pytest.fixture
def git(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)

    def run(*arguments, folder=tmp_path):
        command = ["git", "-C", str(folder), "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    return run


@pytest.fixture
def repository(git, tmp_path):
    git("init", "-b", "main")
    git("commit", "--allow-empty", "-m", "first")
    return tmp_path


def test_outside_git_there_is_nothing(tmp_path):
    assert GitReader(tmp_path).read() == NO_GIT


def test_before_the_first_commit_there_is_a_branch_only(git, tmp_path):
    git("init", "-b", "main")
    assert GitReader(tmp_path).read() == GitState(None, "main")


def test_a_folder_within_the_checkout_has_its_state(git, repository):
    (repository / "a" / "b").mkdir(parents=True)
    assert GitReader(repository / "a" / "b").read() == GitState(git("rev-parse", "HEAD"), "main")


@pytest.mark.parametrize(
    "change",
    [
        ("commit", "--allow-empty", "-m", "second"),
        ("commit", "--allow-empty", "--amend", "-m", "other"),
        ("checkout", "-b", "feature"),
        ("checkout", "--detach"),
    ],
    ids=lambda change: " ".join(change[:2]),
)
def test_every_change_of_head_is_seen(git, repository, change):
    reader = GitReader(repository)
    before = reader.read()
    git(*change)
    after = reader.read()
    assert after.commit == git("rev-parse", "HEAD")
    assert after.branch == (git("branch", "--show-current") or None)
    assert after != before


def test_a_repository_made_later_is_seen(git, tmp_path):
    reader = GitReader(tmp_path)
    assert reader.read() == NO_GIT
    git("init", "-b", "main")
    git("commit", "--allow-empty", "-m", "first")
    assert reader.read().commit == git("rev-parse", "HEAD")


def test_a_worktree_has_its_own_state(git, repository, tmp_path):
    tree = tmp_path / "tree"
    git("worktree", "add", "-b", "side", str(tree))
    reader = GitReader(tree)
    assert reader.read() == GitState(git("rev-parse", "HEAD"), "side")
    git("commit", "--allow-empty", "-m", "in the worktree", folder=tree)
    assert reader.read().commit == git("rev-parse", "HEAD", folder=tree)
    assert reader.read().commit != GitReader(repository).read().commit


def test_without_git_on_the_path_there_is_nothing(repository, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert GitReader(repository).read() == NO_GIT


@pytest.mark.parametrize("content", ["", "gitdir: /nowhere", "\xff\xfe"])
def test_a_broken_git_file_is_no_trouble(tmp_path, git, content):
    (tmp_path / ".git").write_bytes(content.encode("latin-1"))
    assert GitReader(tmp_path).read() == NO_GIT
