"""What kind of file system a store lies on: on one that is shared over a network, SQLite's WAL is not safe."""

from __future__ import annotations

from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "beegfs", "gpfs", "ncpfs",
     "ocfs2", "gfs2", "orangefs", "virtiofs", "webdav", "davfs"}
)  # fmt: skip
_NETWORK_FUSE = frozenset(
    {"sshfs", "s3fs", "gcsfuse", "davfs", "glusterfs", "rclone", "blobfuse", "blobfuse2", "juicefs", "goofys"}
)


def file_system(path: Path) -> str | None:
    """Return the type of the file system that `path` lies on, e.g. ``ext4``; None where the system does not say."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    place = str(path.resolve())
    found, length = None, -1
    for line in lines:
        before, _, after = line.partition(" - ")
        mount = _plain(before.split()[4])
        if (place == mount or place.startswith(mount.rstrip("/") + "/")) and len(mount) >= length:
            found, length = after.split()[0], len(mount)
    return found


def is_network(kind: str | None) -> bool:
    """Say whether several machines may have a file system of this type mounted at once."""
    if kind is None:
        return False
    return kind in _NETWORK or kind.removeprefix("fuse.") in _NETWORK_FUSE


def _plain(field: str) -> str:
    """Return a field of mountinfo with its octal escapes undone."""
    for escape in ("\\040", "\\011", "\\012", "\\134"):
        field = field.replace(escape, chr(int(escape[1:], 8)))
    return field
