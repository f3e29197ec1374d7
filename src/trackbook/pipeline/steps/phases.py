"""What a piece of a notebook is about, by the functions that it calls, and the name that this gives a step."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterable, Iterator, Sequence

from trackbook.cells.scopes import own_nodes

SETUP, LOAD, PREPARE, TRAIN, EVALUATE, PLOT, SAVE = (
    "set_up",
    "load",
    "prepare",
    "train",
    "evaluate",
    "plot",
    "save",
)

_CALLS = {
    TRAIN: r"fit|fit_predict|partial_fit|train|train_on_batch",
    SAVE: r"to_(csv|excel|json|parquet|pickle|sql|feather|hdf|latex|html)|save|savez\w*|savetxt|savefig|dump"
    r"|write_\w+|writerows?|save_\w+",
    LOAD: r"read_\w+|load|load_\w+|loads|loadtxt|fetch_\w+|genfromtxt|fromfile|open|urlopen|urlretrieve|download\w*"
    r"|get_data\w*",
    EVALUATE: r"score|predict|predict_proba|\w+_score|\w+_error|cross_val\w*|confusion_matrix|classification_report"
    r"|roc_\w+|evaluate\w*|validation_curve|learning_curve|score_samples",
    PREPARE: r"fillna|dropna|drop|drop_duplicates|merge|join|concat|transform|fit_transform|get_dummies|astype|apply"
    r"|map|rename|replace|train_test_split|to_datetime|to_numeric|set_index|reset_index|pivot\w*|melt|resample|assign"
    r"|sample|clip|cut|qcut|interpolate|shuffle|split",
    SETUP: r"seed|set_option|set_printoptions|filterwarnings|simplefilter|set_theme|set_style|set_context|set_palette"
    r"|use|set|basicConfig|setLevel|chdir|set_matplotlib_formats|set_seed|manual_seed|init_notebook_mode",
}
_DRAWING = r"plt|sns|px|go|alt|fig|figure|ax|axes|axs|pyplot|seaborn"
_PLOTS = r"plot|hist|imshow|scatter|boxplot|heatmap|pairplot|countplot|histplot|barplot|lineplot|scatterplot|distplot"
_ORDER = (TRAIN, SAVE, LOAD, EVALUATE, PLOT, PREPARE)

_MODELS = re.compile(r"model|models|clf|regressor|reg|est|estimator|classifier|pipe|pipeline|net")
_FRAMES = re.compile(
    r"_*(df|data|dataset|frame|table|d|x|y|[a-z]_train|[a-z]_test|train|test|raw|raw_data|data_?frame)\d*"
)
_LONGEST = 24


def phase_of(body: Sequence[ast.stmt]) -> str | None:
    """Return what statements are for; None for those that only look at something, or that no call tells about."""
    found = {phase for call in _calls(body) for phase in _phases(call)}
    if _only_sets_up(body):
        return SETUP
    if any(_changes_column(node) for node in body):
        found.add(PREPARE)
    return next((phase for phase in _ORDER if phase in found), None)


def _calls(body: Sequence[ast.stmt]) -> Iterator[ast.Call]:
    return (node for node in own_nodes(ast.Module(list(body), [])) if isinstance(node, ast.Call))


def _phases(call: ast.Call) -> Iterator[str]:
    name = _called(call)
    root = call.func
    while isinstance(root, ast.Attribute | ast.Call | ast.Subscript):
        root = root.func if isinstance(root, ast.Call) else root.value
    draws = isinstance(root, ast.Name) and re.fullmatch(_DRAWING, root.id) and name != "savefig"
    if draws or re.fullmatch(_PLOTS, name) or (isinstance(call.func, ast.Attribute) and _is_plot(call.func.value)):
        yield PLOT
    yield from (phase for phase, pattern in _CALLS.items() if re.fullmatch(pattern, name) and phase != SETUP)


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _is_plot(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "plot"


def _changes_column(node: ast.stmt) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
    return any(isinstance(target, ast.Subscript) for target in targets)


def _only_sets_up(body: Sequence[ast.stmt]) -> bool:
    """Tell whether statements import and set options, and make nothing."""
    settings = [node for node in body if not isinstance(node, ast.Import | ast.ImportFrom)]
    return bool(settings) and all(_is_setting(node) for node in settings)


def _is_setting(node: ast.stmt) -> bool:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return bool(re.fullmatch(_CALLS[SETUP] + "|run_line_magic", _called(node.value)))
    if isinstance(node, ast.Assign):
        return all(not isinstance(target, ast.Name) and _mentions_options(target) for target in node.targets)
    return False


def _mentions_options(node: ast.expr) -> bool:
    return bool(re.search(r"rcParams|\boptions\b|environ|InlineBackend", ast.unparse(node)))


def name_for(phase: str | None, given: Iterable[str], used: Iterable[str]) -> str:
    """Return a name for a step: what it does, and to what.

    `given` are the variables that later steps use, `used` those that it takes from earlier ones; the main one first.
    """
    if phase == SETUP:
        return SETUP
    made, taken = next(map(_noun, given), None), next(map(_noun, used), None)
    if phase in (LOAD, PREPARE):
        return f"{phase}_{made or taken or 'data'}"
    if phase in (TRAIN, EVALUATE, SAVE):
        noun = made if phase == TRAIN and made != "data" else taken
        return f"{phase}_{noun}" if noun and noun != "data" else f"{phase}_{'results' if phase == SAVE else 'model'}"
    if phase == PLOT:
        return f"plot_{taken}" if taken else "plot"
    return f"make_{made}" if made else f"show_{taken}" if taken else "show"


def _noun(name: str) -> str:
    plain = name.lower().strip("_")
    if not plain.isascii() or _FRAMES.fullmatch(plain) or len(plain) < 2 or keyword.iskeyword(plain):
        return "data"
    return "model" if _MODELS.fullmatch(plain) else plain[:_LONGEST].strip("_")
