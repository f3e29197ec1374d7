"""Files and folders in the store: byte for byte, each chunk once, read again only when they changed."""

import os
import stat
import threading
import time

import msgspec
import numpy as np
import pytest
from blake3 import blake3

from trackbook.data import Datasets, chunks, files, known, trees
from trackbook.errors import DataError, IntegrityError, NotFoundError, UsageError
from trackbook.store import Store
from trackbook.store.fsck import fsck
from trackbook.store.gc import collect

MB = 1 << 20


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / ".trackbook")


@pytest.fixture
def data(store):
    return Datasets(store, "ada")


def rows(count, seed=0):
    random = np.random.default_rng(seed)
    return b"".join(b"%d,%.6f\n" % (number, value) for number, value in enumerate(random.normal(size=count)))


def stored(store):
    return sum(map(store.objects.size, store.objects.digests()))


def settled(*paths):
    """Make files old enough to be trusted."""
    for path in paths:
        os.utime(path, ns=(time.time_ns() - 10**10,) * 2)


def old(monkeypatch):
    """Let everything that is written in a test count as written long ago."""
    from trackbook.capture.files import stamps

    monkeypatch.setattr(stamps, "RACY_NS", -(10**10))


@pytest.mark.parametrize("content", [rows(900_000), os.urandom(20 * MB), b"\0" * 20 * MB, b"x" * (9 * MB + 1)])
def test_a_large_file_comes_back_byte_for_byte(data, tmp_path, content):
    """Its first version, which is kept whole, and the second, which is kept as chunks."""
    for number, (each, format) in enumerate([(content, "file"), (content + b"more", "chunks")], 1):
        (tmp_path / "file").write_bytes(each)
        version = data.snapshot(tmp_path / "file", "file")
        assert (version.version, version.format, version.size) == (number, format, len(each))
        assert version.fingerprint == blake3(each).hexdigest()
    for number, each in enumerate([content, content + b"more"], 1):
        assert data.load(f"file@{number}") == each
        data.restore(f"file@{number}", tmp_path / f"copy{number}")
        assert (tmp_path / f"copy{number}").read_bytes() == each


