"""Who acts on the registry, and who says so."""

from __future__ import annotations

from collections.abc import Callable

import msgspec


class Identity(msgspec.Struct, frozen=True):
    """A person or service by name; `authority` is who proved that it is them: ``jupyterhub`` or ``jupyter``.

    With an empty authority nobody did: the name is the login name on a machine, which its owner can choose; `reason`
    says why, where somebody could have.
    """

    name: str
    authority: str = ""
    reason: str = ""

    @classmethod
    def of(cls, user: str | Identity) -> Identity:
        """Return `user` itself, or a bare name as an identity that is not authenticated."""
        return cls(user) if isinstance(user, str) else user

    @property
    def is_authenticated(self) -> bool:
        """Whether somebody other than the person says who it is."""
        return bool(self.authority)

    @property
    def words(self) -> str:
        """The name, marked when nobody vouches for it."""
        return self.name if self.is_authenticated else f"{self.name} (not authenticated)"


Who = str | Identity | Callable[[], Identity]
"""A bare name, somebody, or how to find out who it is."""


def of_process(login: str) -> Identity:
    """Return who this process acts for: whom JupyterHub knows, where a hub started it, else `login`."""
    from trackbook.registry import hub  # which most machines have no use for

    return hub.identity(login) if hub.is_there() else Identity(login)
