"""Do two files that runs wrote hold the same?  Text by lines, pictures by pixels, tables and arrays by content.

Pickles of the user's own runs are read in a process of their own: `python -m trackbook.pipeline.verification.written`.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trackbook.pipeline.verification.comparing import changed_parts, where
from trackbook.pipeline.verification.figures import pixels_apart
from trackbook.pipeline.verification.record import Noted, Recorder, read_notes
from trackbook.store.connection import dump_of
from trackbook.tracking.reproduction.processes import worker_environment
from trackbook.tracking.reproduction.texts import text_difference

Apart = tuple[str, str]
"""What the one and the other file hold, in words."""

_PICKLES = frozenset({".pkl", ".pickle", ".joblib", ".sav", ".model"})
_SECONDS = 120
_CHANCE = re.compile(
    rb"/(?:Creation|Mod)Date \([^)]*\)|%%CreationDate: .*|<dc:date>.*?</dc:date>|/Producer \([^)]*\)"
    rb'|\b(?:id|clip-path|xlink:href)="[^"]*"'
)
"""What Matplotlib writes into PDF, PostScript and SVG that is the time, or drawn by chance."""


def file_difference(first: Path, second: Path) -> Apart | None:
    """Return words for how two files differ, None when they hold the same.

    Raises ValueError, with the reason, where files whose bytes differ cannot be compared.
    """
    if first.read_bytes() == second.read_bytes():
        return None
    suffix = first.suffix.lower()
    if suffix in _PICKLES:
        return _pickles(first, second)
    compare = _BY_SUFFIX.get(suffix, _bytes)
    try:
        return compare(first, second)
    except ImportError as error:
        raise ValueError(f"its bytes differ, and reading it needs {error.name}") from error
    except Exception as error:  # noqa: BLE001 - readers of many formats; a file may have a false suffix
        return _bytes(first, second) and (
            _size(first),
            f"{_size(second)}, other bytes (no {suffix} file: {type(error).__name__})",
        )


def _bytes(first: Path, second: Path) -> Apart | None:
    left, right = first.read_bytes(), second.read_bytes()
    if b"\0" not in left[:8192] and b"\0" not in right[:8192]:
        return text_difference(left, right)
    return None if left == right else (_size(first), f"{_size(second)}, other bytes")


def _size(path: Path) -> str:
    return f"{path.stat().st_size} bytes"


def _documents(first: Path, second: Path) -> Apart | None:
    left, right = (_CHANCE.sub(b"", path.read_bytes()) for path in (first, second))
    if left == right:
        return None
    return text_difference(left, right) if first.suffix.lower() == ".svg" else (_size(first), "another document")


def _pictures(first: Path, second: Path) -> Apart | None:
    import numpy
    from PIL import Image

    def pixels(path: Path) -> Any:
        with Image.open(path) as image:
            return numpy.asarray(image.convert("RGBA"))

    left, right = pixels(first), pixels(second)
    share = pixels_apart(left, right)
    if share == 0:
        return None
    sizes = [f"a picture of {array.shape[1]} x {array.shape[0]}" for array in (left, right)]
    return (sizes[0], sizes[1]) if left.shape != right.shape else (sizes[0], f"{share:.2%} of its pixels differ")


def _compressed(opened: Callable[[Path], Any]) -> Callable[[Path, Path], Apart | None]:
    def compare(first: Path, second: Path) -> Apart | None:
        return _members({first.stem: opened(first).read()}, {first.stem: opened(second).read()})

    return compare


def _archives(first: Path, second: Path) -> Apart | None:
    members = []
    for path in (first, second):
        with zipfile.ZipFile(path) as archive:
            members.append({name: archive.read(name) for name in archive.namelist()})
    return _members(*members)


def _members(first: dict[str, bytes], second: dict[str, bytes]) -> Apart | None:
    if gone := first.keys() ^ second.keys():
        name = min(gone)
        return (f"with {name}", f"without {name}") if name in first else (f"without {name}", f"with {name}")
    with tempfile.TemporaryDirectory(prefix="trackbook-members-") as folder:
        paths = [Path(folder) / side for side in "ab"]
        for path in paths:
            path.mkdir()
        for place, name in enumerate(first):
            inner = [path / f"{place}{Path(name).suffix}" for path in paths]
            for path, content in zip(inner, (first[name], second[name]), strict=True):
                path.write_bytes(content)
            if (apart := file_difference(*inner)) is not None:
                return f"{name}: {apart[0]}", f"{name}: {apart[1]}"
    return None


def _databases(first: Path, second: Path) -> Apart | None:
    return text_difference(*(dump_of(path).encode() for path in (first, second)))


def _values(read: Callable[[Path], Any]) -> Callable[[Path, Path], Apart | None]:
    def compare(first: Path, second: Path) -> Apart | None:
        with tempfile.TemporaryDirectory(prefix="trackbook-values-") as folder:
            recorder = Recorder(Path(folder))
            for place, path in enumerate((first, second)):
                recorder.note(place, {"content": read(path)})
            return _noted(read_notes(Path(folder)), Path(folder))

    return compare


def _noted(notes: list[Noted], folder: Path) -> Apart | None:
    first, second = notes
    changed = changed_parts(first, folder, second, folder)
    if changed is None:
        raise ValueError("its bytes differ, and what it holds has no canonical form")
    return (f"{first.text}{where(first, second, changed)}", second.text) if changed else None


def _arrays(path: Path) -> Any:
    import numpy

    found = numpy.load(path, allow_pickle=False)
    return {name: found[name] for name in found.files} if hasattr(found, "files") else found


def _table(name: str) -> Callable[[Path], Any]:
    def read(path: Path) -> Any:
        import pandas

        return getattr(pandas, name)(path)

    return read


def _sheets(path: Path) -> Any:
    import pandas

    return pandas.read_excel(path, sheet_name=None, header=None)


def _pickles(first: Path, second: Path) -> Apart | None:
    """Compare pickles in a process that may run what they hold: the user's own code wrote them a moment ago."""
    with tempfile.TemporaryDirectory(prefix="trackbook-pickles-") as folder:
        command = [
            sys.executable,
            "-P",
            "-m",
            "trackbook.pipeline.verification.written",
            str(first),
            str(second),
            folder,
        ]
        try:
            done = subprocess.run(
                command, cwd=first.parent, env=worker_environment(), capture_output=True, timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise ValueError(f"its bytes differ, and reading it takes longer than {_SECONDS} s") from None
        if done.returncode:
            last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise ValueError(f"its bytes differ, and it cannot be read outside of the run: {last[:200]}")
        return _noted(read_notes(Path(folder)), Path(folder))


def note_pickles(paths: list[Path], folder: Path) -> None:
    """Note what pickles hold."""
    import pickle

    recorder = Recorder(folder)
    for place, path in enumerate(paths):
        sys.path.insert(0, str(path.parent))
        try:
            with path.open("rb") as file:
                value = pickle.load(file)  # noqa: S301 - written by the user's own code in this verification
        except pickle.UnpicklingError:
            import joblib

            value = joblib.load(path)
        recorder.note(place, {"content": value})


_IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp")
_BY_SUFFIX: dict[str, Callable[[Path, Path], Apart | None]] = {
    **dict.fromkeys(_IMAGES, _pictures),
    **dict.fromkeys((".svg", ".pdf", ".eps", ".ps"), _documents),
    **dict.fromkeys((".npy", ".npz"), _values(_arrays)),
    ".parquet": _values(_table("read_parquet")),
    ".feather": _values(_table("read_feather")),
    ".orc": _values(_table("read_orc")),
    **dict.fromkeys((".xlsx", ".xlsm"), _values(_sheets)),
    ".gz": _compressed(gzip.open),
    ".bz2": _compressed(bz2.open),
    ".xz": _compressed(lzma.open),
    ".zip": _archives,
    **dict.fromkeys((".db", ".sqlite", ".sqlite3"), _databases),
}


if __name__ == "__main__":
    note_pickles([Path(path) for path in sys.argv[1:3]], Path(sys.argv[3]))
