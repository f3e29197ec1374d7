"""What of a notebook draws, and how a script makes frames and figures come out as in a kernel."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from trackbook.pipeline.script.imports import Import
from trackbook.pipeline.steps.notebook import Notebook

_LIBRARIES = frozenset({"matplotlib", "pylab", "seaborn", "wordcloud", "missingno", "mpl_toolkits", "scikitplot"})
_METHODS = frozenset(
    {"plot", "hist", "boxplot", "scatter", "bar", "barh", "pie", "imshow", "heatmap", "contour", "contourf", "kde"}
    | {"from_estimator", "from_predictions", "plot_diagnostics", "subplots", "figure"}
)
_SETTING = frozenset(
    {"use", "update", "rc", "set", "set_theme", "set_style", "set_context", "set_palette", "load_dataset"}
    | {"color_palette", "get_cmap", "filterwarnings", "show", "close"}
)
"""What libraries that draw are called for without drawing."""
_FRAMES = frozenset({"pandas", "seaborn", "statsmodels", "geopandas", "pandas_profiling"})
_INLINE = re.compile(r"^\s*%matplotlib\s+(?!inline\b)\S", re.MULTILINE)


class Drawing:
    """Which cells draw, what the script imports for that, and the settings that it begins with.

    `cells` are those whose figures a kernel shows and closes; `pyplot` is the name of `matplotlib.pyplot`.
    """

    def __init__(self, notebook: Notebook, texts: Mapping[int, str], imports: Sequence[Import]) -> None:
        self._paths = {item.bound: _path(item) for item in imports}
        known = sorted(name for name, path in self._paths.items() if path == "matplotlib.pyplot")
        libraries = {path.partition(".")[0] for path in self._paths.values()}
        inline = not any(_INLINE.search(cell.source) for cell in notebook.cells)
        trees = {index: ast.parse(text) for index, text in texts.items()}
        drawing = self._drawing(trees) if inline and self._may_draw(libraries, trees) else frozenset()
        self.cells, self.imports = drawing, []
        self.pyplot = known[0] if known else "plt" if drawing else None
        if drawing:
            self.imports.append(Import("matplotlib.pyplot", None, self.pyplot))
        self.settings = self._settings(trees, " ".join(texts.values()))
        if drawing:
            self.settings.append(
                f'# Figures are saved with --out; none opens a window.\n{self.pyplot}.switch_backend("agg")'
            )

    def _may_draw(self, libraries: set[str], trees: Mapping[int, ast.Module]) -> bool:
        if libraries & _LIBRARIES:
            return True
        plots = any(_attribute(node) == "plot" for tree in trees.values() for node in ast.walk(tree))
        return "pandas" in libraries and plots

    def _drawing(self, trees: Mapping[int, ast.Module]) -> frozenset[int]:
        """Return the cells that draw themselves, or call a function of the notebook that does."""
        names = {name for name, path in self._paths.items() if path.partition(".")[0] in _LIBRARIES}
        definitions = [
            node
            for tree in trees.values()
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
        ]
        while True:
            found = {node.name for node in definitions if _draws(node, names)}
            if found <= names:
                break
            names |= found
        return frozenset(index for index, tree in trees.items() if any(_draws(node, names) for node in _running(tree)))

    def _settings(self, trees: Mapping[int, ast.Module], text: str) -> list[str]:
        used = {node.id for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.Name)}
        libraries = {path.partition(".")[0] for name, path in self._paths.items() if name in used}
        if not libraries & _FRAMES and "as_frame" not in text:
            return []
        name = next((name for name, path in sorted(self._paths.items()) if path == "pandas"), "pd")
        self.imports.append(Import("pandas", None, None if name == "pandas" else name))
        comment = "# As in a notebook, wide frames are wrapped and not shortened."
        return [f'{comment}\n{name}.set_option("display.max_columns", 20)']


def _path(item: Import) -> str:
    return item.module if item.name is None else f"{item.module}.{item.name}"


def _running(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield the statements of a cell that do something when it runs."""
    quiet = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return (node for node in tree.body if not isinstance(node, quiet))


def _draws(node: ast.AST, names: set[str]) -> bool:
    """Tell whether code calls something that may draw."""
    for inner in ast.walk(node):
        if not isinstance(inner, ast.Call):
            continue
        attribute = _attribute(inner.func)
        if attribute in _SETTING:
            continue
        if attribute in _METHODS or attribute.startswith("plot_") or _root(inner.func) in names:
            return True
        if isinstance(inner.func, ast.Name) and inner.func.id.startswith(("plot_", "plot")):
            return True
    return False


def _attribute(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else ""


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""
