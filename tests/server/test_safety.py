"""What holds for every method of every route, found by walking the router: nobody but who is signed in, no change by
looking, no change from elsewhere, and no text that leads out of the project."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
from collections.abc import Iterator
from itertools import islice, pairwise, product
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import nbformat
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from support.hostile import MANY, traversals
from support.routes import CHANGES, Route, bodies, body_of, routes
from support.sessions import Session
from trackbook.monitoring import detect_drift
from trackbook.project import Project
from trackbook.server.handlers import NothingHandler
from trackbook.server.routes import ROOT, ROUTES
from trackbook.store import events

SECRET = "a secret that lies outside of everything that the server serves"


class Client:
    """Asks the server as it is told to, without cleaning a path, and over one connection."""

    def __init__(self, port: int, **headers: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._headers = headers

    def ask(self, method: str, path: str, content: Any = None, **headers: str) -> tuple[int, bytes, Any]:
        """Return status, body and headers of the answer."""
        body = None if content is None else json.dumps(content).encode()
        self._connection.request(method, f"/{path}", body=body, headers=self._headers | headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read(), answer.headers

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> list[Route]:
    """Every route that tornado's router knows."""
    return routes(tmp_path_factory.mktemp("walked"))


@pytest.fixture
def client(server) -> Iterator[Client]:
    """Whoever has the token."""
    client = Client(server.port, Authorization=f"token {server.token}")
    yield client
    client.close()


@pytest.fixture
def full(workspace):
    """A project that holds one of everything that can be asked for, and what stands for it in a path."""
    project = Project.open(workspace.root)
    notebook = workspace.root / "study.ipynb"
    cells = [
        nbformat.v4.new_code_cell("depth = 3", id="a", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell("rows = list(range(depth))", id="b", metadata={"tags": ["step:load"]}),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), notebook)
    session = Session(project.store, notebook)
    run_id = session.track("c", "z = 1", [session.execute("a", "x = 1")])
    digest = project.store.objects.put(b"text")
    project.store.append(events.ArtifactLogged(run_id, "outputs/a.txt", digest, 4, "text/plain"))
    frame = pd.DataFrame({"id": [1, 2, 3], "age": [20.0, 30.0, 40.0]})
    for rows in (2, 3):
        project.data.snapshot(frame.iloc[:rows], "people", run_id=run_id)
    for slope in (1.0, 2.0):
        project.registry.register(
            Ridge().fit([[0.0], [1.0]], [0.0, slope]), "churn", run_id=run_id, metrics={"r2": 0.5}
        )
    values = pd.DataFrame({"x": np.linspace(0.0, 1.0, 50)})
    report = project.drift.record(detect_drift(values, values), "before", "after")
    answer = workspace.server.post("projects", {"path": f"{workspace.root.name}/study.ipynb"})
    stands = {
        "runs": run_id, "artifacts": digest, "notebooks": answer.body["notebook_id"], "datasets": "people",
        "models": "churn", "versions": "2", "aliases": "best", "comparison": "1",
        "drift-reports": getattr(report, "report_id", report),
    }  # fmt: skip
    project.store.drain(wait=10.0)
    return workspace, project, stands


QUERIES = {
    "diff": "against=1", "compare": "ids={runs}", "curves": "ids={runs}&keys=r2", "parallel": "ids={runs}",
    "groups": "by=status", "environment": "against={runs}"
}  # fmt: skip
"""What some resources cannot be asked without, by the last word of their path."""


JOBS = ("reproductions/", "conversions/", "pipeline-runs/", "checks/")
"""What is asked about by the id of a job; none is going on here."""

LACKING = ("/patch", "/trials")
"""What the run of the project does not have."""


def address(route: Route, stands: dict[str, str]) -> str:
    """Return the path and query with which `route` is asked about what there is."""
    words = route.pattern.split("/")
    pairs = pairwise(words)
    path = route.path(*(stands.get(before, "a1" * 16) for before, word in pairs if "(" in word))
    return f"{path}?{QUERIES.get(words[-1], '').format(**stands)}"


def digest_of(project: Project) -> dict[str, str]:
    """Return a digest of every row of every table, and of every other file of the project."""
    told = {}
    with project.store.read() as db:
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall():
            rows = sorted(repr(tuple(row)) for row in db.execute(f"SELECT * FROM [{table}]"))
            told[table] = hashlib.blake2b("\n".join(rows).encode()).hexdigest()
    return told | files_below(project.store.root.parent)


