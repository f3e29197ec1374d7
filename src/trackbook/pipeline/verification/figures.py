"""Figures of Matplotlib as they look when they are closed: noted in a kernel or a script, and compared by pixels."""

from __future__ import annotations

import io
import re
import sys
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import wrapt

_NUMBER = re.compile(r"[-\u2212+]?[\d.,]*(?:e[-\u2212+]?\d+)?|\$\\mathdefault\{.*\}\$")
DPI = 50
LEVELS = 2
"""How far a channel of a pixel may be apart, of 255: the last digits of numbers may move an edge that little."""


class Drawn(msgspec.Struct, frozen=True):
    """A figure that a step (-1: unknown) left: the file with its pixels, empty where they could not be drawn.

    `texts` are its title, labels and notes; `reason` says why there are no pixels.
    """

    step: int
    pixels: str
    texts: tuple[str, ...] = ()
    reason: str = ""


class FigureWatch:
    """Draws every figure of pyplot when it is closed, and at the end those that are still open."""

    def __init__(self, folder: Path) -> None:
        self.step = -1
        self._folder, self._count = folder, 0
        wrapt.register_post_import_hook(self._watch, "matplotlib._pylab_helpers")

    def finish(self) -> None:
        """Note the figures that are open."""
        helpers = sys.modules.get("matplotlib._pylab_helpers")
        if helpers is not None:
            for manager in list(helpers.Gcf.figs.values()):
                self._note(manager.canvas.figure)

    def _watch(self, module: Any) -> None:
        registry = module.Gcf
        close_one, close_all = registry.destroy, registry.destroy_all

        def destroy(num: Any) -> None:
            manager = registry.figs.get(num) if isinstance(num, int) else num
            if manager is not None and manager in registry.figs.values():
                self._note(manager.canvas.figure)
            close_one(num)

        def destroy_all() -> None:
            self.finish()
            close_all()

        registry.destroy, registry.destroy_all = staticmethod(destroy), staticmethod(destroy_all)

    def _note(self, figure: Any) -> None:
        import numpy

        self._count += 1
        name, reason = f"figure-{self._count}.npz", ""
        try:
            texts = tuple(text for item in figure.findobj(_is_text) if _says_something(text := item.get_text()))
            numpy.savez_compressed(self._folder / name, pixels=_pixels(figure, numpy))
        except Exception as error:  # noqa: BLE001 - drawing runs code of the user's artists, which may raise anything
            name, texts, reason = "", (), f"it cannot be drawn: {type(error).__name__}: {error}"
        with (self._folder / "figures.jsonl").open("ab") as file:
            file.write(msgspec.json.encode(Drawn(self.step, name, texts, reason)) + b"\n")


def read_figures(folder: Path) -> list[Drawn]:
    """Return the figures that were noted in `folder`, in their order."""
    path = folder / "figures.jsonl"
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [msgspec.json.decode(line, type=Drawn) for line in lines]


def figure_difference(first: Drawn, mine: Path, second: Drawn, theirs: Path) -> tuple[str, str] | None:
    """Return words for how two figures differ, None when they look the same."""
    import numpy

    if not first.pixels or not second.pixels:
        return None if first.reason == second.reason else (first.reason or "drawn", second.reason or "drawn")
    with numpy.load(mine / first.pixels) as a, numpy.load(theirs / second.pixels) as b:
        share = pixels_apart(a["pixels"], b["pixels"])
    if share == 0:
        return None
    left, right = _only_in(first.texts, second.texts), _only_in(second.texts, first.texts)
    if left or right:
        return left or "without that text", right or "without that text"
    return "drawn", "another size" if share == 1 else f"{share:.2%} of the pixels differ"


def pixels_apart(first: Any, second: Any) -> float:
    """Return which share of the pixels of two pictures differs, 1 for pictures of two sizes."""
    import numpy

    if first.shape != second.shape:
        return 1.0
    apart = numpy.abs(first.astype("int16") - second.astype("int16")) > LEVELS
    return float(apart.any(axis=-1).mean()) if apart.any() else 0.0


def _pixels(figure: Any, numpy: Any) -> Any:
    buffer = io.BytesIO()
    if figure.get_layout_engine() is not None:  # it settles with the second drawing; a kernel has drawn it once
        figure.savefig(io.BytesIO(), format="png", dpi=DPI)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    buffer.seek(0)
    from matplotlib.image import imread

    return (imread(buffer, format="png") * 255).round().astype(numpy.uint8)


def _is_text(artist: Any) -> bool:
    return type(artist).__name__ in ("Text", "Annotation")


def _says_something(text: str) -> bool:
    """Tell whether a text is more than a number beside an axis."""
    return bool(text) and _NUMBER.fullmatch(text.strip()) is None


def _only_in(first: Sequence[str], second: Iterable[str]) -> str:
    rest = list(second)
    kept = []
    for text in first:
        if text in rest:
            rest.remove(text)
        else:
            kept.append(repr(text))
    return ", ".join(kept[:3])
