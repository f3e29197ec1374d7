"""The IPython face: `%load_ext trackbook`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trackbook.ipython.views import RunViews

_ATTRIBUTE = "_trackbook_cells"


def load_ipython_extension(shell: Any, views: RunViews) -> None:
    """Install the magics and begin to listen to cells; `views` shows the runs that magics find."""
    from trackbook.data import paths
    from trackbook.ipython.magics import TrackbookMagics
    from trackbook.ipython.tracking import TrackedCells
    from trackbook.project import current

    if getattr(shell, _ATTRIBUTE, None) is not None:
        return
    with suppress(FileNotFoundError):  # of a folder that was deleted meanwhile; the first cell says so
        current.stay_in(Path.cwd())  # the notebook's folder; its cells may go elsewhere
    cells = TrackedCells(shell, current)
    cells.install()
    paths.install()
    setattr(shell, _ATTRIBUTE, cells)
    shell.register_magics(TrackbookMagics(shell, cells, current, views))


def unload_ipython_extension(shell: Any) -> None:
    """Stop listening to cells and take the magics away; what was recorded stays."""
    from trackbook.ipython.magics import TrackbookMagics
    from trackbook.project import current

    cells = getattr(shell, _ATTRIBUTE, None)
    if cells is not None:
        current.stay_in(None)
        cells.uninstall()
        setattr(shell, _ATTRIBUTE, None)
        for kind, magics in TrackbookMagics.magics.items():
            for name in magics:
                shell.magics_manager.magics[kind].pop(name, None)
