"""The rules that hold for every route."""

from __future__ import annotations

import re

import pytest

import trackbook.server
from support.routes import methods_of
from trackbook.server.routes import ROUTES


def test_a_wrong_token_is_no_token(server):
    answer = server.request("GET", "trackbook/api/runs", headers={"Authorization": "token wrong"})
    assert answer.status == 403
    assert answer.body["error"]["code"] == "forbidden"


def test_the_docstring_lists_exactly_the_methods_that_there_are():
    """A GET changes nothing, so whatever changes something is a POST, a PUT, a PATCH or a DELETE."""
    found = set()
    for path, handler in ROUTES:
        own = methods_of(handler)
        assert own <= {"get", "post", "put", "patch", "delete"}, handler
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
