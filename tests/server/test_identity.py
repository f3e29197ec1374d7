"""Who is behind a request, with Jupyter's own identity providers."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest
from jupyter_server.auth import IdentityProvider, User
from jupyter_server.auth.identity import LegacyIdentityProvider, PasswordIdentityProvider

from trackbook.registry.identity import Identity
from trackbook.server.identity import of_request

HANDLER = SimpleNamespace(log=logging.getLogger("test"))


class Company(IdentityProvider):
    """A provider that signs people in, as a company's does."""


@pytest.fixture(autouse=True)
def no_hub(monkeypatch):
    monkeypatch.delenv("JUPYTERHUB_API_URL", raising=False)


@pytest.mark.parametrize("provider", [IdentityProvider, PasswordIdentityProvider, LegacyIdentityProvider, Company])
def test_a_shared_token_authenticates_nobody(provider):
    """Whoever has the token of a server is a made-up anonymous person, whose name counts for nothing."""
    anonymous = IdentityProvider.generate_anonymous_user(provider(), HANDLER)
    found = of_request(anonymous, provider(), "ann")
    assert (found.name, found.authority) == ("ann", "")
    assert "does not tell people apart" in found.reason


def test_a_person_whom_a_provider_signed_in_is_authenticated():
    """JupyterHub's provider and a company's own name people; nobody signed in is nobody."""
    hub = type("JupyterHubIdentityProvider", (IdentityProvider,), {"__module__": "jupyterhub.singleuser.extension"})
    assert of_request(User("carol"), hub(), "ann") == Identity("carol", "jupyterhub")
    assert of_request(User("carol"), Company(), "ann") == Identity("carol", "jupyter")
    assert not of_request(None, Company(), "ann").is_authenticated
    assert not of_request(User("carol"), PasswordIdentityProvider(), "ann").is_authenticated
