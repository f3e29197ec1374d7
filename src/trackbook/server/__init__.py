"""The Jupyter Server extension: what the panel in JupyterLab asks for, as REST under `/trackbook/api/`.

The server imports this module when it starts, so everything heavier waits in `trackbook.server.routes`.
"""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Name the module that Jupyter Server loads."""
    return [{"module": "trackbook.server"}]


def _load_jupyter_server_extension(server_app: Any) -> None:
    """Add the routes to a starting server."""
    from trackbook.server.routes import add_routes

    add_routes(server_app)
