"""The table of routes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_server.utils import url_path_join

from trackbook.server.handlers import (
    DriftReportHandler,
    DriftReportsHandler,
    ModelsHandler,
    NothingHandler,
    ProjectsHandler,
    PromotionsHandler,
    RunHandler,
    RunsHandler,
    StatusHandler,
)
from trackbook.server.projects import Projects

ROOT = "trackbook/api"

ROUTES = (
    (r"status", StatusHandler),
    (r"projects", ProjectsHandler),
    (r"runs", RunsHandler),
    (r"runs/([0-9a-f]{1,32})", RunHandler),
    (r"models", ModelsHandler),
    (r"models/([^/]+)/versions/([0-9]{1,9})/promotions", PromotionsHandler),
    (r"drift-reports", DriftReportsHandler),
    (r"drift-reports/([A-Za-z0-9_-]{1,64})", DriftReportHandler),
    (r".*", NothingHandler),
)


def add_routes(server_app: Any) -> None:
    """Give the server the routes, all with one set of projects."""
    web_app = server_app.web_app
    prefix = url_path_join(web_app.settings["base_url"], ROOT)
    shared = {"projects": Projects(Path(server_app.root_dir))}
    web_app.add_handlers(".*$", [(url_path_join(prefix, path), handler, shared) for path, handler in ROUTES])
