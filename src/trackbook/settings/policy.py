"""`[roles]`, `[[approvals]]`, `[[protected]]` and `[models]`: who may move which model where."""

from __future__ import annotations

import msgspec

from trackbook.settings.gates import Stage
from trackbook.settings.people import check_roles, written_out


class ApprovalSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many people must approve before a version enters a stage.

    ```toml
    [[approvals]]
    stage = "production"
    count = 2
    approvers = ["carol", "leads"]
    expires_days = 30
    ```

    `approvers` are names of people or of `[roles]`.  An approval ends after `expires_days`; with `authenticated` only
    people whom JupyterHub or Jupyter's identity provider knows are counted.
    """

    approvers: tuple[str, ...]
    count: int = 1
    stage: Stage = "production"
    model: str = "*"
    expires_days: float = 30.0
    authenticated: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.count <= 100:
            raise ValueError(f"`count` of an approval lies between 1 and 100, not at {self.count}")
        if not self.approvers:
            raise ValueError("an approval needs `approvers`: names of people or of [roles]")
        if not 0 < self.expires_days < 100_000:
            raise ValueError(f"`expires_days` is a number of days, more than 0, not {self.expires_days}")


class ProtectedSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An alias that moves only to versions that meet the gates and approvals of a stage.

    ```toml
    [[protected]]
    alias = "live*"
    stage = "production"
    ```
    """

    alias: str
    stage: Stage = "production"
    model: str = "*"


class ModelSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[models]`: the types, beyond those skops trusts itself, that a stored model may be built from.

    With `allow_pickle` models may be kept as pickles, which run any code of their author's when they are loaded.
    """

    trusted: tuple[str, ...] = ()
    allow_pickle: bool = False


def check_approvers(approvals: tuple[ApprovalSettings, ...], roles: dict[str, tuple[str, ...]]) -> None:
    """Raise ValueError when a role is empty or bears the name of a person, or an approval asks for too many people."""
    check_roles(roles, (name for approval in approvals for name in approval.approvers))
    for approval in approvals:
        people = written_out(approval.approvers, roles)
        if len(people) < approval.count:
            there = "1 person" if len(people) == 1 else f"{len(people)} people"
            raise ValueError(
                f"{approval.stage} asks for {approval.count} approvals, but {', '.join(approval.approvers)} is only "
                f"{there}; name more, or lower `count`"
            )
