"""A mirror of the user's folders, in which a repeat may write: every path has its image below one temporary folder.

The image of `/home/ada/work/data.csv` is `…/files/home/ada/work/data.csv`, so that relative paths that leave the
project, such as `../shared/data.csv`, lead to images too.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from trackbook.tracking.reproduction.workspace import copy_folder

MAX_SPARE = 100_000_000
"""Files of the project that are larger, in bytes, are copied only when the run is known to have used them."""


class Mirror:
    """The image of a project's folder `root`, and of single files elsewhere, below `folder`.

    A project that was moved since its run still has its image under the `root` that the run knew; `lies` is where it
    is now.
    """

    def __init__(self, folder: Path, root: Path, lies: Path | None = None) -> None:
        self.folder = folder
        self.root = root.absolute()
        self.lies = (lies or root).absolute()
        self._files = folder / "files"
        self._moved: dict[str, str] = {}
        self._linked: set[str] = set()
        self._redirected: set[str] = set()
        self._add(self.root)

    def image(self, path: Path) -> Path:
        """Return where the image of an absolute path lies, whether there is one or not."""
        return self._files / path.relative_to(path.anchor)

    def real(self, path: Path) -> Path:
        """Return where a file that the run knew as `path` lies now."""
        if self.lies != self.root and path.is_relative_to(self.root):
            return self.lies / path.relative_to(self.root)
        return path

    def holds(self, path: Path) -> bool:
        """Say whether a path lies in the project, and so has an image unless it was left out."""
        return any(path.is_relative_to(root) for root in {self.root, self.root.resolve()})

    def fill(self, used: Iterable[Path]) -> None:
        """Copy the project; of the files above `MAX_SPARE` only those that are `used`.

        Raises DataError when it is too large to copy.
        """
        known = {self.real(path) for path in used}

        def wanted(path: Path) -> bool:
            return path.stat().st_size <= MAX_SPARE or path in known

        copy_folder(self.lies, self.image(self.root), wanted=wanted)
        self._linked = set(_linked_folders(self.image(self.root)))

    def place(self, path: Path, content: bytes) -> None:
        """Put `content` where the image of `path` lies; texts of the program that name the path name the image."""
        image = self._image_for(path)
        image.unlink(missing_ok=True)
        image.write_bytes(content)

    def place_copy(self, path: Path) -> None:
        """Make an image of a file outside the project."""
        shutil.copy2(path, self._image_for(path))

    def remove(self, path: Path) -> None:
        """Take the image of a file away."""
        self._image_for(path).unlink(missing_ok=True)

    def redirect(self, path: Path) -> None:
        """Let texts of the program that name a file outside the project name its image, which need not exist."""
        self._image_for(path)
        self._redirected.add(str(path))

    def translated(self, source: str) -> str:
        """Return a cell with the paths of the project, and of files that have images, replaced by those images."""
        for original, image in self._names():
            quoted = image.replace("\\", "\\\\")
            source = re.sub(rf"(?<![\w.~-]){re.escape(original)}(?![\w-]|\.\w)", quoted, source)
        return source

    def original(self, text: str) -> str:
        """Return a text of the repeat with the images' paths replaced by the user's own."""
        text = text.replace(f"{self._files}{os.sep}", os.sep)
        return text.replace(f"{self._files.resolve()}{os.sep}", os.sep)

    @property
    def protected(self) -> tuple[str, ...]:
        """The folders in which nothing may change, and files that only their images stand for.

        Folders that the project links to are not copied: what lies in them can be read and not changed.
        """
        return tuple({str(self.lies), str(self.root)} | self._linked | self._redirected)

    @property
    def moved(self) -> dict[str, str]:
        """The folders and files that have images, each with its image."""
        return dict(self._moved)

    def _image_for(self, path: Path) -> Path:
        if self.holds(path) and not path.is_relative_to(self.root):
            path = self.root / path.relative_to(self.root.resolve())
        image = self.image(path)
        self._unlink_folders(image)
        image.parent.mkdir(parents=True, exist_ok=True)
        if not self.holds(path):
            self._add(path)
        return image

    def _unlink_folders(self, image: Path) -> None:
        """Make real folders, of links to what is in them, of the linked folders on the way to an image."""
        for parent in reversed(image.relative_to(self.folder).parents):
            folder = self.folder / parent
            if folder.is_symlink():
                target = folder.resolve()
                folder.unlink()
                folder.mkdir()
                for entry in target.iterdir():
                    (folder / entry.name).symlink_to(entry)

    def _add(self, path: Path) -> None:
        if path != Path(path.anchor):  # a project at the very top would turn every slash of the program into a path
            self._moved[str(path)] = str(self.image(path))

    def _names(self) -> list[tuple[str, str]]:
        """Return the ways to write the paths that have images, the longest first."""
        names = dict(self._moved)
        home = Path.home()
        for path, image in self._moved.items():
            names.setdefault(str(Path(path).resolve()), image)
            if Path(path).is_relative_to(home) and Path(path) != home:
                names.setdefault(f"~/{Path(path).relative_to(home).as_posix()}", image)
        return sorted(names.items(), key=lambda pair: -len(pair[0]))


def _linked_folders(folder: Path) -> Iterator[str]:
    for base, folders, _ in os.walk(folder):
        yield from (os.path.realpath(Path(base, name)) for name in folders if Path(base, name).is_symlink())


def place_of(started: Path, root: Path) -> tuple[Path, Path]:
    """Return the project's folder as a run knew it that started in the folder `started`, and where that lies now.

    `root` is the project as it is.  Where `started` is gone, the project was moved, and is known by the folders in it;
    where it lies elsewhere, the run was of another project that shares the store.
    """
    if any(started.is_relative_to(known) for known in (root, root.resolve())):
        return root, root
    if started.is_dir():
        return started, started
    parts = started.parts
    for length in range(1, len(parts) + 1):
        if root.joinpath(*parts[length:]).is_dir():
            return Path(*parts[:length]), root
    return root, root