def files_below(folder: Path) -> dict[str, str]:
    """Return the digests of all files in a folder, but for the database, whose rows are looked at."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("trackbook.db"))
    return {str(path): hashlib.blake2b(path.read_bytes()).hexdigest() for path in found}


def test_every_method_of_every_handler_refuses_whoever_has_no_token(server, found):
    assert len(found) == len(ROUTES)
    client = Client(server.port)
    for route in found:
        for method in route.handler.SUPPORTED_METHODS:
            content = {} if method in CHANGES else None
            status, _, _ = client.ask(method, f"{ROOT}/{route.path()}", content)
            assert status == 403, f"{method} {route.pattern} answered {status} without a token"
    client.close()


def test_looking_at_everything_changes_nothing(full, found, client):
    """Neither a row of the database nor a file is another after GET and HEAD of every route."""
    workspace, project, stands = full
    before = digest_of(project)
    for route in found:
        if "GET" in route.methods:
            path = f"{ROOT}/{address(route, stands)}&project={workspace.id}"
            status, body, _ = client.ask("GET", path)
            lacks = route.handler is NothingHandler or route.pattern.startswith(JOBS) or route.pattern.endswith(LACKING)
            assert status == (404 if lacks else 200), (path, body)
            client.ask("HEAD", path)
    assert digest_of(project) == before


def test_no_page_of_another_site_changes_anything(server, full, found, client):
    """A browser that is signed in by its cookie, and sends that along from anywhere, needs the token against XSRF."""
    workspace, project, stands = full
    _, _, headers = client.ask("GET", "api/status")
    cookies = [each.split(";")[0] for each in headers.get_all("Set-Cookie") or []]
    signed = next(each for each in cookies if each.startswith("username-"))
    browser, before = Client(server.port, Cookie=signed), digest_of(project)
    for route in found:
        for method in CHANGES:
            if method in route.methods:
                kind = route.body(method)
                content = {} if kind is None else body_of(kind)
                path = f"{ROOT}/{address(route, stands)}&project={workspace.id}"
                status, body, _ = browser.ask(method, path, content)
                assert (status, b"_xsrf" in body) == (403, True), (method, route.pattern, status, body)
    assert digest_of(project) == before
    # With it, the same browser may: so it was for the want of it that all was refused.
    tokens = {"Cookie": f"{signed}; _xsrf={'ab' * 16}", "X-XSRFToken": "ab" * 16}
    path = f"{ROOT}/projects"
    assert browser.ask("POST", path, {"path": f"{workspace.root.name}/study.ipynb"}, **tokens)[0] == 200
    browser.close()


SHARES = 4
"""Into how many tests the requests are dealt, so that several processes can share them."""


@pytest.mark.parametrize("share", range(SHARES))
def test_no_text_leads_to_a_failure_or_to_a_file_outside(server, full, found, client, share):
    """Two hundred texts in every place of a path, every name of a query and every field of a body that takes a text."""
    workspace, _, stands = full
    outside = server.root.parent / "outside"
    outside.mkdir(exist_ok=True)
    for place in (outside, server.root.parent, workspace.root.parent / "elsewhere"):
        place.mkdir(exist_ok=True)
        (place / "secret.txt").write_text(SECRET)
    before = outer_files(server.root.parent, workspace.root)
    corpus = traversals(str(outside))
    assert len(set(corpus)) == MANY
    wrong = []
    for method, path, content in islice(attempts(found, stands, workspace.id, corpus), share, None, SHARES):
        status, body, _ = client.ask(method, f"{ROOT}/{path}", content)
        if status >= 500 or SECRET.encode() in body:
            wrong.append((method, path[:200], str(content)[:200], status, body[:200]))
    assert not wrong, f"{len(wrong)} of them, the first: {wrong[:5]}"
    assert outer_files(server.root.parent, workspace.root) == before


def attempts(
    found: list[Route], stands: dict[str, str], project: str, corpus: list[str]
) -> Iterator[tuple[str, str, Any]]:
    """Yield method, path and body of all requests with a text of `corpus` in one place and what there is elsewhere.

    What several routes read by the same lines of one class is tried at the first of them.
    """
    read: set[tuple[type, str]] = set()
    for route in found:
        filled, _, query = address(route, stands).partition("?")
        new = sorted({name for _, name in route.queries - read})
        read |= route.queries
        for method in route.methods:
            kind = route.body(method)
            content = None if kind is None else body_of(kind)
            for path in _paths(route, stands, corpus):
                yield method, f"{path}?{query}&project={project}", content
            for name, text in product(new, corpus):
                yield method, f"{filled}?{query}&{urlencode({'project': project} | {name: text})}", content
            for text in corpus if kind is not None else ():
                yield from ((method, f"{filled}?project={project}", body) for body in bodies(kind, text))
    raw = [text for text in corpus if re.fullmatch(r"[!-~]+", text) and not {"?", "#"} & set(text)]
    yield from (("GET", f"{before}{text}{after}", None) for text in raw for before, after in RAW)


RAW = (("", ""), ("datasets/", "/versions"), ("models/", ""))
"""Where a text is put into a path as it is, without being written as one part of it."""


def _paths(route: Route, stands: dict[str, str], corpus: list[str]) -> Iterator[str]:
    """Yield the paths of a route with a text in one place that takes any; no other place lets one of them through."""
    words = route.pattern.split("/")
    for place, word in enumerate(words):
        if word == "([^/]+)":
            rest = address(route, stands).partition("?")[0].split("/")
            for text in corpus:
                yield "/".join([*rest[:place], quote(text, safe=""), *rest[place + 1 :]])


def test_places_of_ids_and_numbers_let_no_text_through_that_leads_elsewhere(found):
    """The router itself refuses such texts: what those places take holds no point, slash, colon, percent sign or NUL."""
    places = {place for route in found for place in route.places if place != "([^/]+)"}
    for text in traversals("/outside"):
        taken = [place for place in places if re.fullmatch(place, text)]
        assert not taken or re.fullmatch("[A-Za-z0-9_-]{1,64}", text), (text, taken)


def outer_files(folder: Path, project: Path) -> dict[str, bytes]:
    """Return all files in `folder` but those of the project, of the server itself and of its own project."""
    apart = (project, *folder.glob("home*"), *folder.glob("root*/.trackbook"))
    found = (
        path for path in folder.rglob("*") if path.is_file() and not any(path.is_relative_to(own) for own in apart)
    )
    return {str(path): path.read_bytes() for path in found if not path.name.startswith("trackbook.db")}
