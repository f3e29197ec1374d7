"""A real S3 server on this machine: moto's, which speaks the protocol over HTTP."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}


class Bucket(NamedTuple):
    """An empty bucket, and how to reach it; `options` are fsspec's."""

    url: str
    options: dict[str, Any]


@contextmanager
def s3_server() -> Iterator[str]:
    """Serve S3 on a free port for the length of a `with` block; gives its address."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def make_bucket(endpoint: str) -> Bucket:
    """Make a bucket of a new name; the credentials must be in the environment."""
    import s3fs

    name = f"bucket-{uuid.uuid4().hex[:12]}"
    s3fs.S3FileSystem(endpoint_url=endpoint, skip_instance_cache=True).mkdir(name)
    return Bucket(f"s3://{name}/team", {"endpoint_url": endpoint})
