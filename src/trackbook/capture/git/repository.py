"""A git checkout, asked through git's own command; nothing that its configuration names is executed."""

from __future__ import annotations

import os
import subprocess
from functools import cached_property
from pathlib import Path

GIT_SECONDS = 5.0

# No hook, pager, monitor or transport of the repository's own configuration runs, and nothing is fetched or locked.
_SAFE = (
    *("-c", "core.fsmonitor=false"),
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "protocol.allow=never"),
    *("-c", "core.quotePath=true"),
    "--no-pager",
)
_SETTINGS = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_LITERAL_PATHSPECS": "1", "LC_ALL": "C"}
# They would lead git to another repository than the folder's own, or to another program.
_MISLEADING = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_PREFIX"),
    *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_EXTERNAL_DIFF", "GIT_DIFF_OPTS"),
)
_REFUSED = "detected dubious ownership"


class GitError(Exception):
    """Git gave no answer; the text is the reason, for a person."""


class Repository:
    """The checkout in the folder `root`, whose `.git` is, or leads to, `git_dir`."""

    def __init__(self, root: Path, git_dir: Path) -> None:
        self.root = root
        self.git_dir = git_dir
        self._filters: list[str] = []

    @classmethod
    def find(cls, folder: Path) -> Repository | None:
        """Return the checkout that holds `folder`."""
        for parent in (folder, *folder.parents):
            if not os.path.lexists(f"{parent}/.git"):
                continue
            marker = parent / ".git"
            if marker.is_dir():
                return cls(parent, marker)
            if marker.is_file():  # a worktree or a submodule: `gitdir: PATH`
                target = marker.read_text(encoding="utf-8", errors="replace").removeprefix("gitdir:").strip()
                return cls(parent, (parent / target).resolve())
        return None

    @cached_property
    def _shared(self) -> Path:
        """The folder of what all worktrees share."""
        common = self.git_dir / "commondir"
        if not common.is_file():
            return self.git_dir
        return self.git_dir / common.read_text(encoding="utf-8", errors="replace").strip()

    @cached_property
    def config_file(self) -> Path:
        """The repository's own configuration."""
        return self._shared / "config"

    @cached_property
    def exclude_file(self) -> Path:
        """The rules for ignored files that are in no commit."""
        return self._shared / "info" / "exclude"

    def run(self, *arguments: str, given: bytes = b"") -> bytes:
        """Return what `git ARGUMENTS` prints, with `given` on its standard input; raises GitError."""
        try:
            answer = subprocess.run(
                ["git", "-C", str(self.root), *_SAFE, *arguments],
                input=given,
                capture_output=True,
                timeout=GIT_SECONDS,
                check=False,
                env=self._environment(),
            )
        except FileNotFoundError as error:
            raise GitError("there is no git on the PATH") from error
        except subprocess.TimeoutExpired as error:
            raise GitError(f"git {arguments[0]} took more than {GIT_SECONDS:.0f} s") from error
        except (OSError, ValueError) as error:
            raise GitError(f"git cannot be started: {error}") from error
        if answer.returncode != 0:
            raise GitError(_reason(arguments[0], answer.stderr.decode(errors="replace"), self.root))
        return answer.stdout

    def config(self) -> dict[str, str]:
        """Return the configuration in force, the last of several values; its filters never run from now on."""
        entries = self.run("config", "--null", "--list").decode(errors="replace").split("\0")
        found = {name: value for name, _, value in (entry.partition("\n") for entry in entries)}
        self._filters = [name for name in found if name.startswith("filter.")]
        return found

    @property
    def has_filters(self) -> bool:
        """Whether the configuration, as it was last read, names programs that content passes through."""
        return bool(self._filters)

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in _MISLEADING} | _SETTINGS
        if self._filters:
            count = kept.get("GIT_CONFIG_COUNT", "0")
            first = int(count) if count.isdecimal() else 0
            for number, name in enumerate(self._filters, first):
                kept[f"GIT_CONFIG_KEY_{number}"] = name
                kept[f"GIT_CONFIG_VALUE_{number}"] = "false" if name.endswith(".required") else ""
            kept["GIT_CONFIG_COUNT"] = str(first + len(self._filters))
        return kept


def _reason(command: str, complaint: str, root: Path) -> str:
    if _REFUSED in complaint:
        return (
            f"git refuses {root}, which belongs to somebody else; if you trust it: "
            f"git config --global --add safe.directory '{root}'"
        )
    first = complaint.strip().partition("\n")[0]
    return f"git {command}: {first or 'no answer'}"
