"""Environments are locked with pip's own word and built again from the lock alone, file by file."""

import base64
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import tomllib
import zipfile

import pytest
from packaging.pylock import Pylock

from trackbook.capture.environment import Environment, Source, read_environment
from trackbook.errors import LockError, NotFoundError
from trackbook.store import events as event
from trackbook.tracking import environments as service
from trackbook.tracking.environments import Environments
from trackbook.tracking.locks import requirements


def make_wheel(folder, name, version, text="x = 1\n"):
    """Write the wheel of a package that is one module, as the specification of binary distributions says."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": text,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b'=').decode()},"
        f"{len(content)}\n"
        for path, content in files.items()
    )
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inner, content in {**files, f"{info}/RECORD": record + f"{info}/RECORD,,\n"}.items():
            archive.writestr(inner, content)
    return path


@pytest.fixture
def index(tmp_path, monkeypatch):
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
def environments(store):
    return Environments(store)


@pytest.fixture
def record(store):
    """Record an environment of this Python with other distributions, as a run does; returns the digest."""

    def recorded(distributions, sources=None, **changes):
        here = read_environment()
        facts = {"python": here.python, "implementation": here.implementation, "platform": here.platform}
        facts |= {"machine": here.machine} | changes
        environment = Environment(**facts, distributions=distributions, sources=sources or {})
        store.append(event.EnvironmentSeen("0" * 32, environment.digest, environment.to_json()))
        return environment.digest

    return recorded


def test_the_lock_names_every_file_with_its_hash(environments, record, index):
    one, other = make_wheel(index, "d_one", "1.0"), make_wheel(index, "d_other", "2.0")
    make_wheel(index, "d_one", "3.0")
    digest = record({"d-one": "1.0", "d-other": "2.0", "trackbook": "0.1"})
    said = []
    text = environments.lock(digest, said.append)
    lock = Pylock.from_dict(tomllib.loads(text))
    assert [(package.name, str(package.version)) for package in lock.packages] == [("d-one", "1.0"), ("d-other", "2.0")]
    hashes = [package.wheels[0].hashes["sha256"] for package in lock.packages]
    assert hashes == [hashlib.sha256(path.read_bytes()).hexdigest() for path in (one, other)]
    assert [each.name for each in requirements(text).left_out] == ["trackbook"]
    assert any("d_one" in line for line in said)


def test_a_lock_is_made_once(environments, record, index, monkeypatch):
    make_wheel(index, "d_one", "1.0")
    digest = record({"d-one": "1.0"})
    text = environments.lock(digest)
    monkeypatch.setattr(sys, "executable", "/nowhere")  # pip cannot be asked
    assert environments.lock(digest) == text
    assert environments.lock(digest[:10]) == text


def test_what_no_index_has_is_named_in_the_lock_and_building_is_refused(environments, record, index):
    make_wheel(index, "d_one", "1.0")
    make_wheel(index, "d_two", "2.0")
    digest = record({"d-one": "1.0", "d-two": "1.0", "d-gone": "7.0"})
    left_out = {each.name: each.reason for each in requirements(environments.lock(digest)).left_out}
    assert left_out == {
        "d-gone": "no index has it",
        "d-two": "no index has this version for this Python and platform",
    }
    with pytest.raises(LockError, match=r"d-gone 7\.0 .*d-two 1\.0"):
        environments.build(digest)


def test_what_came_from_elsewhere_is_in_the_lock_as_it_was(environments, record, index, tmp_path):
    sources = {
        "own": Source("editable", (tmp_path / "own thing").as_uri()),
        "forked": Source("vcs", "https://example.org/forked.git", "git", "ab12" * 10, "main", subdirectory="python"),
        "loose": Source("archive", "https://example.org/loose-1.0-py3-none-any.whl", hashes={"sha256": "0" * 64}),
        "bare": Source("archive", "https://example.org/bare-1.0.zip"),
    }
    text = environments.lock(record(dict.fromkeys(sources, "1.0"), sources))
    packages = {package.name: package for package in Pylock.from_dict(tomllib.loads(text)).packages}
    assert (packages["own"].directory.path, packages["own"].directory.editable) == (str(tmp_path / "own thing"), True)
    assert packages["forked"].vcs.commit_id == "ab12" * 10
    assert packages["loose"].archive.hashes == {"sha256": "0" * 64}
    wanted = requirements(text)
    assert wanted.direct[0] == f"forked @ git+https://example.org/forked.git@{'ab12' * 10}#subdirectory=python"
    assert [each.name for each in wanted.left_out] == ["bare"]


def test_an_environment_is_built_from_its_lock_and_holds_that_and_trackbook(environments, record, index, store):
    make_wheel(index, "d_one", "1.0", "value = 'first'\n")
    make_wheel(index, "d_one", "2.0", "value = 'second'\n")
    digest = record({"d-one": "1.0"})
    python = environments.build(digest)
    code = (
        "import json, importlib.metadata, d_one, trackbook.errors\n"
        "names = [each.metadata['Name'] for each in importlib.metadata.distributions()]\n"
        "print(json.dumps([d_one.value, names]))"
    )
    answer = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert json.loads(answer.stdout) == ["first", ["d_one"]]
    assert python.is_relative_to(store.root)


def test_an_environment_is_built_once_and_what_a_kill_left_is_built_anew(environments, record, index, store):
    wheel = make_wheel(index, "d_one", "1.0")
    digest = record({"d-one": "1.0"})
    python = environments.build(digest)
    wheel.rename(index / "hidden")
    assert environments.build(digest) == python
    (store.root / service.FOLDER / digest / "complete").unlink()
    with pytest.raises(LockError, match="d-one is in the lock"):
        environments.build(digest)
    (index / "hidden").rename(wheel)
    assert environments.build(digest) == python


def test_a_file_that_is_not_the_locked_one_is_refused(environments, record, index):
    make_wheel(index, "d_one", "1.0")
    digest = record({"d-one": "1.0"})
    environments.lock(digest)
    make_wheel(index, "d_one", "1.0", "x = 'of somebody else'\n")
    with pytest.raises(LockError, match="hash"):
        environments.build(digest)


def test_an_index_that_cannot_be_reached_is_named(environments, record, index, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://ada:pa55word@127.0.0.1:9/simple")
    with pytest.raises(LockError, match="cannot be reached") as caught:
        environments.lock(record({"d-one": "1.0"}))
    assert "pa55word" not in str(caught.value)


def test_a_python_without_pip_is_named(environments, record, index, tmp_path, monkeypatch):
    import venv

    venv.create(tmp_path / "bare", with_pip=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / "bin" / "python"))
    with pytest.raises(LockError, match="ensurepip"):
        environments.lock(record({"d-one": "1.0"}))


@pytest.mark.parametrize(
    "change",
    [{"python": "3.7.1"}, {"platform": "Windows-10-x"}, {"machine": "s390x"}, {"implementation": "PyPy"}],
    ids=lambda change: next(iter(change)),
)
def test_an_environment_of_another_python_or_machine_is_refused(environments, record, change):
    digest = record({"d-one": "1.0"}, **change)
    shown = next(iter(change.values())).removesuffix("-10-x").removesuffix(".1")
    with pytest.raises(LockError, match=re.escape(shown)):
        environments.lock(digest)
    with pytest.raises(LockError, match=re.escape(shown)):
        environments.build(digest)


def test_another_patch_release_of_python_will_do(environments, record, index):
    digest = record({}, python=".".join(platform.python_version().split(".")[:2]) + ".99")
    assert tomllib.loads(environments.lock(digest))["packages"] == []


@pytest.mark.parametrize("digest", ["0" * 64, "../../etc", "", "'; DROP TABLE run"])
def test_an_unknown_environment_is_not_found(environments, digest):
    with pytest.raises(NotFoundError, match="trackbook show"):
        environments.lock(digest)


@pytest.mark.parametrize("text", ["", "no [toml", "lock-version = '9.9'", 'lock-version = "1.0"', "x = 1\n\0"])
def test_a_broken_lock_says_so(environments, record, store, text):
    digest = record({"d-one": "1.0"})
    with store.write() as db:
        db.execute("INSERT INTO environment_lock VALUES (?, ?, 0)", (digest, text))
    with pytest.raises(LockError, match="broken"):
        environments.build(digest)


def test_the_difference_of_two_recorded_environments(environments, record):
    one, other = record({"d-one": "1.0", "d-two": "1.0"}), record({"d-one": "2.0", "d-new": "1.0"})
    found = environments.difference(one, other)
    assert (found.added, found.removed, found.changed) == (
        {"d-new": "1.0"},
        {"d-two": "1.0"},
        {"d-one": ("1.0", "2.0")},
    )


def test_a_real_index_gives_a_real_environment(environments, record):
    """The whole way with the index that pip is configured for."""
    digest = record({"six": "1.17.0", "iniconfig": "2.0.0"})
    try:
        text = environments.lock(digest)
    except LockError as error:
        pytest.skip(f"no package index: {error}")
    if requirements(text).left_out:
        pytest.skip("this package index does not have the two packages")
    python = environments.build(digest)
    code = "import six, iniconfig, importlib.metadata as m; print(six.__version__, m.version('iniconfig'))"
    answer = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["1.17.0", "2.0.0"]
