"""Who this process is by JupyterHub: asked of the hub itself, as an environment variable is anybody's to set."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from http.client import HTTPException
from threading import Lock
from typing import Any

from trackbook.registry.identity import Identity

API_URL = "JUPYTERHUB_API_URL"
TOKEN = "JUPYTERHUB_API_TOKEN"  # noqa: S105 - the name of the variable
TIMEOUT_SECONDS = 2.0
MAX_ANSWER = 1_000_000
KNOWN_SECONDS = 300.0
UNKNOWN_SECONDS = 20.0
"""How long an answer of the hub is believed, and how long it is not asked again after none."""

_answers: dict[tuple[str, str], tuple[float, Identity]] = {}
_lock = Lock()


def is_there(environ: Mapping[str, str] = os.environ) -> bool:
    """Say whether this process was started by a hub, as far as it says so itself."""
    return bool(environ.get(API_URL) and environ.get(TOKEN))


def identity(login: str, environ: Mapping[str, str] = os.environ) -> Identity:
    """Return whom the hub takes the owner of this process's token for.

    Without an answer it is `login`, not authenticated, with the reason.  The answer is kept for some minutes.
    """
    key = (environ[API_URL], environ[TOKEN])
    with _lock:
        known = _answers.get(key)
        if known is None or known[0] < time.monotonic():
            found = _identity(login, *key)
            lasts = KNOWN_SECONDS if found.is_authenticated else UNKNOWN_SECONDS
            known = _answers[key] = (time.monotonic() + lasts, found)
    return known[1]


def _identity(login: str, url: str, token: str) -> Identity:
    try:
        answer = _ask(f"{url.rstrip('/')}/user", token)
    except (OSError, HTTPException, ValueError) as error:
        return Identity(login, reason=f"JupyterHub did not say who this is ({error})")
    name = answer.get("name") if isinstance(answer, dict) and answer.get("kind") == "user" else None
    if not (isinstance(name, str) and name.strip()):
        return Identity(login, reason="JupyterHub knows no user with the token of this process")
    return Identity(name, "jupyterhub")


def _ask(url: str, token: str) -> Any:
    from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

    class NoRedirect(HTTPRedirectHandler):
        """The token goes to the hub, and to no other place that an answer names."""

        def redirect_request(self, *_: Any) -> None:
            return None

    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{API_URL} is no address of a hub")
    request = Request(url, headers={"Authorization": f"token {token}"})  # noqa: S310 - checked above
    with build_opener(ProxyHandler({}), NoRedirect).open(request, timeout=TIMEOUT_SECONDS) as answer:
        return json.loads(answer.read(MAX_ANSWER))
