"""Objects: named by their content, whole or not there at all, and checked when they are read."""

import errno
import io
import os
import tempfile
import threading
from pathlib import Path

import msgspec
import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from trackbook.errors import IntegrityError, NotFoundError, StoreError
from trackbook.store import Objects
from trackbook.store.manifests import parts_of

COMPRESSIBLE = b"the same again and again, " * 10_000
DENSE = os.urandom(50_000)


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


def test_what_gets_smaller_is_kept_compressed_and_reads_as_if_it_were_not(objects):
    digest = objects.put(COMPRESSIBLE, compress=True)
    assert digest == blake3(COMPRESSIBLE).hexdigest()
    assert (objects.get(digest), objects.size(digest), objects.exists(digest)) == (
        COMPRESSIBLE,
        len(COMPRESSIBLE),
        True,
    )
    assert objects.locate(digest).path.stat().st_size < len(COMPRESSIBLE) / 100
    assert list(objects.digests()) == [digest]


def test_what_does_not_get_smaller_is_kept_as_it_is(objects):
    digest = objects.put(DENSE, compress=True)
    assert objects.path(digest).read_bytes() == DENSE


@pytest.mark.parametrize("order", [(True, False), (False, True)])
def test_one_content_is_one_object_compressed_or_not(objects, order):
    digests = {objects.put(COMPRESSIBLE, compress=compress) for compress in order}
    assert list(objects.digests()) == list(digests)
    assert len([each for each in objects.path(digests.pop()).parent.iterdir() if each.is_file()]) == 1


def test_many_contents_come_back_in_order_and_each_is_kept_once(objects):
    contents = [b"", b"a", DENSE, COMPRESSIBLE, b"a", *(bytes([each]) * 100 for each in range(200))]
    digests = objects.put_many(iter(contents), compress=True)
    assert [objects.get(digest) for digest in digests] == contents
    assert sorted(objects.digests()) == sorted(set(digests))


def test_a_batch_that_fails_leaves_nothing_of_it(objects, tmp_path):
    def contents():
        yield from (bytes([each]) * 10 for each in range(100))
        raise ValueError("the source of the contents has ended badly")

    with pytest.raises(ValueError, match="ended badly"):
        objects.put_many(contents())
    assert [each for each in (tmp_path / "objects").rglob("*") if each.is_file()] == []


def test_a_batch_is_read_as_it_is_written(objects):
    """A source longer than memory is never read far ahead of the disk."""
    read = 0

    def contents():
        nonlocal read
        for each in range(100):
            read += 1
            assert read - len(list(objects._folder.glob("*.tmp"))) <= 20
            yield each.to_bytes(4, "big") * 1000

    assert len(set(objects.put_many(contents()))) == 100


@pytest.mark.parametrize("copied_by_the_system", [0, 9 << 20, 5_000_001])
def test_a_file_of_several_pieces_is_one_object_and_is_copied_back(
    objects, tmp_path, monkeypatch, copied_by_the_system
):
    """Whether the system copies all of it, nothing, or stops on the way."""
    left, copy = [copied_by_the_system], getattr(os, "copy_file_range", None)

    def copy_some(source, target, size):
        if not left[0] or copy is None:
            raise OSError(errno.EOPNOTSUPP, "it does not")
        copied = copy(source, target, min(size, left[0]))
        left[0] -= copied
        return copied

    monkeypatch.setattr(os, "copy_file_range", copy_some, raising=False)
    content = os.urandom(9 << 20)
    (tmp_path / "file").write_bytes(content)
    digest = objects.put_file(tmp_path / "file")
    assert digest == blake3(content).hexdigest() == objects.put_file(tmp_path / "file")
    with (tmp_path / "copy").open("wb") as file:
        objects.copy_to(digest, file)
    assert (tmp_path / "copy").read_bytes() == content
    assert list((tmp_path / "objects").rglob("*.tmp")) == []


@pytest.mark.parametrize("damage", [b"", b"changed", b"\x28\xb5\x2f\xfd" + b"\xff" * 20], ids=["cut", "text", "frame"])
@pytest.mark.parametrize("content", [COMPRESSIBLE, DENSE], ids=["compressed", "plain"])
def test_any_damage_is_found_by_every_reader(objects, tmp_path, damage, content):
    digest = objects.put(content, compress=True)
    objects.locate(digest).path.write_bytes(damage)
    for read in (objects.get, objects.check, lambda each: objects.copy_to(each, io.BytesIO())):
        with pytest.raises(IntegrityError, match=f"{digest[:12]} was changed on disk"):
            read(digest)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 7))
def test_one_bit_that_flips_in_a_compressed_object_is_found_or_harmless(place, bit):
    with tempfile.TemporaryDirectory() as folder:
        objects = Objects(Path(folder))
        digest = objects.put(COMPRESSIBLE, compress=True)
        path = objects.locate(digest).path
        frame = bytearray(path.read_bytes())
        frame[place % len(frame)] ^= 1 << bit
        path.write_bytes(frame)
        try:
            assert objects.get(digest) == COMPRESSIBLE
        except IntegrityError as error:
            assert digest[:12] in str(error)


def test_an_object_of_the_wrong_size_is_healed_when_its_content_is_put_again(objects):
    digest = objects.put(DENSE)
    objects.path(digest).write_bytes(DENSE[:100])
    objects.put(DENSE)
    assert objects.get(digest) == DENSE


def test_what_is_put_again_is_young_again(objects):
    """What cleans up spares young objects, and must not take one that somebody has just decided to use."""
    digest = objects.put(b"x")
    os.utime(objects.path(digest), (1, 1))
    objects.put_many([b"x"])
    assert objects.path(digest).stat().st_mtime > 1_000_000


def test_what_is_borrowed_is_found_compressed_too(objects, tmp_path):
    digest = objects.put(COMPRESSIBLE, compress=True)
    copy = Objects(tmp_path / "copy")
    copy.borrow(tmp_path / "objects")
    assert copy.get(digest) == COMPRESSIBLE
    assert copy.put(COMPRESSIBLE) == digest
    assert list(copy.digests()) == []


def test_a_manifest_tells_its_parts_to_who_knows_nothing_else_of_it():
    content = msgspec.msgpack.encode({"parts": [b"\1" * 32, b"\2" * 32], "plan": {"kind": "anything"}})
    assert parts_of(content) == ["01" * 32, "02" * 32]
    with pytest.raises(IntegrityError, match="manifest cannot be read"):
        parts_of(b"PK")
