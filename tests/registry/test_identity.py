"""Who acts, asked of a real HTTP server that plays JupyterHub."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sklearn.linear_model import Ridge

from trackbook.project import Project
from trackbook.registry import hub
from trackbook.registry.identity import Identity, of_process

PEOPLE = {"t-ann": {"kind": "user", "name": "ann"}, "t-cull": {"kind": "service", "name": "cull"}}
ASKED: list[str] = []


class Hub(BaseHTTPRequestHandler):
    """Knows the tokens of a user and of a service, as JupyterHub's `GET /user` does."""

    def do_GET(self):
        ASKED.append(self.path)
        token = (self.headers["Authorization"] or "").removeprefix("token ")
        status = 302 if token == "t-away" else 200 if token in PEOPLE else 403
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(b"<html>" if token == "t-odd" else json.dumps(PEOPLE.get(token, {})).encode())

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def hub_url():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hub/api"
    server.shutdown()
    server.server_close()


@pytest.fixture
def environ(monkeypatch, hub_url):
    """Set what a hub sets for its servers, with a token; nothing of an earlier answer is left."""

    def given(token, url=hub_url):
        hub._answers.clear()
        ASKED.clear()
        monkeypatch.setenv("JUPYTERHUB_API_URL", url)
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", token)

    return given


def test_the_hub_says_who_this_is_once_for_some_minutes(environ):
    """A process that a hub started acts for the user whose token it has, and the hub is not asked for each act."""
    environ("t-ann")
    assert of_process("root") == of_process("root") == Identity("ann", "jupyterhub")
    assert ASKED == ["/hub/api/user"]


@pytest.mark.parametrize(
    ("token", "reason"),
    [("t-forged", "403"), ("t-cull", "knows no user"), ("t-away", "302"), ("t-odd", "did not say")],
)
def test_whom_the_hub_does_not_know_is_not_authenticated(environ, token, reason):
    """A forged token, a service's, a hub that sends the token elsewhere: the login name, and why."""
    environ(token)
    found = of_process("root")
    assert (found.name, found.authority) == ("root", "")
    assert reason in found.reason
    assert "/elsewhere" not in ASKED


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/hub/api", "file:///etc/passwd", "nonsense"])
def test_a_hub_that_does_not_answer_authenticates_nobody(environ, url):
    """No answer is an answer: not authenticated."""
    environ("t-ann", url)
    found = of_process("root")
    assert (found.name, found.is_authenticated) == ("root", False)
    assert "did not say who this is" in found.reason


def test_a_project_acts_for_whom_the_hub_knows_and_asks_only_when_somebody_acts(environ, tmp_path):
    """Events of a process in a hub bear the proved name; whoever only reads does not wait for the hub."""
    (tmp_path / "trackbook.toml").write_text('user = "carol"')
    project = Project.open(tmp_path)
    environ("t-ann")
    project.registry.summaries()
    assert ASKED == []
    project.registry.register(Ridge().fit([[0.0], [1.0]], [0.0, 1.0]), "m")
    version = project.registry.version("m", 1)
    assert (version.created_by, version.authority) == ("ann", "jupyterhub")


def test_a_name_in_the_environment_proves_nothing(monkeypatch, environ):
    """`JUPYTERHUB_USER` is anybody's to set, and nothing is asked over a network without a hub's address and token."""
    environ("t-ann")
    monkeypatch.delenv("JUPYTERHUB_API_TOKEN")
    monkeypatch.setenv("JUPYTERHUB_USER", "carol")
    assert of_process("root") == Identity("root")
    assert of_process("root").words == "root (not authenticated)"
    assert ASKED == []
