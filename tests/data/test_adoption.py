"""Versions of others: known again by content and number, renumbered where the number is taken."""

import msgspec
import pandas as pd
import pytest

from trackbook.errors import DataError, NotFoundError, UsageError


@pytest.fixture
def versions(project):
    """Three versions of `sales`, of which the third holds what the first did."""
    return [project.data.snapshot(pd.DataFrame({"x": [value]}), "sales") for value in (1, 2, 1)]


def renamed(version, /, **changes):
    return msgspec.structs.replace(version, **changes)


def test_a_version_that_is_known_is_not_kept_twice(project, versions):
    assert project.data.adopt(versions[0]) is None
    assert len(project.data.list("sales")) == 3


def test_a_number_that_is_free_is_kept(project, versions):
    adopted = project.data.adopt(renamed(versions[0], name="others", version=7))
    assert (adopted.version, adopted.origin) == (7, None)
    assert project.data.load("data:/others@7")["x"].tolist() == [1]


def test_a_number_that_is_taken_becomes_the_next_free_one_and_the_version_is_known_again(project, versions):
    theirs = renamed(versions[1], version=1)
    adopted = project.data.adopt(theirs)
    assert (adopted.version, adopted.origin) == (4, 1)
    assert project.data.adopt(theirs) is None
    assert project.data.resolve("data:/sales").version == 4


def test_a_digest_names_a_version_in_every_store(project, versions):
    assert project.data.resolve(f"data:/sales@{versions[1].digest[:8]}") == versions[1]
    assert project.data.resolve(f"data:/sales@{versions[0].digest}") == versions[2]
    with pytest.raises(NotFoundError, match="digest begins with 00000000"):
        project.data.resolve("data:/sales@00000000")
    with pytest.raises(UsageError):
        project.data.resolve("data:/sales@nothing")


@pytest.mark.parametrize("changes", [{"name": "../x"}, {"version": 0}, {"digest": "../../etc"}, {"origin": 3}])
def test_what_no_trackbook_made_is_refused(project, versions, changes):
    with pytest.raises((DataError, UsageError)):
        project.data.adopt(renamed(versions[0], **changes))
    assert len(project.data.list()) == 3
