"""A real Jupyter server in its own process, over a real project."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import psutil

import trackbook

START_SECONDS = 60.0


class Answer(NamedTuple):
    """What came back: status, headers, the JSON body or None, and the bytes."""

    status: int
    headers: dict[str, str]
    body: Any
    raw: bytes


class JupyterServer:
    """One server that serves `root`; everything of the user's own configuration is kept away from it."""

    def __init__(self, root: Path, home: Path, *arguments: str, app: str = "server") -> None:
        self.root = root
        self.patience = 30.0  # seconds that an answer may take
        self.token = secrets.token_hex(16)
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self._log = (home / "server.log").open("w+b")
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyter", app, "--no-browser", f"--port={self.port}"),
                *("--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={root}"),
                f"--IdentityProvider.token={self.token}",
                '--ServerApp.jpserver_extensions={"trackbook.server": True}',
                *(["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
                *arguments,
            ],
            cwd=root,
            env=isolated_environment(home),
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def wait(self) -> JupyterServer:
        """Return when the server answers; fail with its log when it does not."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                answer = self.get("status")
            except URLError:
                time.sleep(0.05)
                continue
            if answer.status == 200:
                return self
            break
        raise AssertionError(f"the server did not start:\n{self.log()}")

    def get(self, path: str, *, headers: dict[str, str] | None = None, **query: Any) -> Answer:
        """Ask with the token."""
        text = f"?{urlencode(query, doseq=True)}" if query else ""
        return self.request("GET", f"trackbook/api/{path}{text}", headers=self._signed(headers))

    def post(self, path: str, content: Any, **query: Any) -> Answer:
        """Post JSON with the token."""
        return self._send("POST", path, content, query)

    def patch(self, path: str, content: Any, **query: Any) -> Answer:
        """Patch with JSON and the token."""
        return self._send("PATCH", path, content, query)

    def put(self, path: str, content: Any, **query: Any) -> Answer:
        """Put JSON with the token."""
        return self._send("PUT", path, content, query)

    def delete(self, path: str) -> Answer:
        """Delete with the token."""
        return self.request("DELETE", f"trackbook/api/{path}", headers=self._signed(None))

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Send a request as it is, without a token unless `headers` hold one."""
        request = Request(self.url + path, data=body, method=method, headers=headers or {})
        try:
            with urlopen(request, timeout=self.patience) as response:
                return _answer(response.status, response.headers, response.read())
        except HTTPError as error:
            with error:
                return _answer(error.code, error.headers, error.read())

    def log(self) -> str:
        """What the server has written so far."""
        self._log.flush()
        return Path(self._log.name).read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """End the process and wait for it."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def kill(self) -> None:
        """End the process and all that it has started, at once: to shut down a kernel kindly takes seconds."""
        if self._process.poll() is None:
            server = psutil.Process(self._process.pid)
            for each in (server, *server.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    each.kill()
            self._process.wait()
        self._log.close()

    def _send(self, method: str, path: str, content: Any, query: dict[str, Any]) -> Answer:
        text = f"?{urlencode(query)}" if query else ""
        return self.request(method, f"trackbook/api/{path}{text}", json.dumps(content).encode(), self._signed(None))

    def _signed(self, headers: dict[str, str] | None) -> dict[str, str]:
        return {"Authorization": f"token {self.token}", **(headers or {})}


def isolated_environment(home: Path) -> dict[str, str]:
    """Return an environment in which Jupyter finds neither the user's configuration nor a store elsewhere."""
    hidden = ("JUPYTER", "TRACKBOOK", "JPY")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    folders = {
        "HOME": home,
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "IPYTHONDIR": home / "ipython",
    }
    # The server imports the very Trackbook that the tests import, also when that is not installed.
    source = str(Path(trackbook.__file__).parents[1])
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, [source, kept.get("PYTHONPATH")]))
    return kept | {name: str(folder) for name, folder in folders.items()}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answer(status: int, headers: Any, body: bytes) -> Answer:
    is_json = headers.get_content_type() == "application/json"
    return Answer(status, dict(headers), json.loads(body) if body and is_json else None, body)
