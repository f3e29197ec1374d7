"""The rules that hold for every route."""

from __future__ import annotations

import http.client
import re

import pytest
from tornado.web import Application

import trackbook.server
from trackbook.server.routes import ROOT, ROUTES, add_routes


class _ServerApp:
    """As much of a ServerApp as adding routes needs, around a real tornado application."""

    def __init__(self, root_dir: str) -> None:
        self.root_dir = root_dir
        self.web_app = Application(base_url="/")


def _walk(router) -> list:
    """Return every rule below a tornado router, however deep."""
    rules = []
    for rule in router.rules:
        rules += _walk(rule.target) if hasattr(rule.target, "rules") else [rule]
    return rules


def _examples(tmp_path) -> list[tuple[str, type]]:
    """Return a path that reaches each handler which tornado's router knows, and the handler."""
    app = _ServerApp(str(tmp_path))
    add_routes(app)
    rules = [rule for rule in _walk(app.web_app.default_router) if rule.matcher.regex.pattern.startswith(f"/{ROOT}")]
    fillings = {
        "([0-9a-f]{1,32})": "a1",
        "([0-9a-f]{64})": "a1" * 32,
        "([0-9a-f]{32})": "a1" * 16,
        "([0-9a-f]{16})": "a1" * 8,
        "([^/]+)": "model",
        "([0-9]{1,9})": "1",
        "([A-Za-z0-9_-]{1,64})": "a1",
        ".*": "else",
    }
    examples = []
    for rule in rules:
        path = rule.matcher.regex.pattern.rstrip("$")
        for pattern, filling in fillings.items():
            path = path.replace(pattern, filling)
        assert rule.matcher.regex.match(path), f"no example path for {rule.matcher.regex.pattern}"
        examples.append((path.lstrip("/"), rule.target))
    return examples


def test_every_method_of_every_handler_refuses_whoever_has_no_token(server, tmp_path):
    examples = _examples(tmp_path)
    assert len(examples) == len(ROUTES)
    for path, handler in examples:
        for method in handler.SUPPORTED_METHODS:
            # http.client, because urllib follows redirects, and a redirect to a login page would be no refusal.
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            connection.request(method, f"/{path}", body=b"{}" if method in ("POST", "PUT", "PATCH") else None)
            status = connection.getresponse().status
            connection.close()
            assert status == 403, f"{method} {path} answered {status} without a token"


def test_a_wrong_token_is_no_token(server):
    answer = server.request("GET", "trackbook/api/runs", headers={"Authorization": "token wrong"})
    assert answer.status == 403
    assert answer.body["error"]["code"] == "forbidden"


def test_the_docstring_lists_exactly_the_methods_that_there_are(tmp_path):
    """A GET changes nothing, so whatever changes something is a POST, a PATCH or a DELETE."""
    found = set()
    for path, handler in ROUTES:
        own = {name for name in vars(handler) if name in ("get", "head", "post", "put", "patch", "delete")}
        assert own <= {"get", "post", "patch", "delete"}, handler
        found |= {(name.upper(), re.sub(r"\([^)]*\)", "{}", path)) for name in own if path != ".*"}
    rows = re.findall(r"^\| ([A-Z]+) \| `([^`?]*)", trackbook.server.__doc__, re.MULTILINE)
    assert {(method, re.sub(r"\{\w+\}", "{}", path)) for method, path in rows} == found


@pytest.mark.parametrize(
    "path", ["nothing", "runs/", "runs/xyz", "runs/..%2f..%2fetc", "models/a/versions/x/promotions"]
)
def test_an_unknown_path_answers_in_the_form_of_every_error(server, path):
    answer = server.get(path)
    assert (answer.status, answer.body["error"]["code"]) == (404, "not_found")


def test_a_body_that_is_wrong_names_the_field(server):
    answer = server.post("projects", {"paht": "a.ipynb"})
    assert (answer.status, answer.body["error"]["code"]) == (400, "usage")
    assert "paht" in answer.body["error"]["message"]


def test_a_method_that_a_resource_does_not_have_is_refused_in_the_same_form(server):
    answer = server.request("DELETE", "trackbook/api/runs", headers={"Authorization": f"token {server.token}"})
    assert (answer.status, answer.body["error"]["code"]) == (405, "method_not_allowed")
