"""Who is behind a request, by the server's identity provider; a token that many may share names nobody."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trackbook.registry.identity import Identity, of_process

if TYPE_CHECKING:
    from jupyter_server.auth import IdentityProvider, User

_SHARED = "the server takes a token or a password, which does not tell people apart"
_BUILT_IN = ("jupyter_server.", "notebook.")


def of_request(user: User | None, provider: IdentityProvider | None, login: str) -> Identity:
    """Return the person that `provider` signed in as `user`; `login`, not authenticated, where it names nobody.

    Jupyter's own providers give whoever has the token a made-up name.  Behind them it is who started the server: whom
    JupyterHub knows as its owner, or the login on this machine.
    """
    module = type(provider).__module__
    made_up = user is None or re.fullmatch(r"[0-9a-f]{32}", user.username) is not None
    if user is None or provider is None or made_up or module.startswith(_BUILT_IN):
        owner = of_process(login)
        return owner if owner.is_authenticated or owner.reason else Identity(login, reason=_SHARED)
    return Identity(user.username, "jupyterhub" if module.startswith("jupyterhub.") else "jupyter")
