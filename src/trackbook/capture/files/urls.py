"""URLs as they may be written down: without user, password, or anything in the query that opens a door."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit, urlunsplit

from trackbook.capture.redaction import MARK, redact

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_QUERY = re.compile(r"(?P<name>[^=&;]+)=(?P<value>[^&;]*)")
_SECRET = re.compile(
    r"(?:^|[-_.])(?:sig|signature|key|code|session|sas|jwt|hmac|credential|pass\w*|pwd|secret|token|auth\w*)(?:$|[-_.])"
    r"|(?:api|access|account|auth|client|private|secret|session)_?(?:key|keyid|token|secret)$",
    re.IGNORECASE,
)
MAX_URL = 2000


def is_url(text: str) -> bool:
    """Say whether a text names something by a scheme, such as `https` or `s3`, that is no local file."""
    return _SCHEME.match(text) is not None and not text.lower().startswith("file:")


def local_path(text: str) -> str:
    """Return the path that a `file:` URL names, any other text as it is."""
    return unquote(urlsplit(text).path) if text[:5].lower() == "file:" else text


def clean_url(url: str) -> str:
    """Return `url` with credentials, fragment and the secrets of its query taken out, at most `MAX_URL` long."""
    try:
        parts = urlsplit(url)
        place = parts.netloc.rpartition("@")[2]
        text = urlunsplit((parts.scheme, place, parts.path, parts.query, ""))
    except ValueError:  # no URL after all, such as one with half an IPv6 address
        text = re.sub(r"(?<=://)[^/@\s]*@", "", url).partition("#")[0]
    start, mark, query = redact(text, prose=True).partition("?")
    return (start + mark + _QUERY.sub(_masked, query))[:MAX_URL]


def _masked(match: re.Match[str]) -> str:
    return f"{match['name']}={MARK}" if _SECRET.search(match["name"]) else match[0]


def requested_url(connection: object, data: object) -> tuple[str, str] | None:
    """Return method and URL of what `http.client` is about to send; None for the rest of a request."""
    if not isinstance(data, bytes | bytearray):
        return None
    method, _, rest = bytes(data[: MAX_URL + 20]).partition(b" ")
    target, version, _ = rest.partition(b" HTTP/")
    if not version or not method.isalpha() or b"\n" in target:
        return None
    path = target.decode("ascii", "replace")
    if is_url(path):
        return method.decode(), path
    host, port = str(getattr(connection, "host", "")), getattr(connection, "port", None)
    scheme = "https" if getattr(connection, "default_port", 80) == 443 else "http"
    return method.decode(), f"{place_url(scheme, host, port)}{path}"


def place_url(scheme: str, host: str, port: object) -> str:
    """Return the URL of a host, its port left out where the scheme says it."""
    name = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}.get(scheme)
    return f"{scheme}://{name}" if port in (usual, None) else f"{scheme}://{name}:{port}"
