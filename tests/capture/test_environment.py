"""The environment that is recorded is the one that Python would report."""

import importlib.metadata
import platform
import re

import pytest

from trackbook.capture.environment import EnvironmentReader, read_environment


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
