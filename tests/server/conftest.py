"""A server over an empty folder, and projects below it, for every test that asks for one."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from support.jupyter import Answer, JupyterServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """A server over an empty folder, shared by all tests of a process; each test works in a folder of its own."""
    started = JupyterServer(tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("home"))
    try:
        yield started.wait()
    finally:
        started.stop()


class Workspace(NamedTuple):
    """A project of its own below the server's root, and how the server calls it."""

    server: JupyterServer
    root: Path
    id: str

    def get(self, path: str, **query: Any) -> Answer:
        """Ask about this project."""
        return self.server.get(path, project=self.id, **query)

    def post(self, path: str, content: Any) -> Answer:
        """Post JSON to this project."""
        return self.server.post(path, content, project=self.id)

    def patch(self, path: str, content: Any) -> Answer:
        """Change something of this project."""
        return self.server.patch(path, content, project=self.id)

    def put(self, path: str, content: Any) -> Answer:
        """Put something of this project in its place."""
        return self.server.put(path, content, project=self.id)

    def delete(self, path: str) -> Answer:
        """Delete something of this project."""
        return self.server.delete(f"{path}?project={self.id}")


@pytest.fixture
def workspace(server: JupyterServer, request: pytest.FixtureRequest) -> Workspace:
    """A folder with a `trackbook.toml` below the server's root, announced to the server."""
    root = server.root / f"project-{secrets.token_hex(4)}"
    root.mkdir()
    (root / "trackbook.toml").write_text("")
    answer = server.post("projects", {"path": f"{root.name}/notebook.ipynb"})
    return Workspace(server, root, answer.body["project_id"])
