"""The commit and branch of real repositories."""

import os
import subprocess

import pytest

from trackbook.capture.git.reader import NO_GIT, GitReader, GitState


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
    state = GitReader(repository).read()
    assert (state.commit, state.branch, state.remote) == (None, None, None)
    assert "no git" in state.reason
    assert GitReader(repository).patch() is None


@pytest.mark.parametrize("content", ["", "gitdir: /nowhere", "\xff\xfe"])
def test_a_broken_git_file_is_no_trouble(tmp_path, git, content):
    (tmp_path / ".git").write_bytes(content.encode("latin-1"))
    state = GitReader(tmp_path).read()
    assert (state.commit, state.branch) == (None, None)
    assert GitReader(tmp_path).patch() is None


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://ada:pa55word@example.org/x.git", "https://example.org/x.git"),
        ("https://0a1b2c3d4e5f@example.org/x.git", "https://example.org/x.git"),
        ("ssh://git@example.org/x.git", "ssh://git@example.org/x.git"),
        ("ssh://git:pa55word@example.org/x.git", "ssh://git@example.org/x.git"),
        ("git@example.org:me/x.git", "git@example.org:me/x.git"),
        ("https://example.org/x.git?private_token=pa55word", "https://example.org/x.git?private_token=[redacted]"),
        ("../other", "../other"),
    ],
)
def test_the_remote_has_no_credentials(git, repository, url, kept):
    reader = GitReader(repository)
    assert reader.read().remote is None
    git("remote", "add", "origin", url)
    assert reader.read().remote == kept


def test_the_remote_is_the_upstream_of_the_branch(git, repository):
    git("remote", "add", "origin", "https://example.org/mine.git")
    git("remote", "add", "upstream", "https://example.org/theirs.git")
    assert GitReader(repository).read().remote == "https://example.org/mine.git"
    git("config", "branch.main.remote", "upstream")
    assert GitReader(repository).read().remote == "https://example.org/theirs.git"


def test_a_checkout_that_git_refuses_says_why_and_what_to_do(git, repository, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    state = GitReader(repository).read()
    assert state.commit is None
    assert "safe.directory" in state.reason
    assert GitReader(repository).patch() is None


def test_variables_that_lead_git_elsewhere_do_not_lead_us(git, repository, tmp_path_factory, monkeypatch):
    commit = git("rev-parse", "HEAD")
    other = tmp_path_factory.mktemp("other")
    git("init", "-b", "wrong", folder=other)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / "index"))
    assert GitReader(repository).read() == GitState(commit, "main")
