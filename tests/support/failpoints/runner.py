"""From a test to the warm process: the shim is compiled, a process is started with it, requests go there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec

import trackbook
from support.failpoints.zygote import Report, Request

SHIM = Path(__file__).with_name("shim.c")
TESTS = Path(__file__).parents[2]


def reason_to_skip() -> str | None:
    """Say why failpoints cannot be struck here; None when they can."""
    if sys.platform != "linux":
        return "the calls of a process are intercepted as Linux does it"
    if _compiler() is None:
        return "there is no C compiler for the shim that makes calls fail"
    return None


def _compiler() -> str | None:
    return next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)


class Failpoints:
    """A warm process below `folder`; with `modules` it knows their operations too."""

    def __init__(self, folder: Path, *modules: str) -> None:
        shim = folder / "shim.so"
        compiler = _compiler()
        assert compiler is not None
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", shim, SHIM, "-ldl"], check=True)
        source = Path(trackbook.__file__).parents[1]
        hidden = ("TRACKBOOK", "JPY")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.failpoints.zygote", str(folder), *modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=kept
            | {
                "LD_PRELOAD": str(shim),
                "TMPDIR": str(folder / "tmp"),
                "HOME": str(folder),
                "PYTHONPATH": os.pathsep.join([str(source), str(TESTS)]),
            },
        )

    def strike(self, request: Request) -> Report:
        """Do what is asked for and return what came of it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(request).decode() + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the warm process is gone"
        return msgspec.json.decode(answer, type=Report)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        assert self._process.wait(60) == 0
        self._process.stdout.close()
