"""Lock files of recorded environments, as PEP 751 says: made from pip's own report, read back for its requirements."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import msgspec

from trackbook.capture.environment import Environment, Source
from trackbook.capture.redaction import without_credentials
from trackbook.errors import LockError

OWN = frozenset({"trackbook"})
NO_HASH = "its archive has no recorded hash"
ITSELF = "Trackbook comes with the replay"


class LeftOut(msgspec.Struct, frozen=True):
    """A distribution that the lock names and cannot give, with the reason."""

    name: str
    version: str
    reason: str


class Requirements(msgspec.Struct, frozen=True):
    """What pip is to install: lines with hashes, and those that can have none (folders, version control)."""

    hashed: tuple[str, ...]
    direct: tuple[str, ...]
    left_out: tuple[LeftOut, ...]


def wanted(environment: Environment) -> dict[str, str]:
    """Return the distributions that an index is asked for."""
    return {
        name: version
        for name, version in environment.distributions.items()
        if name not in OWN and name not in environment.sources
    }


def lock_text(environment: Environment, digest: str, report: Mapping[str, Any], missing: Mapping[str, str]) -> str:
    """Return the text of `pylock.toml` from pip's installation report; `missing` has names with reasons.

    Raises LockError when the result is no valid lock.
    """
    import tomli_w
    from packaging.pylock import Pylock, PylockValidationError

    packages, left_out = [], dict(missing)
    for item in report.get("install", []):
        packages.append(_from_index(item))
    for name, source in environment.sources.items():
        entry = None if name in OWN else _from_source(name, environment.distributions.get(name), source)
        if entry is None:
            left_out[name] = ITSELF if name in OWN else NO_HASH
        else:
            packages.append(entry)
    left_out |= dict.fromkeys(OWN & environment.distributions.keys(), ITSELF)
    document = {
        "lock-version": "1.0",
        "requires-python": f"=={'.'.join(environment.python.split('.')[:2])}.*",
        "created-by": "trackbook",
        "packages": sorted(packages, key=lambda package: str(package["name"])),
        "tool": {"trackbook": _tool(environment, digest, left_out)},
    }
    try:
        Pylock.from_dict(document)
    except PylockValidationError as error:
        raise LockError(f"the lock of environment {digest[:12]} would not be valid: {error}") from error
    return tomli_w.dumps(document)


def requirements(text: str) -> Requirements:
    """Return what a lock tells pip to install; raises LockError for a text that is no lock."""
    from packaging.pylock import Pylock, PylockSelectError, PylockUnsupportedVersionError, PylockValidationError

    try:
        document = tomllib.loads(text)
        lock = Pylock.from_dict(document)
        chosen = list(lock.select())
        left_out = msgspec.convert(document["tool"]["trackbook"]["left-out"], tuple[LeftOut, ...])
    except PylockSelectError as error:
        raise LockError(f"the lock is not for this Python and platform: {error}") from error
    except (
        tomllib.TOMLDecodeError,
        PylockValidationError,
        PylockUnsupportedVersionError,
        KeyError,
        TypeError,
        msgspec.ValidationError,
    ) as error:
        raise LockError(
            f"the stored lock is broken ({error}); delete its row in `environment_lock`, and it is made again"
        ) from error
    hashed: list[str] = []
    direct: list[str] = []
    for package, place in chosen:
        (direct if package.vcs or package.directory else hashed).append(_requirement(package, place))
    return Requirements(tuple(hashed), tuple(direct), left_out)


def _tool(environment: Environment, digest: str, left_out: Mapping[str, str]) -> dict[str, Any]:
    return {
        "environment": digest,
        "python": environment.python,
        "implementation": environment.implementation,
        "platform": environment.platform,
        "left-out": [
            {"name": name, "version": environment.distributions.get(name, ""), "reason": reason}
            for name, reason in sorted(left_out.items())
        ],
    }


def _from_index(item: Mapping[str, Any]) -> dict[str, Any]:
    from packaging.utils import canonicalize_name

    info, metadata = item["download_info"], item["metadata"]
    url = info["url"]
    file = unquote(urlsplit(url).path).rpartition("/")[2]
    hashes = info.get("archive_info", {}).get("hashes") or {}
    if not hashes:
        raise LockError(f"the index gives no hash for {file}; a lock without it would prove nothing")
    archive: dict[str, Any] = {"name": file, **_place(url), "hashes": hashes}
    found: dict[str, Any] = {"name": canonicalize_name(metadata["name"]), "version": metadata["version"]}
    return found | ({"wheels": [archive]} if file.endswith(".whl") else {"sdist": archive})


def _from_source(name: str, version: str | None, source: Source) -> dict[str, Any] | None:
    entry: dict[str, Any] = {"name": name}
    inner = {"subdirectory": source.subdirectory} if source.subdirectory else {}
    if source.kind == "vcs" and source.commit and source.vcs:
        revision = {"requested-revision": source.revision} if source.revision else {}
        return entry | {"vcs": {"type": source.vcs, "url": source.url, "commit-id": source.commit, **revision, **inner}}
    if source.kind in ("editable", "directory"):
        path = url2pathname(unquote(urlsplit(source.url).path))
        return entry | {"directory": {"path": path, "editable": source.kind == "editable", **inner}}
    if not source.hashes:
        return None
    return entry | {"version": version, "archive": {**_place(source.url), "hashes": source.hashes, **inner}}


def _place(url: str) -> dict[str, str]:
    """Return where an archive lies, without credentials."""
    if urlsplit(url).scheme == "file":
        return {"path": url2pathname(urlsplit(url).path)}
    return {"url": without_credentials(url)}


def _requirement(package: Any, place: Any) -> str:
    if package.vcs:
        inner = f"#subdirectory={place.subdirectory}" if place.subdirectory else ""
        return f"{package.name} @ {place.type}+{place.url}@{place.commit_id}{inner}"
    if package.directory:
        return f"{'-e ' if place.editable else ''}{place.path}{'/' + place.subdirectory if place.subdirectory else ''}"
    hashes = " ".join(f"--hash={kind}:{value}" for kind, value in sorted(place.hashes.items()))
    if package.archive:
        return f"{package.name} @ {place.url or _file_url(place.path)} {hashes}"
    return f"{package.name}=={package.version} {hashes}"


def _file_url(path: str) -> str:
    from pathlib import Path

    return Path(path).as_uri()


def described(left_out: Iterator[LeftOut] | tuple[LeftOut, ...]) -> str:
    """Return what is left out as one line."""
    return ", ".join(f"{each.name} {each.version} ({each.reason})" for each in left_out)
