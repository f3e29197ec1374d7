"""Two people on one server whose identity provider tells them apart, as a hub's or a company's does."""

from __future__ import annotations

import json

import pytest
from sklearn.linear_model import Ridge

from support.jupyter import JupyterServer
from trackbook.project import Project
from trackbook.registry import Identity

CONFIG = """
from jupyter_server.auth import IdentityProvider, User

class Company(IdentityProvider):
    async def get_user_token(self, handler):
        name = {"t-ann": "ann", "t-carol": "carol"}.get(self.get_token(handler))
        return User(name) if name else await super().get_user_token(handler)

c.ServerApp.identity_provider_class = Company
c.Company.token = "%s"
"""
POLICY = """
[[approvals]]
approvers = ["ann", "carol"]
authenticated = true
"""


@pytest.fixture
def server(tmp_path):
    root, home = tmp_path / "root", tmp_path / "home"
    root.mkdir()
    home.mkdir()
    (root / "trackbook.toml").write_text(POLICY)
    config = tmp_path / "config.py"
    started = JupyterServer(root, home, f"--config={config}")
    config.write_text(CONFIG % started.token)
    yield started.wait()
    started.kill()


def test_one_makes_it_another_approves_and_a_shared_token_does_neither(server):
    """Who is behind a request acts, proved by the provider; the author and whoever merely has the token have no say."""

    def post(token, path, content):
        headers = {"Authorization": f"token {token}"}
        path = f"trackbook/api/models/risk/versions/1/{path}"
        return server.request("POST", path, json.dumps(content).encode(), headers)

    project = Project.open(server.root)
    ann = project.registry_for(Identity("ann", "jupyter"))
    ann.register(Ridge().fit([[0.0], [1.0]], [0.0, 1.0]), "risk")
    said = {token: post(token, "approvals", {"approved": True}) for token in ("t-ann", server.token, "t-eve")}
    assert [answer.status for answer in said.values()] == [409, 409, 403]
    assert "nobody approves their own work" in said["t-ann"].body["error"]["message"]
    assert "not among those" in said[server.token].body["error"]["message"]
    assert post("t-ann", "promotions", {"stage": "production"}).status == 409
    assert post("t-carol", "approvals", {"approved": True, "comment": "well done"}).status < 300
    assert post("t-ann", "promotions", {"stage": "production"}).status < 300
    events = [(event.action, event.actor, event.authority) for event in ann.audit_events().events]
    assert events[0] == ("version_promoted", "ann", "jupyter")
    assert ("approval_given", "carol", "jupyter") in events
    assert not ann.standing("risk", 1).advisory
    assert ann.verify().ok
