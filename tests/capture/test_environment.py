"""The environment that is recorded is the one that Python would report."""

import importlib.metadata
import json
import platform
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackbook.capture.environment import Environment, EnvironmentReader, Source, difference, read_environment


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_distributions_are_those_of_importlib_metadata():
    expected: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        if distribution.metadata["Name"]:
            expected.setdefault(normal(distribution.metadata["Name"]), distribution.version)
    assert read_environment().distributions == expected


def test_python_and_platform_are_named():
    environment = read_environment()
    assert environment.python == platform.python_version()
    assert environment.platform == platform.platform()


def test_equal_environments_have_equal_digests_and_text():
    one, other = read_environment(), read_environment()
    assert (one.digest, one.to_json()) == (other.digest, other.to_json())
    assert re.fullmatch("[0-9a-f]{64}", one.digest)


@pytest.mark.parametrize(
    ("folder", "name", "version"),
    [
        ("plain-1.0.dist-info", "plain", "1.0"),
        ("Under_score.dots-2.0rc1.dist-info", "under-score-dots", "2.0rc1"),
        ("local-1.0+cpu.1.dist-info", "local", "1.0+cpu.1"),
        ("epoch-1!2.0.dist-info", "epoch", "1!2.0"),
    ],
)
def test_a_newly_installed_distribution_is_seen_at_once(tmp_path, monkeypatch, folder, name, version):
    monkeypatch.syspath_prepend(str(tmp_path))
    reader = EnvironmentReader()
    before, _ = reader.read()
    assert reader.read()[0] == before
    info = tmp_path / folder
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    after, environment = reader.read()
    assert after != before
    assert environment.distributions[name] == version


def test_an_old_egg_is_read_by_its_metadata_and_the_first_on_the_path_wins(tmp_path, monkeypatch):
    for place, version in (("late", "1.0"), ("early", "2.0")):
        info = tmp_path / place / "old.egg-info"
        info.mkdir(parents=True)
        (info / "PKG-INFO").write_text(f"Metadata-Version: 1.0\nName: old\nVersion: {version}\n")
        monkeypatch.syspath_prepend(str(tmp_path / place))
    assert read_environment().distributions["old"] == "2.0"


def test_folders_that_are_gone_or_files_are_no_trouble(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.syspath_prepend(str(tmp_path / "file"))
    monkeypatch.syspath_prepend(str(tmp_path / "gone"))
    assert "numpy" in read_environment().distributions


def test_only_variables_of_the_list_are_recorded(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("API_TOKEN", "hunter2-Zq9x")
    monkeypatch.setenv("UNRELATED", "hunter2-Zq9x")
    environment = read_environment()
    assert environment.variables["OMP_NUM_THREADS"] == "3"
    assert environment.variables["PYTHONHASHSEED"] == "7"
    assert "hunter2" not in environment.to_json()


def test_a_changed_variable_is_another_environment_at_once(monkeypatch):
    reader = EnvironmentReader()
    before, _ = reader.read()
    monkeypatch.setenv("MKL_NUM_THREADS", "1")
    after, environment = reader.read()
    assert after != before
    assert environment.variables["MKL_NUM_THREADS"] == "1"
    monkeypatch.delenv("MKL_NUM_THREADS")
    assert reader.read()[0] == before


def test_the_library_for_linear_algebra_is_that_of_numpy():
    from numpy.__config__ import CONFIG

    blas = CONFIG["Build Dependencies"]["blas"]
    assert read_environment().blas == f"{blas['name']} {blas['version']}".strip()


RECORDS = {
    "editable": (
        {"url": "file:///home/ada/own", "dir_info": {"editable": True}},
        Source("editable", "file:///home/ada/own"),
    ),
    "directory": ({"url": "file:///home/ada/own", "dir_info": {}}, Source("directory", "file:///home/ada/own")),
    "vcs": (
        {
            "url": "https://ada:pa55word@example.org/own.git",
            "vcs_info": {"vcs": "git", "commit_id": "ab12", "requested_revision": "main"},
            "subdirectory": "python",
        },
        Source("vcs", "https://example.org/own.git", "git", "ab12", "main", subdirectory="python"),
    ),
    "archive": (
        {"url": "https://example.org/own.whl?token=pa55word", "archive_info": {"hashes": {"sha256": "12"}}},
        Source("archive", "https://example.org/own.whl?token=[redacted]", hashes={"sha256": "12"}),
    ),
    "archive of old": (
        {"url": "https://example.org/own.whl", "archive_info": {"hash": "sha256=12"}},
        Source("archive", "https://example.org/own.whl", hashes={"sha256": "12"}),
    ),
}


@pytest.mark.parametrize(("record", "source"), RECORDS.values(), ids=RECORDS)
def test_a_distribution_that_no_index_gave_says_where_it_came_from(tmp_path, monkeypatch, record, source):
    info = tmp_path / "own_thing-1.0.dist-info"
    info.mkdir()
    (info / "direct_url.json").write_text(json.dumps(record))
    monkeypatch.syspath_prepend(str(tmp_path))
    environment = read_environment()
    assert environment.sources["own-thing"] == source
    assert "pa55word" not in environment.to_json()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"url": 7}', "\x00"])
def test_a_broken_record_of_a_source_is_no_trouble(tmp_path, monkeypatch, content):
    info = tmp_path / "own-1.0.dist-info"
    info.mkdir()
    (info / "direct_url.json").write_text(content)
    monkeypatch.syspath_prepend(str(tmp_path))
    environment = read_environment()
    assert environment.distributions["own"] == "1.0"
    assert "own" not in environment.sources


def test_an_environment_is_read_back_as_it_was_and_so_is_one_of_an_earlier_version():
    environment = read_environment()
    assert Environment.from_json(environment.to_json()) == environment
    old = {"python": "3.11", "implementation": "CPython", "platform": "P", "machine": "M", "distributions": {"a": "1"}}
    assert Environment.from_json(json.dumps(old)) == Environment("3.11", "CPython", "P", "M", {"a": "1"})


versions = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["1", "2"]))


@given(versions, versions)
def test_the_difference_leads_from_one_environment_to_the_other(before, after):
    plain = Environment("3.11", "CPython", "P", "M", {})
    one, other = (msgspec.structs.replace(plain, distributions=each) for each in (before, after))
    found = difference(one, other)
    applied = {name: version for name, version in before.items() if name not in found.removed}
    assert applied | found.added | {name: new for name, (_, new) in found.changed.items()} == after
    assert bool(found) == (before != after)
    assert not found.facts


def test_the_difference_names_every_other_fact_that_changed():
    one = Environment("3.11", "CPython", "P", "M", {}, {"own": Source("editable", "file:///own")}, "blas 1", 2)
    other = Environment("3.12", "CPython", "P", "M", {}, {}, "blas 2", 2, None, {"TZ": "UTC"})
    assert difference(one, other).to_dict() == {
        "added": {},
        "removed": {},
        "changed": {},
        "facts": {
            "python": ["3.11", "3.12"],
            "blas": ["blas 1", "blas 2"],
            "sources.own": ["editable file:///own", None],
            "variables.TZ": [None, "UTC"],
        },
    }
    assert not difference(one, one)
