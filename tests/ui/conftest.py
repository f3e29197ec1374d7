"""A real JupyterLab on the quickstart, and a real Chromium to look at it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from support.jupyter import JupyterServer

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
THEMES = ("JupyterLab Light", "JupyterLab Dark")
CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

expect.set_options(timeout=60_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything here, and skip it where JupyterLab would not find the panel."""
    installed = (Path(sys.prefix) / "share/jupyter/labextensions/trackbook/package.json").exists()
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.ui)
            # Where tests/run has made the environment, a panel that is not there is a failure, and shows as one.
            if not installed and "TRACKBOOK_SCREENSHOTS" not in os.environ:
                item.add_marker(pytest.mark.skip("the Lab extension is not installed here; use ./tests/run"))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Use the Chromium that tests/run found, else the one on the PATH, else Playwright's own."""
    chromium = os.environ.get("TRACKBOOK_CHROMIUM") or shutil.which("chromium")
    where = {"executable_path": chromium} if chromium else {}
    return {**browser_type_launch_args, **where, "args": CHROMIUM_FLAGS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """Give pages the size of a laptop's window."""
    return {**browser_context_args, "viewport": {"width": 1440, "height": 900}}


@contextmanager
def quickstart_lab(folder: Path) -> Iterator[JupyterServer]:
    """Run JupyterLab over a new folder in `folder`, which holds the quickstart notebook and its policy."""
    root, home = folder / "quickstart", folder / "home"
    root.mkdir()
    home.mkdir()
    for name in ("quickstart.ipynb", "trackbook.toml"):
        shutil.copyfile(NOTEBOOKS / name, root / name)
    settings = home / "config/lab/user-settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"fetchNews": "false", "checkForUpdates": false}')
    server = JupyterServer(root, home, "--expose-app-in-browser", app="lab")
    try:
        yield server.wait()
    finally:
        server.kill()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[JupyterServer]:
    """JupyterLab with the quickstart, for one test alone."""
    with quickstart_lab(tmp_path) as server:
        yield server


@pytest.fixture(scope="module")
def shared_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """The same for all tests of a module, that each leave it as the others need it."""
    with quickstart_lab(tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture
def screenshot(page: Page) -> Callable[[str], None]:
    """Photograph the page in both themes; `tests/run` says where the pictures are."""
    folder = Path(os.environ.get("TRACKBOOK_SCREENSHOTS", Path(__file__).parents[1] / "output" / "screenshots"))
    folder.mkdir(parents=True, exist_ok=True)

    def take(name: str) -> None:
        for theme in reversed(THEMES):
            page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
            page.wait_for_timeout(350)  # the theme's style sheet and the charts follow
            page.locator("#jupyterlab-splash").wait_for(state="detached")  # it covers the page while a theme loads
            page.screenshot(path=folder / f"{name}-{theme.split()[-1].lower()}.png")

    return take
