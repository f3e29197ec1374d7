"""The patch of a run: the text of what tracked and untracked files hold beyond the commit.

`git apply` onto the commit gives the files back, but for those that are left out, each with its reason, and for the
secrets that were taken out of added lines.
"""

from __future__ import annotations

import ast
import os
import re
import stat
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

import msgspec

from trackbook.capture.git.repository import GitError, Repository
from trackbook.capture.git.worktree import NEVER_ENTERED, WorkTree
from trackbook.capture.redaction import redact

MAX_FILE = 256 * 1024
MAX_PATCH = 2 * 1024 * 1024
MAX_FILES = 1_000
ATTEMPTS = 3

SECRET_FILES = (
    *(".env", ".env.*", "*.env", ".envrc", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx"),
    *("*.ppk", "*.asc", "*.gpg", "*.age", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", ".netrc", "_netrc"),
    *(".pypirc", ".npmrc", ".pgpass", ".my.cnf", ".htpasswd", ".git-credentials", ".dockercfg", "kubeconfig*"),
    *("credentials", "credentials.*", "*credentials.json", "client_secret*.json", "service_account*.json"),
    *("service-account*.json", "kaggle.json", "secrets.*", ".secrets*", "secret.*", "*.tfstate", "*.tfvars"),
    *("token.json", "token.pickle", ".databrickscfg", ".vault-token", ".boto", ".s3cfg", ".dvc/config.local"),
    *(".docker/config.json", ".kube/config", ".aws/config", ".streamlit/secrets.toml"),
)
"""Files that are named and never read; a pattern with a slash is matched against the end of the whole path."""

SETTINGS = (".yaml", ".yml", ".ini", ".cfg", ".conf", ".properties", ".json", ".toml", ".txt", ".xml", ".sh")
"""Files in which `password=hunter` is no assignment of a variable."""

_HUNK = re.compile(r"@@ -(?P<old>\d+)(?:,\d+)? \+(?P<new>\d+)(?:,\d+)? @@")
_NO_NEWLINE = "\\ No newline at end of file"

TOO_LARGE = f"larger than {MAX_FILE // 1024} KB"
FULL = f"the patch has reached {MAX_PATCH // 1024 // 1024} MB"
TOO_MANY = f"more than {MAX_FILES:,} files are changed"
BINARY = "binary"
NOT_UTF8 = "not UTF-8 text"
NOTEBOOK = "a notebook: the cells that ran are kept with the run"
SECRET_FILE = "its name says that it holds secrets"  # noqa: S105
SECRET_LINES = "lines that the commit has, or that are removed, hold a secret"  # noqa: S105
OWN_REPOSITORY = "a repository of its own"
FILTERED = "git passes it through a filter"
NO_FILE = "neither a file nor a link"


class Patch(msgspec.Struct, frozen=True):
    """What the files hold beyond the commit; `left_out` has paths with reasons, `redacted` paths with secrets."""

    text: str
    left_out: tuple[tuple[str, str], ...] = ()
    redacted: tuple[str, ...] = ()


class _Status(msgspec.Struct, frozen=True):
    """What `git status` says: changed tracked files with their blob in the commit, untracked and ignored ones."""

    changed: dict[str, str]
    submodules: list[str]
    untracked: list[str]
    ignored: list[str]


def read_patch(repository: Repository, commit: str | None) -> tuple[Patch, WorkTree]:
    """Return the patch onto `commit` (None: onto nothing) and the stamps of the files that it depends on.

    Raises GitError.
    """
    tree: WorkTree | None = None
    for _ in range(ATTEMPTS):
        status = _status(repository)
        tracked = _split(repository.run("ls-files", "-z"))
        seen = (str(repository.root), [*tracked, *status.untracked], status.ignored, str(repository.exclude_file))
        before = WorkTree(*seen)
        patch = _build(repository, commit, status)
        tree = WorkTree(*seen)
        if before.settles_as(tree):
            return patch, tree
    assert tree is not None
    changing = (".", "files were changing while the patch was made")
    return Patch(patch.text, (*patch.left_out, changing), patch.redacted), tree


def is_secret_file(path: str) -> bool:
    """Say whether the name of a file is one under which secrets are kept."""
    whole = f"/{path.lower()}"
    name = whole.rpartition("/")[2]
    return any(
        fnmatchcase(whole, f"*/{pattern}") if "/" in pattern else fnmatchcase(name, pattern) for pattern in SECRET_FILES
    ) and not name.endswith((".py", ".example", ".sample", ".template"))


def _status(repository: Repository) -> _Status:
    answer = repository.run(
        *("status", "--porcelain=v2", "-z", "--untracked-files=all", "--ignored=matching"),
        *("--no-renames", "--ignore-submodules=dirty"),
    )
    status = _Status({}, [], [], [])
    for record in _split(answer):
        kind, _, rest = record.partition(" ")
        if kind == "?":
            status.untracked.append(rest)
        elif kind == "!":
            status.ignored.append(rest)
        elif kind in ("1", "u"):
            *fields, path = rest.split(" ", 7 if kind == "1" else 9)
            if fields[1].startswith("S"):
                status.submodules.append(path)
            else:
                status.changed[path] = fields[5] if kind == "1" else ""
    return status


def _build(repository: Repository, commit: str | None, status: _Status) -> Patch:
    builder = _Builder(repository)
    builder.leave_out((path, OWN_REPOSITORY) for path in status.submodules)
    chosen = builder.chosen(status.changed)
    if chosen:
        base = commit or repository.run("hash-object", "-t", "tree", "--stdin").decode().strip()
        builder.add_tracked(base, chosen)
    for path in builder.chosen(dict.fromkeys(status.untracked, "")):
        builder.add_untracked(path)
    return builder.patch()


class _Builder:
    """Collects sections, each the patch of one file, within the limits."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._root = str(repository.root)
        self._sections: list[str] = []
        self._size = 0
        self._left_out: dict[str, str] = {}
        self._redacted: list[str] = []

    def patch(self) -> Patch:
        """Return what was collected; names are shown as text."""
        left_out = tuple((_shown(path), reason) for path, reason in sorted(self._left_out.items()))
        return Patch("".join(self._sections), left_out, tuple(map(_shown, sorted(self._redacted))))

    def leave_out(self, paths: Iterable[tuple[str, str]]) -> None:
        """Note files that are named only."""
        self._left_out.update(paths)

    def chosen(self, changed: dict[str, str]) -> dict[str, str]:
        """Return the changed files whose text is wanted, with their blobs; notes the others."""
        sizes = self._blob_sizes(changed.values())
        chosen: dict[str, str] = {}
        for path, blob in sorted(changed.items()):
            if not NEVER_ENTERED.isdisjoint(path.split("/")):
                continue
            reason = TOO_MANY if len(chosen) == MAX_FILES else _reason(path, self._file(path), sizes.get(blob, 0))
            if reason is None:
                chosen[path] = blob
            else:
                self._left_out[path] = reason
        return self._unfiltered(chosen)

    def add_tracked(self, base: str, chosen: dict[str, str]) -> None:
        """Add what git says of the `chosen` files."""
        answer = self._repository.run(
            *("-c", "core.bigFileThreshold=" + str(MAX_FILE), "-c", "core.safecrlf=false"),
            *("-c", "diff.suppressBlankEmpty=false", "diff", "--no-color"),
            *("--no-ext-diff", "--no-textconv", "--no-renames", "--full-index", "--no-relative", "--unified=3"),
            *("--ignore-submodules=all", "--src-prefix=a/", "--dst-prefix=b/", "--no-indent-heuristic", base, "--"),
            *chosen,
        )
        blobs = self._blobs({blob for blob in chosen.values() if blob.strip("0")})
        for path, section in _sections(answer):
            self._add_section(path, section, blobs.get(chosen.get(path, ""), b""))

    def add_untracked(self, path: str) -> None:
        """Add a new file."""
        status, content = self._file(path), self._content(path)
        text = _text(content)
        if status is None or text is None:
            self._left_out[path] = BINARY if b"\0" in content else NOT_UTF8
            return
        clean = _clean(path, text)
        if clean != text:
            self._redacted.append(path)
        self._add(path, _new_file(path, clean, status.st_mode))

    def _add_section(self, path: str, section: bytes, blob: bytes) -> None:
        text = _text(section)
        if re.search(rb"^(Binary files |GIT binary patch)", section.partition(b"\n@@")[0], re.MULTILINE):
            self._left_out[path] = BINARY
        elif text is None:
            self._left_out[path] = BINARY if b"\0" in section else NOT_UTF8
        else:
            old, new = _text(blob) or "", _text(self._content(path)) or ""
            clean = _redacted(text, _hidden(path, old), _hidden(path, new), _clean(path, new).split("\n"))
            if clean is None:
                self._left_out[path] = SECRET_LINES
                return
            if clean != _redacted(text, frozenset(), frozenset(), []):
                self._redacted.append(path)
            self._add(path, clean)

    def _add(self, path: str, section: str) -> None:
        size = len(section.encode())
        if size > 2 * MAX_FILE:
            self._left_out[path] = TOO_LARGE
        elif self._size + size > MAX_PATCH:
            self._left_out[path] = FULL
        else:
            self._size += size
            self._sections.append(section)

    def _file(self, path: str) -> os.stat_result | None:
        try:
            return os.stat(f"{self._root}/{path}", follow_symlinks=False)  # noqa: PTH116 - names may be no text
        except (OSError, ValueError):
            return None

    def _content(self, path: str) -> bytes:
        full = f"{self._root}/{path}"
        try:
            if os.path.islink(full):  # noqa: PTH114
                return os.fsencode(os.readlink(full))  # noqa: PTH115
            with open(full, "rb") as file:  # noqa: PTH123
                return file.read(MAX_FILE + 1)
        except OSError:
            return b""  # deleted

    def _blob_sizes(self, blobs: Iterable[str]) -> dict[str, int]:
        wanted = sorted({blob for blob in blobs if blob.strip("0")})
        if not wanted:
            return {}
        answer = self._repository.run("cat-file", "--batch-check", given="\n".join(wanted).encode() + b"\n")
        rows = (line.split() for line in answer.decode().splitlines())
        return {row[0]: int(row[2]) for row in rows if len(row) == 3}

    def _blobs(self, wanted: set[str]) -> dict[str, bytes]:
        if not wanted:
            return {}
        answer = self._repository.run("cat-file", "--batch", given="\n".join(sorted(wanted)).encode() + b"\n")
        found, start = {}, 0
        while start < len(answer):
            end = answer.index(b"\n", start)
            name, *rest = answer[start:end].decode().split()
            size = int(rest[1]) if len(rest) == 2 else -1
            if size >= 0:
                found[name] = answer[end + 1 : end + 1 + size]
            start = end + 2 + size
        return found

    def _unfiltered(self, chosen: dict[str, str]) -> dict[str, str]:
        """Leave out files whose content in the commit is made by a filter, such as git-lfs."""
        if not chosen or not self._repository.has_filters:
            return chosen
        given = b"".join(os.fsencode(path) + b"\0" for path in chosen)
        answer = _split(self._repository.run("check-attr", "-z", "--stdin", "filter", given=given))
        filtered = {
            path for path, value in zip(answer[::3], answer[2::3], strict=True) if value not in ("unset", "unspecified")
        }
        self._left_out.update(dict.fromkeys(filtered, FILTERED))
        return {path: blob for path, blob in chosen.items() if path not in filtered}


def _reason(path: str, status: os.stat_result | None, old_size: int) -> str | None:
    """Return why the text of a file is not wanted, from what can be known without reading it."""
    if path.endswith("/"):
        return OWN_REPOSITORY
    if is_secret_file(path):
        return SECRET_FILE
    if path.endswith(".ipynb"):
        return NOTEBOOK
    if status is not None and not stat.S_ISREG(status.st_mode) and not stat.S_ISLNK(status.st_mode):
        return NO_FILE
    return TOO_LARGE if max(old_size, status.st_size if status else 0) > MAX_FILE else None


def _sections(answer: bytes) -> Iterator[tuple[str, bytes]]:
    """Split a patch into those of single files; every line of content begins with one of ``' +-\\@'``."""
    for section in re.split(rb"(?m)^(?=diff --git )", answer):
        if section.startswith(b"diff --git "):
            names = section.partition(b"\n")[0].removeprefix(b"diff --git ")
            # The two names differ only in a/ and b/, so that each is one half of the line.
            first = names[: len(names) // 2]
            name = ast.literal_eval("b" + first.decode()) if first.startswith(b'"') else first
            yield os.fsdecode(name.removeprefix(b"a/")), section


def _clean(path: str, text: str) -> str:
    return redact(text, prose=path.endswith(SETTINGS))


def _hidden(path: str, text: str) -> frozenset[int]:
    """Return the numbers, from 1, of the lines in which there are secrets."""
    clean = _clean(path, text)
    if clean == text:
        return frozenset()
    pairs = zip(text.split("\n"), clean.split("\n"), strict=True)
    return frozenset(number for number, (one, other) in enumerate(pairs, 1) if one != other)


def _redacted(section: str, old: frozenset[int], new: frozenset[int], lines: list[str]) -> str | None:
    """Return a section without the `old` and `new` lines that hold secrets; None when it could not be applied then.

    Only an added line can be replaced, by the one of its number in `lines`.
    """
    result: list[str] = []
    at_old = at_new = 0
    for line in section.split("\n"):
        hunk = _HUNK.match(line)
        if hunk:
            at_old, at_new = int(hunk["old"]), int(hunk["new"])
            result.append(hunk[0])  # the rest of the line is some line of the file, far from the hunk
            continue
        sign = line[:1] if at_old or at_new else ""
        if (sign in ("-", " ") and at_old in old) or (sign == " " and at_new in new):
            return None
        is_hidden = sign == "+" and at_new in new
        result.append("+" + lines[at_new - 1].rstrip("\r") + "\r" * line.endswith("\r") if is_hidden else line)
        at_old += sign in ("-", " ")
        at_new += sign in ("+", " ")
    return "\n".join(result)


def _new_file(path: str, text: str, mode: int) -> str:
    """Return the patch that makes a file."""
    kind = "120000" if stat.S_ISLNK(mode) else "100755" if mode & stat.S_IXUSR else "100644"
    header = f"diff --git {_quoted('a/' + path)} {_quoted('b/' + path)}\nnew file mode {kind}\n"
    if not text:
        return header
    lines = text.split("\n")
    ends_well = lines[-1] == ""
    body = [f"+{line}" for line in (lines[:-1] if ends_well else lines)]
    name = _quoted("b/" + path) + ("\t" if " " in path else "")
    hunk = [f"@@ -0,0 +1,{len(body)} @@", *body, *([] if ends_well else [_NO_NEWLINE])]
    return f"{header}--- /dev/null\n+++ {name}\n" + "\n".join(hunk) + "\n"


def _quoted(path: str) -> str:
    """Return a name as git writes it into a patch: in C's quotes where a byte of it is not plain."""
    plain = [chr(byte) if 0x20 <= byte < 0x7F and byte not in b'"\\' else f"\\{byte:03o}" for byte in os.fsencode(path)]
    return path if "".join(plain) == path else f'"{"".join(plain)}"'


def _text(content: bytes) -> str | None:
    try:
        return None if b"\0" in content else content.decode()
    except UnicodeDecodeError:
        return None


def _split(answer: bytes) -> list[str]:
    return [os.fsdecode(part) for part in answer.split(b"\0") if part]


def _shown(path: str) -> str:
    return redact(os.fsencode(path).decode(errors="replace"))


__all__ = ["GitError", "Patch", "is_secret_file", "read_patch"]