@pytest.mark.parametrize("change", ["append", "insert", "cut"])
def test_a_change_costs_the_chunks_around_it(data, store, tmp_path, change):
    content = rows(2_500_000)
    middle = content.index(b"\n", len(content) // 2) + 1
    changed = {
        "append": content + rows(1000, 1),
        "insert": content[:middle] + rows(1000, 1) + content[middle:],
        "cut": content[:middle] + content[middle + 100_000 :],
    }[change]
    for each in (content, changed):
        (tmp_path / "file.csv").write_bytes(each)
        before = stored(store)
        data.snapshot(tmp_path / "file.csv", "file")
    assert stored(store) - before < 12 * MB < len(content) / 2
    assert data.load("file@1") == content
    assert data.load("file@2") == changed
    (tmp_path / "file.csv").write_bytes(changed + rows(1000, 2))
    before = stored(store)
    data.snapshot(tmp_path / "file.csv", "file")
    assert stored(store) - before < 3 * MB
    assert data.load("file@3") == changed + rows(1000, 2)


def test_a_file_that_shares_nothing_with_the_version_before_is_kept_whole(data, tmp_path):
    for _ in range(2):
        (tmp_path / "file").write_bytes(os.urandom(9 * MB))
        version = data.snapshot(tmp_path / "file", "file")
    assert (version.version, version.format) == (2, "file")


def test_an_earlier_content_that_comes_again_is_kept_once(data, store, tmp_path):
    content = rows(900_000)
    for each in (content, content + b"more", content):
        (tmp_path / "file").write_bytes(each)
        version = data.snapshot(tmp_path / "file", "file")
    assert (version.version, version.digest) == (3, data.get("file", 1).digest)
    (tmp_path / "file").write_bytes(content + b"more")
    assert data.snapshot(tmp_path / "file", "file").digest == data.get("file", 2).digest


def two_versions(data, path):
    """Make a file's first version and a second that shares most of its content; return the two."""
    path.write_bytes(os.urandom(12 * MB))
    first = data.snapshot(path, path.name)
    with path.open("ab") as file:
        file.write(os.urandom(4 * MB))
    return first, data.snapshot(path, path.name)


def test_what_a_later_version_lies_in_is_never_cleaned_up(data, store, tmp_path):
    first, second = two_versions(data, tmp_path / "file")
    with store.write() as db:
        db.execute("DELETE FROM dataset_version WHERE version = 1")
    collect(store, grace=0, remove=True, now=time.time() + 60)
    assert store.objects.exists(first.digest)
    assert data.load("file@2") == (tmp_path / "file").read_bytes()
    assert data.objects(second) > {first.digest}


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone"])
def test_a_damaged_earlier_version_is_named_and_the_next_lies_in_it_no_more(data, store, tmp_path, damage):
    first, _ = two_versions(data, tmp_path / "file")
    path = store.objects.locate(first.digest).path
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        os.truncate(path, 5 * MB)
    else:
        with path.open("r+b") as file:
            file.seek(6 * MB)
            file.write(b"flipped!")
    with pytest.raises(NotFoundError if damage == "gone" else IntegrityError, match=first.digest[:12]):
        data.load("file@2")
    assert {each.id for each in fsck(store)} == {"object-missing" if damage == "gone" else "object-changed"}
    if damage == "flipped":
        return  # which only reading tells
    (tmp_path / "file").write_bytes((tmp_path / "file").read_bytes() + b"more")
    data.snapshot(tmp_path / "file", "file")
    assert data.load("file@3") == (tmp_path / "file").read_bytes()


def test_a_manifest_from_before_there_were_slices_is_still_read(data, store, tmp_path):
    pieces = [os.urandom(MB), os.urandom(MB)]
    parts = tuple(map(bytes.fromhex, store.objects.put_many(pieces)))
    whole = blake3(b"".join(pieces))
    old = {"parts": parts, "digest": whole.digest(), "size": 2 * MB, "order": [0, 1]}
    digest = store.objects.put(msgspec.msgpack.encode(old))
    (tmp_path / "x").write_text("x")
    row = msgspec.structs.replace(data.snapshot(tmp_path / "x", "x"), name="old", digest=digest, format="chunks")
    data.adopt(row)
    assert data.load("old") == b"".join(pieces)


def test_a_place_that_a_manifest_does_not_have_is_refused(store):
    manifest = files.FileManifest(parts=(bytes(32),), digest=bytes(32), size=1, order=(-1,))
    digest = store.objects.put(msgspec.msgpack.encode(manifest))
    with pytest.raises(IntegrityError, match="a manifest of 0 slices names slice 1"):
        files.read_file(store.objects, digest, "chunks")


@pytest.mark.parametrize("has_lines", [True, False])
def test_chunks_end_where_the_content_says(has_lines):
    """However a text begins, the chunks of what follows become the same, with or without lines in it."""
    unlike = []
    for seed in range(6):
        content = np.random.default_rng(seed).integers(97, 123, 40 * MB, dtype=np.uint8)
        content[::97] = chunks.NEWLINE if has_lines else 98
        whole = list(chunks.chunk_ends(memoryview(content)))
        sizes = np.diff([0, *whole])
        assert chunks.MIN_BYTES <= sizes.min() <= sizes.max() <= chunks.MIN_BYTES + chunks.WINDOW_BYTES
        assert not has_lines or all(content[end - 1] == chunks.NEWLINE for end in whole)
        others = {end + 97_000 for end in chunks.chunk_ends(memoryview(content[97_000:]))}
        unlike.append(min(others & set(whole), default=40 * MB))
    assert np.mean(unlike) < 16 * MB


def test_an_unchanged_file_is_not_read_again(data, tmp_path, monkeypatch):
    old(monkeypatch)
    path = tmp_path / "file.bin"
    path.write_bytes(os.urandom(9 * MB))
    first = data.snapshot(path, "file")
    monkeypatch.setattr(files, "write_file", None)
    assert data.snapshot(path, "file") == first
    assert data.snapshot(path, "other").digest == first.digest


def test_a_file_that_was_just_written_is_read_again(data, tmp_path):
    """Within one tick of the clock it may have changed without a trace: git's rule."""
    path = tmp_path / "file"
    path.write_bytes(b"one")
    data.snapshot(path, "file")
    stamp = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert data.snapshot(path, "file").version == 2


@pytest.mark.parametrize("damage", ["cut", "flipped", "another boot", "gone"])
def test_what_is_known_is_never_trusted_when_it_is_damaged(data, store, tmp_path, monkeypatch, damage):
    old(monkeypatch)
    path = tmp_path / "file"
    path.write_bytes(b"content")
    first = data.snapshot(path, "file")
    (record,) = (store.root / "known").iterdir()
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    content = record.read_bytes()
    if damage == "cut":
        record.write_bytes(content[:-1])
    elif damage == "flipped":
        record.write_bytes(content[:40] + bytes([content[40] ^ 1]) + content[41:])
    elif damage == "gone":
        record.unlink()
    else:
        monkeypatch.setattr(known, "boot", lambda: "another")
    assert known.recall(store.root / "known", path) is None
    assert data.snapshot(path, "file") == first


def test_a_known_file_whose_chunks_are_gone_is_kept_again(data, store, tmp_path, monkeypatch):
    old(monkeypatch)
    _, version = two_versions(data, tmp_path / "file")
    part = files.read_file(store.objects, version.digest, version.format).parts[-1]
    store.objects.locate(part).path.unlink()
    assert data.snapshot(tmp_path / "file", "file") == version
    assert data.load("file") == (tmp_path / "file").read_bytes()


def test_a_file_that_changes_while_it_is_read_is_refused(data, tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(os.urandom(9 * MB))
    write = files._write_large

    def and_append(objects, path, before):
        kept = write(objects, path, before)
        with path.open("ab") as file:
            file.write(b"more")
        return kept

    monkeypatch.setattr(files, "_write_large", and_append)
    with pytest.raises(DataError, match="was changed while it was read"):
        data.snapshot(path, "file")
    assert data.list() == ()


def test_a_truncated_chunk_is_named(data, store, tmp_path):
    _, version = two_versions(data, tmp_path / "file")
    part = files.read_file(store.objects, version.digest, version.format).parts[-2]
    path = store.objects.locate(part).path
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(IntegrityError, match=part[:12]):
        data.load("file")


# -- folders

NAMES = [
    "plain.txt",
    "with space",
    "ünïcode",
    "-rf",
    "new\nline",
    "'; DROP TABLE run; --",
    "<b>",
    "deep/er/file",
    b"not-utf8-\xff",
]


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "folder"
    for name in NAMES:
        path = root / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.fsencode(name) * 3)
    (root / "empty").mkdir()
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("deep/er")
    (root / "nowhere").symlink_to("../../gone")
    (root / "large.bin").write_bytes(os.urandom(9 * MB))
    (root / "nothing").touch()
    return root


def content_of(root):
    """Return all that is in a folder: kinds, bytes, links and whether a file may be executed."""
    found = {}
    for path in root.rglob("*"):
        name = os.fsencode(path.relative_to(root))
        if path.is_symlink():
            found[name] = str(path.readlink())
        else:
            found[name] = "folder" if path.is_dir() else (path.read_bytes(), bool(path.stat().st_mode & 0o100))
    return found


def test_a_folder_comes_back_with_all_that_is_in_it(data, folder, tmp_path):
    version = data.snapshot(folder, "folder")
    assert (version.format, version.kind, version.source) == ("tree", "folder", "folder")
    data.restore("folder", tmp_path / "copy")
    assert content_of(tmp_path / "copy") == content_of(folder)
    assert data.snapshot(tmp_path / "copy", "folder") == version


def test_a_large_file_in_a_folder_costs_what_changed_in_it(data, store, folder, tmp_path):
    data.snapshot(folder, "folder")
    for step in range(2):
        with (folder / "large.bin").open("ab") as file:
            file.write(os.urandom(MB))
        before = stored(store)
        data.snapshot(folder, "folder")
        assert stored(store) - before < 4 * MB, step
    data.restore("folder", tmp_path / "copy")
    assert content_of(tmp_path / "copy") == content_of(folder)


def test_only_what_changed_in_a_folder_is_read_again(data, folder, monkeypatch):
    old(monkeypatch)
    data.snapshot(folder, "folder")
    read = []
    monkeypatch.setattr(
        trees,
        "_read_small",
        lambda path, stamp, read_small=trees._read_small: read.append(path.name) or read_small(path, stamp),
    )
    assert data.snapshot(folder, "folder").version == 1
    assert read == []
    (folder / "plain.txt").write_text("changed")
    (folder / "new").write_text("new")
    assert data.snapshot(folder, "folder").version == 2
    assert sorted(read) == ["new", "plain.txt"]


def test_a_folder_s_difference_names_the_paths(data, folder):
    data.snapshot(folder, "folder")
    (folder / "plain.txt").write_text("changed")
    (folder / "nothing").unlink()
    (folder / "run.sh").chmod(0o644)
    (folder / "new").touch()
    data.snapshot(folder, "folder")
    found = data.diff("data:/folder@1", "data:/folder@2")
    assert (found.added, found.removed, found.changed) == (("new",), ("nothing",), ("plain.txt", "run.sh"))
    assert data.diff("data:/folder@1", "data:/folder@1").is_empty


def test_a_store_inside_the_folder_is_no_part_of_it(tmp_path):
    (tmp_path / "x").write_text("x")
    data = Datasets(Store.open(tmp_path / ".trackbook"), "ada")
    assert data.snapshot(tmp_path, "all") == data.snapshot(tmp_path, "all")
    assert [entry.path for entry in trees.read_tree(data.stored_objects, data.get("all").digest).entries] == [b"x"]


def test_a_pipe_in_a_folder_is_named(data, folder):
    os.mkfifo(folder / "pipe")
    with pytest.raises(DataError, match="pipe is a pipe, socket or device"):
        data.snapshot(folder, "folder")


@pytest.mark.parametrize(
    "paths",
    [
        [b"../outside"],
        [b"/etc/outside"],
        [b"a/../../outside"],
        [b"./x"],
        [b""],
        [b"a//b"],
        [b"x\0y"],
        [b"x", b"x"],
        [b"link", b"link/inside"],
    ],
)
def test_a_manifest_that_leads_out_of_the_folder_is_refused(data, store, tmp_path, paths):
    """Also one whose link is to be written through: a file below what is a link."""
    (digest,) = store.objects.put_many([b"evil"])
    entries = [trees.Entry(path, "file", 4, False, bytes.fromhex(digest), (0,)) for path in paths]
    if paths[0] == b"link":
        entries[0] = trees.Entry(b"link", "link", target=os.fsencode(tmp_path))
    manifest = trees.TreeManifest(parts=(bytes.fromhex(digest),), entries=tuple(entries))
    evil = store.objects.put(msgspec.msgpack.encode(manifest))
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "y").touch()
    good = data.snapshot(tmp_path / "x", "good")
    data.adopt(msgspec.structs.replace(good, name="evil", digest=evil))
    with pytest.raises(IntegrityError, match="which is no path in a folder"):
        data.restore("evil", tmp_path / "target")
    assert not (tmp_path / "target").exists()
    assert not (tmp_path / "outside").exists()


