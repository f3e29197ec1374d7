"""The Dask cluster that takes the inner parallelism of a step, as scikit-learn's `n_jobs`, by way of joblib."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from urllib.parse import urlsplit


class Cluster:
    """A connection of the process of the steps to the scheduler at `address`, such as tcp://10.0.0.1:8786."""

    def __init__(self, address: str) -> None:
        from distributed import Client

        self._client = Client(address, set_as_default=False, name="trackbook-step")
        parts = urlsplit(address)
        found = socket.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_STREAM)
        self.places = frozenset((str(place[0]), int(place[1])) for *_, place in found)
        """Where it connects to: an address and a port each."""

    @contextmanager
    def used(self, script: ModuleType) -> Iterator[None]:
        """Let joblib hand its work to the cluster; what the project's modules define travels by value."""
        import cloudpickle
        import joblib

        for module in [script, *_own_modules()]:
            cloudpickle.register_pickle_by_value(module)
        with joblib.parallel_config(backend="dask", client=self._client):
            yield


def _own_modules() -> list[ModuleType]:
    """Return the modules that were imported from the project's folder, which is the working directory."""
    inside = os.path.join(os.getcwd(), "")  # noqa: PTH109, PTH118 - text in, text out
    return [module for module in list(sys.modules.values()) if str(getattr(module, "__file__", "")).startswith(inside)]
