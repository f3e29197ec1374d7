"""Objects: named by their content, whole or not there at all, and checked when they are read."""

import os
import threading

import pytest
from blake3 import blake3

from trackbook.errors import IntegrityError, NotFoundError, StoreError
from trackbook.store import Objects


@pytest.fixture
def objects(tmp_path):
    (tmp_path / "objects").mkdir()
    return Objects(tmp_path / "objects")


@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 1000])
def test_what_is_put_comes_back_under_its_digest(objects, content):
    digest = objects.put(content)
    assert digest == blake3(content).hexdigest()
    assert (objects.get(digest), objects.size(digest), objects.exists(digest)) == (content, len(content), True)


def test_a_file_and_its_bytes_are_one_object(objects, tmp_path):
    (tmp_path / "file").write_bytes(b"same")
    assert objects.put(tmp_path / "file") == objects.put(b"same")
    assert list(objects.digests()) == [blake3(b"same").hexdigest()]


def test_an_object_is_private_and_leaves_no_temporary_file(objects, tmp_path):
    path = objects.path(objects.put(b"x"))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [each for each in (tmp_path / "objects").rglob("*") if each.suffix == ".tmp"] == []


def test_a_changed_object_is_an_integrity_error_and_never_returned(objects):
    digest = objects.put(b"original")
    objects.path(digest).write_bytes(b"changed!")
    with pytest.raises(IntegrityError, match=f"{digest[:12]} was changed on disk"):
        objects.get(digest)


def test_a_missing_object_is_not_found(objects):
    digest = blake3(b"never put").hexdigest()
    assert not objects.exists(digest)
    for ask in (objects.get, objects.size):
        with pytest.raises(NotFoundError, match="trackbook fsck"):
            ask(digest)


@pytest.mark.parametrize("digest", ["", "x", "../../etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "\n", "a" * 62 + "/x"])
def test_what_is_no_digest_is_never_a_path(objects, digest):
    with pytest.raises(NotFoundError, match="is no object digest"):
        objects.path(digest)


def test_a_folder_that_cannot_be_written_is_a_store_error(tmp_path):
    (tmp_path / "objects").touch()
    with pytest.raises(StoreError, match="cannot be written"):
        Objects(tmp_path / "objects").put(b"x")


def test_a_write_that_fails_leaves_nothing(objects, tmp_path, monkeypatch):
    def full(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        objects.put(b"x")
    assert [each for each in (tmp_path / "objects").rglob("*") if each.is_file()] == []


def test_many_threads_may_put_the_same_content(objects):
    digests: list[str] = []
    threads = [threading.Thread(target=lambda: digests.append(objects.put(b"same" * 1000))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(digests) == 8
    assert len(set(digests)) == 1
    assert objects.get(digests[0]) == b"same" * 1000