def test_restoring_replaces_nothing_unless_it_is_told_to(data, folder, tmp_path):
    data.snapshot(folder, "folder")
    target = tmp_path / "target"
    target.mkdir()
    (target / "mine").write_text("mine")
    with pytest.raises(UsageError, match="is there already; add `--force`"):
        data.restore("folder", target)
    assert content_of(target) == {b"mine": (b"mine", False)}
    data.restore("folder", target, force=True)
    assert content_of(target) == content_of(folder)
    assert sorted(each.name for each in tmp_path.iterdir()) == [".trackbook", "folder", "target"]


def test_a_restore_that_fails_leaves_what_was_there(data, store, folder, tmp_path):
    data.snapshot(folder, "folder")
    store.objects.path(blake3(b"with space" * 3).hexdigest()).write_bytes(b"?")
    target = tmp_path / "target"
    target.mkdir()
    with pytest.raises(IntegrityError):
        data.restore("folder", target, force=True)
    assert list(target.iterdir()) == []
    assert sorted(each.name for each in tmp_path.iterdir()) == [".trackbook", "folder", "target"]


def test_two_snapshots_of_one_name_at_once_get_two_numbers(data, tmp_path):
    paths = [tmp_path / f"file{number}" for number in range(6)]
    for number, path in enumerate(paths):
        path.write_text(f"content {number}")
    threads = [threading.Thread(target=data.snapshot, args=(path, "file")) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    versions = data.list("file")
    assert [version.version for version in versions] == [6, 5, 4, 3, 2, 1]
    assert {data.load(version.uri) for version in versions} == {path.read_bytes() for path in paths}
