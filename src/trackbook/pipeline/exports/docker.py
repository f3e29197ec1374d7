"""Docker: an image with the locked environment, that runs the pipeline as a user without rights."""

from __future__ import annotations

import json
from collections.abc import Iterable

from trackbook.pipeline.exports.files import is_unedited
from trackbook.pipeline.exports.text import argument, comments, provenance
from trackbook.pipeline.exports.values import Export, Files, Lock

IGNORE = ".dockerignore"
REQUIREMENTS = "requirements.docker.txt"
USER = "10001"

_IGNORED = (
    *(".git", ".trackbook", ".venv*", "venv", "**/__pycache__", "**/.ipynb_checkpoints", "node_modules", ".cache"),
    *(".env*", "**/.env*", "**/*.pem", "**/*.key", "**/id_rsa*", "**/.netrc", "**/.aws", "**/.ssh", "**/credentials*"),
    *("Dockerfile*", IGNORE),
)

_BODY = """\
FROM {base} AS environment
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/environment
COPY {requirements}
# Of Trackbook itself the index is asked for this version: its hash is not known here.
RUN /opt/environment/bin/pip install --no-deps {hashes}-r /tmp/requirements.txt \\
    && /opt/environment/bin/pip install --no-deps {own}

FROM {base}
RUN useradd --uid {user} --create-home --shell /usr/sbin/nologin pipeline \\
    && install --directory --owner={user} --group={user} /project
COPY --from=environment /opt/environment /opt/environment
ENV PATH=/opt/environment/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /project
COPY --chown={user}:{user} . .
USER {user}:{user}
ENTRYPOINT ["trackbook"]
CMD {command}
"""


def files(export: Export) -> Files:
    """Return the Dockerfile, its requirements, and a `.dockerignore` where there is none of the user's."""
    assert export.lock is not None
    requirements = export.beside(REQUIREMENTS)
    body = _BODY.format(
        base=export.image or f"python:{export.lock.python}-slim",
        requirements=_words(requirements, "/tmp/requirements.txt"),  # noqa: S108 - in the image
        hashes="--require-hashes " if export.lock.hashed else "",
        own=export.requirements[0],
        user=USER,
        command=_words("pipeline", "run", argument(export.script)),
    )
    made = {export.output: comments([*provenance(export), "", *_remarks(export, export.lock)]) + body}
    made[requirements] = comments([*provenance(export), "", *_about(export.lock)]) + _lines(export.lock.lines)
    if not _keeps_theirs(export):
        made[IGNORE] = comments([*provenance(export), "No secrets and no store in an image."]) + _lines(_IGNORED)
    return made


def _words(*words: str) -> str:
    """Return words in the form that no shell reads."""
    return json.dumps(words, ensure_ascii=False)


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _keeps_theirs(export: Export) -> bool:
    """Tell whether there is a `.dockerignore` of a person's."""
    present = (export.present or {}).get(IGNORE)
    return present is not None and not is_unedited(present)


def _remarks(export: Export, lock: Lock) -> list[str]:
    lines = [f"Build it in the project's root: `docker build -f {export.output} -t {export.clean} .`"]
    if "@sha256:" not in export.image:
        lines.append("The base image is a version, which can be built anew: to pin its bytes, export with")
        lines.append("--image NAME@sha256:DIGEST (`docker buildx imagetools inspect NAME` tells the digest).")
    if not lock.hashed:
        lines.append("Versions are exact, and hashes are not known here: --resolve asks the package index for them.")
    if _keeps_theirs(export):
        lines.append(f"{IGNORE} is yours: see that it keeps secrets and .trackbook out.")
    return lines


def _about(lock: Lock) -> list[str]:
    if not lock.hashed:
        return ["What the script and Trackbook need, in the versions of the environment of the export."]
    lines = ["What the script and Trackbook need, each file by its hash, for the platform of the export."]
    return [*lines, *(f"Not on the index: {each}" for each in lock.left_out)]
