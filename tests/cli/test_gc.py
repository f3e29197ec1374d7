"""`trackbook gc` at the command line."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from trackbook.cli import main
from trackbook.project import Project


def run(*arguments: str, status: int = 0) -> Result:
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result


def test_nothing_is_removed_without_yes(project: Project) -> None:
    """First it says what would go and how to do it, then --yes does it."""
    digest = project.store.objects.put(b"unused")
    assert "1 more that nothing refers to are spared" in run("gc").output
    assert "1 unused object, 6 bytes, would be removed; --yes does it" in run("gc", "--grace", "0").output
    assert project.store.objects.exists(digest)
    report = json.loads(run("gc", "--grace", "0s", "--yes", "--json").output)
    assert (report["objects"], report["size"], report["removed"]) == ([digest], 6, True)
    assert not project.store.objects.exists(digest)


@pytest.mark.parametrize("grace", ["soon", "14", "-1d", "1y", ""])
def test_a_grace_that_means_nothing_is_bad_usage(project: Project, grace: str) -> None:
    """A number needs a unit; a wrong one removes nothing."""
    project.store.objects.put(b"unused")
    assert "12h, 14d or 2w" in run("gc", "--grace", grace, "--yes", status=2).output
    assert list(project.store.objects.digests())
