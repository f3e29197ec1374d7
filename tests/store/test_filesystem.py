"""On a file system that machines share there is no WAL, and the store says on what it lies."""

import pytest

from trackbook.store import Store, filesystem
from trackbook.store import events as event
from trackbook.store.filesystem import file_system, is_network

MOUNTS = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
31 22 0:27 / /home/me rw,relatime shared:9 - nfs4 server:/home rw,vers=4.2
32 31 0:28 / /home/me/with\040space rw,relatime - fuse.sshfs host: rw
33 22 0:29 / /homework rw - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("folder", "kind", "shared"),
    [
        ("/var/data", "ext4", False),
        ("/home/me/project", "nfs4", True),
        ("/home/me/with space/x", "fuse.sshfs", True),
        ("/homework", "tmpfs", False),
        ("/home/mercury", "ext4", False),
    ],
)
def test_the_innermost_mount_says_what_kind_it_is(tmp_path, monkeypatch, folder, kind, shared):
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTS.strip())
    monkeypatch.setattr(filesystem, "_MOUNTS", table)
    from pathlib import Path

    assert file_system(Path(folder)) == kind
    assert is_network(kind) is shared


def test_a_system_that_does_not_say_is_taken_for_a_local_one(tmp_path, monkeypatch):
    monkeypatch.setattr(filesystem, "_MOUNTS", tmp_path / "none")
    assert file_system(tmp_path) is None
    assert not is_network(None)


@pytest.mark.parametrize(("kind", "mode"), [("nfs", "delete"), ("ext4", "wal"), (None, "wal")])
def test_a_store_on_a_network_file_system_uses_no_wal(tmp_path, monkeypatch, kind, mode):
    """Also one that was made elsewhere and moved there."""
    store = Store.open(tmp_path / ".trackbook")
    with store.read():
        pass  # made on a local disk
    monkeypatch.setattr(filesystem, "file_system", lambda path: kind)
    store.append(event.TagsSet("a" * 32, {"t": "x"}))
    with store.read() as db:
        assert db.execute("SELECT value FROM tag").fetchall() == [("x",)]
        assert db.execute("PRAGMA journal_mode").fetchone() == (mode,)
    assert store.database.with_name("trackbook.db-wal").exists() is False or mode == "wal"
    store.close()
