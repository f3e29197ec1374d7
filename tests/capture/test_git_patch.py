"""The patch of a run brings the commit to the state that the files had, with real repositories and `git apply`."""

import os
import subprocess
import time

import pytest

from support.secrets import PLANTED
from trackbook.capture.git import patch as rules
from trackbook.capture.git import reader as reader_module
from trackbook.capture.git.reader import GitReader
from trackbook.capture.redaction import MARK

SECRET = "hunter2-Zq9x"


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch):
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)


@pytest.fixture
def git(tmp_path):
    def run(*arguments, folder=tmp_path / "work", given=b""):
        command = ["git", "-C", str(folder), "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *arguments]
        answer = subprocess.run(command, input=given, capture_output=True, check=False)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout.strip().decode(errors="surrogateescape")

    return run


@pytest.fixture
def work(git, tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    git("init", "-b", "main")
    (folder / "model.py").write_text("".join(f"line_{number} = {number}\n" for number in range(40)))
    (folder / "gone.py").write_text("gone = 1\n")
    (folder / "run.sh").write_text("echo 1\n")
    git("add", "-A")
    git("commit", "-m", "first")
    return folder


@pytest.fixture
def tree_of(git, tmp_path):
    """The tree of a folder's files, and that of the commit with a patch applied: equal when the patch is right."""

    def written(folder):
        git("add", "-A", "--force", folder=folder)
        return git("ls-tree", "-r", git("write-tree", folder=folder), folder=folder)

    def applied(patch):
        target = tmp_path / "target"
        git("clone", "--no-local", "--quiet", str(tmp_path / "work"), str(target), folder=tmp_path)
        if patch.text:
            git("apply", "--whitespace=nowarn", "-", folder=target, given=patch.text.encode())
        return written(target)

    return lambda where: applied(where) if hasattr(where, "text") else written(where)


def test_a_clean_checkout_has_an_empty_patch(work):
    patch = GitReader(work).patch()
    assert (patch.text, patch.left_out, patch.redacted) == ("", (), ())


def test_outside_git_there_is_no_patch(tmp_path):
    assert GitReader(tmp_path).patch() is None


def edit(folder):
    text = (folder / "model.py").read_text()
    (folder / "model.py").write_text("first = 1\n" + text.replace("line_20 = 20", "line_20 = 21\n"))


def staged(folder):
    (folder / "new.py").write_text("new = 1\n")
    subprocess.run(["git", "-C", str(folder), "add", "new.py"], check=True)
    (folder / "new.py").write_text("new = 2\n")


def intended(folder):
    (folder / "new.py").write_text("new = 1\n")
    subprocess.run(["git", "-C", str(folder), "add", "--intent-to-add", "new.py"], check=True)


def linked(folder):
    (folder / "link").symlink_to("model.py")
    (folder / "run.sh").unlink()
    (folder / "run.sh").symlink_to("nowhere")


CHANGES = {
    "an edit": edit,
    "a deletion": lambda folder: (folder / "gone.py").unlink(),
    "an untracked file": lambda folder: (folder / "new.py").write_text("new = 1\n"),
    "an untracked file in a new folder": lambda folder: (
        (folder / "a" / "b").mkdir(parents=True),
        (folder / "a" / "b" / "c.py").write_text("c = 1\n"),
    ),
    "an empty file": lambda folder: (folder / "empty.py").touch(),
    "no newline at the end": lambda folder: (
        (folder / "new.py").write_text("new = 1"),
        (folder / "gone.py").write_text("gone = 2"),
    ),
    "a mode": lambda folder: (folder / "run.sh").chmod(0o755),
    "a new executable": lambda folder: ((folder / "x.sh").write_text("ls\n"), (folder / "x.sh").chmod(0o755)),
    "a staged file that changed again": staged,
    "an intended file": intended,
    "a rename": lambda folder: (folder / "model.py").rename(folder / "renamed.py"),
    "links": linked,
    "other ends of lines": lambda folder: (
        (folder / "dos.txt").write_bytes(b"one\r\ntwo\r\n"),
        (folder / "mac.txt").write_bytes(b"one\rtwo\r"),
        (folder / "odd.txt").write_text("form\x0cfeed\x1c\x85\u2028line", newline=""),
    ),
    "blank lines": lambda folder: (folder / "new.py").write_text("\n\n\n"),
    "text that looks like a patch": lambda folder: (
        (folder / "new.py").write_text("diff --git a/x b/x\n--- a/x\n@@ -1 +1 @@\n-x\n"),
        (folder / "gone.py").write_text("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n"),
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_patch_applied_to_the_commit_gives_the_files(work, tree_of, change):
    change(work)
    patch = GitReader(work).patch()
    assert patch.left_out == ()
    assert patch.text
    assert tree_of(patch) == tree_of(work)


@pytest.mark.parametrize(
    "name",
    [
        "a b.py",
        "new\nline.py",
        'quo"te.py',
        "-rf",
        "--help",
        "tab\t.py",
        "naïve.py",
        "back\\slash.py",
        "a b/c d.py",
        "*",
        ":(top)x",
        " lead",
        "trail ",
        "b b",
        b"\xff\xfe.py".decode(errors="surrogateescape"),
    ],
)
@pytest.mark.parametrize("tracked", [True, False], ids=["tracked", "untracked"])
def test_hostile_names_are_names(git, work, tree_of, name, tracked):
    path = work / name
    path.parent.mkdir(exist_ok=True)
    if tracked:
        path.write_text("x = 1\n")
        git("add", "-A")
        git("commit", "-m", "second")
    path.write_text("x = 2\n")
    patch = GitReader(work).patch()
    assert patch.left_out == ()
    patch.text.encode()
    assert tree_of(patch) == tree_of(work)


@pytest.mark.parametrize("setting", ["true", "input"])
def test_line_ends_that_git_converts_stay_right(git, work, tree_of, setting, monkeypatch):
    for name, value in (("COUNT", "1"), ("KEY_0", "core.autocrlf"), ("VALUE_0", setting)):
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    (work / "gone.py").write_bytes(b"gone = 1\r\nand = 2\r\n")
    (work / "new.py").write_bytes(b"new = 1\r\n")
    patch = GitReader(work).patch()
    assert tree_of(patch) == tree_of(work)


def test_before_the_first_commit_all_files_are_new(git, tmp_path):
    (tmp_path / "work").mkdir()
    git("init", "-b", "main")
    (tmp_path / "work" / "a.py").write_text("a = 1\n")
    git("add", "a.py")
    (tmp_path / "work" / "b.py").write_text("b = 1\n")
    patch = GitReader(tmp_path / "work").patch()
    empty = tmp_path / "empty"
    empty.mkdir()
    git("init", folder=empty)
    git("apply", "-", folder=empty, given=patch.text.encode())
    assert [(file.name, file.read_text()) for file in sorted(empty.glob("*.py"))] == [
        ("a.py", "a = 1\n"),
        ("b.py", "b = 1\n"),
    ]


def test_a_worktree_and_a_folder_within_it_have_the_patch_of_the_whole(git, work, tmp_path):
    git("worktree", "add", "-b", "side", str(tmp_path / "tree"))
    (tmp_path / "tree" / "new.py").write_text("new = 1\n")
    (tmp_path / "tree" / "inner").mkdir()
    assert "new = 1" in GitReader(tmp_path / "tree" / "inner").patch().text
    assert GitReader(work).patch().text == ""


def test_what_is_left_out_is_named_with_the_reason(git, work):
    (work / ".gitignore").write_text("*.log\n")
    git("add", "-A")
    git("commit", "-m", "second")
    (work / "large.csv").write_text("x\n" * rules.MAX_FILE)
    (work / "model.py").write_text("x\n" * rules.MAX_FILE)
    (work / "image.png").write_bytes(b"\x89PNG\0\0")
    (work / "latin.txt").write_bytes("naïve".encode("latin-1"))
    (work / "book.ipynb").write_text("{}")
    (work / "noise.log").write_text("ignored")
    os.mkfifo(work / "pipe")
    subprocess.run(["git", "init", "-q", str(work / "inner")], check=True)
    (work / "inner" / "x.py").write_text("x = 1\n")
    for folder in (".trackbook", ".ipynb_checkpoints", "__pycache__"):
        (work / folder).mkdir()
        (work / folder / "x").write_text("never")
    patch = GitReader(work).patch()
    assert patch.text == ""
    assert dict(patch.left_out) == {
        "large.csv": rules.TOO_LARGE,
        "model.py": rules.TOO_LARGE,
        "image.png": rules.BINARY,
        "latin.txt": rules.NOT_UTF8,
        "book.ipynb": rules.NOTEBOOK,
        "inner/": rules.OWN_REPOSITORY,
    }


def test_large_and_binary_files_of_the_commit_are_not_read_either(git, work):
    (work / "old.csv").write_text("x\n" * rules.MAX_FILE)
    (work / "image.png").write_bytes(b"\x89PNG\0\0")
    git("add", "-A")
    git("commit", "-m", "second")
    (work / "old.csv").unlink()
    (work / "image.png").write_bytes(b"\x89PNG\0\1")
    assert dict(GitReader(work).patch().left_out) == {"old.csv": rules.TOO_LARGE, "image.png": rules.BINARY}


def test_the_patch_and_the_number_of_its_files_are_limited(work, tree_of, monkeypatch):
    monkeypatch.setattr(rules, "MAX_PATCH", 1000)
    monkeypatch.setattr(rules, "MAX_FILES", 6)
    for number in range(8):
        (work / f"new_{number}.py").write_text("x = 1\n" * 50)
    patch = GitReader(work).patch()
    assert len(patch.text) < 1000
    assert [reason for _, reason in patch.left_out].count(rules.TOO_MANY) == 2
    for name, _ in patch.left_out:
        (work / name).unlink()
    assert tree_of(patch) == tree_of(work)


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".env.local",
        "prod.env",
        "server.pem",
        "id_rsa",
        "ID_RSA",
        "tls.key",
        "credentials.json",
        ".netrc",
        ".pypirc",
        "kubeconfig",
        ".docker/config.json",
        "deep/er/.npmrc",
        "my-credentials.json",
        "secrets.yaml",
        "client_secret_12.apps.json",
        "vault.kdbx",
        "prod.tfvars",
        ".aws/credentials",
        ".kube/config",
    ],
)
@pytest.mark.parametrize("tracked", [True, False], ids=["tracked", "untracked"])
def test_files_of_secrets_are_named_and_never_read(git, work, name, tracked):
    path = work / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if tracked:
        path.write_text("nothing\n")
        git("add", "--force", name)
        git("commit", "-m", "second")
    path.write_text("perfectly harmless\n")
    patch = GitReader(work).patch()
    assert patch.left_out == ((name, rules.SECRET_FILE),)
    assert "harmless" not in patch.text


@pytest.mark.parametrize("name", ["environment.py", "keys.py", "monkey.txt", ".env.example", "secrets.py", "token.py"])
def test_code_with_such_a_word_in_its_name_is_code(name):
    assert not rules.is_secret_file(name)


def test_secrets_in_added_lines_are_taken_out_and_the_patch_still_applies(work, tree_of):
    text = (work / "model.py").read_text()
    secret = f'password = """{SECRET}\n{SECRET}"""\n'
    (work / "model.py").write_text(text + secret)
    (work / "new.py").write_text(secret + "x = 1\n")
    patch = GitReader(work).patch()
    assert patch.redacted == ("model.py", "new.py")
    assert SECRET not in patch.text
    tree_of(patch)
    applied = (work.parent / "target" / "model.py").read_text()
    assert applied.startswith(text)
    assert applied.count("\n") == (work / "model.py").read_text().count("\n")
    assert MARK in applied


@pytest.mark.parametrize("name", ["config.yaml", "setup.cfg", "notes.txt"])
def test_a_file_of_settings_is_read_as_one(work, name):
    (work / name).write_text("[database]\npassword = hunter2Zq9\nlogin: ada\npassword: hunter2Zq9\n")
    assert "hunter2" not in GitReader(work).patch().text


def test_no_kind_of_secret_is_in_a_patch(git, work):
    """In new files and in added lines; what a first line makes another language is no line of a module."""
    planted = [each for each in PLANTED.values() if not each.prose and not each.text.startswith("%%")]
    for number in range(len(planted)):
        (work / f"old_{number}.py").write_text("x = 1\n\n")
    git("add", "-A")
    git("commit", "-m", "second")
    for number, each in enumerate(planted):
        (work / f"new_{number}.py").write_text(each.text + "\n")
        (work / f"old_{number}.py").write_text("x = 1\n\n" + each.text + "\n")
    patch = GitReader(work).patch()
    assert [each.secret for each in planted if each.secret in patch.text] == []
    assert len(patch.redacted) == 2 * len(planted)
    assert patch.left_out == ()


def test_a_secret_that_the_commit_has_is_in_no_patch(git, work, tree_of):
    """Such a line cannot be redacted, as the patch would no longer apply: the file is named."""
    secret = f"password = '{SECRET}'\n"
    for name in ("removed.py", "beside.py", "far.py"):
        (work / name).write_text(secret + "x = 1\n" * 50)
    git("add", "-A")
    git("commit", "-m", "second")
    (work / "removed.py").write_text("password = get()\n" + "x = 1\n" * 50)
    (work / "beside.py").write_text(secret + "x = 2\n" + "x = 1\n" * 49)
    (work / "far.py").write_text(secret + "x = 1\n" * 49 + "x = 2\n")
    patch = GitReader(work).patch()
    assert SECRET not in patch.text
    assert dict(patch.left_out) == {"removed.py": rules.SECRET_LINES, "beside.py": rules.SECRET_LINES}
    assert "far.py" in patch.text


def test_part_of_a_key_is_known_by_the_lines_around_it(git, work):
    key = ["-----BEGIN RSA PRIVATE KEY-----", *[f"MIIE{number:060d}" for number in range(20)]]
    key += ["-----END RSA PRIVATE KEY-----", ""]
    (work / "notes.txt").write_text("\n".join(key))
    git("add", "-A")
    git("commit", "-m", "second")
    key[10] = "MIIE" + "9" * 60
    (work / "notes.txt").write_text("\n".join(key))
    assert "MIIE" not in GitReader(work).patch().text


def test_a_line_of_the_file_in_a_hunk_s_header_is_not_kept(git, work):
    body = "".join(f"    x = {number}\n" for number in range(30))
    (work / "code.py").write_text(f"def connect(password='{SECRET}'):\n{body}")
    git("add", "-A")
    git("commit", "-m", "second")
    (work / "code.py").write_text((work / "code.py").read_text().replace("x = 25", "x = 99"))
    patch = GitReader(work).patch()
    assert "x = 99" in patch.text
    assert SECRET not in patch.text


def test_no_program_of_the_configuration_runs(git, work, tmp_path):
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho $0 >> {ran}\ncat\n")
    program.chmod(0o755)
    for name in ("post-index-change", "fsmonitor-watchman", "pre-commit"):
        (work / ".git" / "hooks").mkdir(exist_ok=True)
        (work / ".git" / "hooks" / name).symlink_to(program)
    for key in ("diff.external", "core.fsmonitor", "core.pager", "diff.own.textconv", "diff.own.command"):
        git("config", key, str(program))
    for key in ("filter.own.clean", "filter.own.smudge", "filter.own.process"):
        git("config", key, str(program))
    git("config", "filter.own.required", "true")
    (work / ".gitattributes").write_text("*.py diff=own filter=own\n*.txt diff=own\n")
    (work / "model.py").write_text("changed = 1\n")
    (work / "notes.txt").write_text("changed = 1\n")
    patch = GitReader(work).patch()
    assert not ran.exists()
    assert dict(patch.left_out)["model.py"] == rules.FILTERED
    assert "notes.txt" in patch.text


def test_a_moved_submodule_is_named(git, work, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    git("init", folder=other)
    git("commit", "--allow-empty", "-m", "first", folder=other)
    git("-c", "protocol.file.allow=always", "submodule", "add", "--quiet", str(other), "sub")
    git("commit", "-m", "with a submodule")
    assert GitReader(work).patch().text == ""
    git("commit", "--allow-empty", "-m", "second", folder=work / "sub")
    assert GitReader(work).patch().left_out == (("sub", rules.OWN_REPOSITORY),)
    assert GitReader(work / "sub").read().commit == git("rev-parse", "HEAD", folder=work / "sub")


def test_a_conflict_has_a_patch(git, work, tree_of):
    git("checkout", "-q", "-b", "side")
    (work / "gone.py").write_text("gone = 2\n")
    git("commit", "-qam", "side")
    git("checkout", "-q", "main")
    (work / "gone.py").write_text("gone = 3\n")
    git("commit", "-qam", "main")
    with pytest.raises(AssertionError):  # the conflict
        git("merge", "side")
    patch = GitReader(work).patch()
    assert "<<<<<<<" in patch.text
    assert tree_of(patch) == tree_of(work)


def settled(reader):
    """Return the patch when time enough has passed since the last change for stamps to be trusted."""
    time.sleep(0.15)
    reader.forget()
    return reader.patch()


def test_what_did_not_change_is_not_asked_again(work, monkeypatch):
    (work / "new.py").write_text("new = 1\n")
    reader = GitReader(work)
    patch = settled(reader)
    monkeypatch.setenv("PATH", "")  # git cannot be asked
    reader.forget()
    assert reader.patch() is patch


@pytest.mark.parametrize(
    "change",
    [
        edit,
        lambda folder: (folder / "gone.py").write_text("gone = 2\n"),
        lambda folder: (folder / "gone.py").unlink(),
        lambda folder: (folder / "inner" / "new.py").write_text("new = 1\n"),
        lambda folder: (folder / "untracked.py").write_text("x = 2\n"),
        lambda folder: (folder / "run.sh").chmod(0o755),
        lambda folder: (folder / ".git" / "info" / "exclude").write_text("untracked.py\n"),
    ],
    ids=["edit", "same size", "deletion", "new file in a folder", "untracked", "mode", "exclude"],
)
def test_every_change_is_seen_at_once(work, change):
    (work / "inner").mkdir()
    (work / "untracked.py").write_text("x = 1\n")
    reader = GitReader(work)
    before = settled(reader)
    change(work)
    assert reader.patch().text != before.text


def test_a_commit_empties_the_patch(git, work):
    reader = GitReader(work)
    edit(work)
    assert settled(reader).text
    git("commit", "-am", "second")
    assert reader.patch().text == ""


def test_where_looking_is_slow_it_is_not_done_every_time_but_for_known_writes(work, monkeypatch):
    monkeypatch.setattr(reader_module, "FREE_SECONDS", 0.0)
    monkeypatch.setattr(reader_module, "SHARE", 1e-9)
    reader = GitReader(work)
    before = settled(reader)
    assert reader.patch() is before  # looks, and is tired of it
    edit(work)
    assert reader.patch() is before
    reader.forget()
    assert reader.patch() is not before
