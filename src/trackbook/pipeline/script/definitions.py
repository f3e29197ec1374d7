"""What of a notebook belongs at module level of its script: imports, functions, classes, and set-up code.

A function moves to module level when all names that it uses live there.  One that uses variables of the
notebook is defined anew inside each step that uses it, where those variables are arguments or local names;
so it sees the values that it would see in the notebook, whenever it is called.
"""

from __future__ import annotations

import ast
import symtable
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from trackbook.cells.scopes import Definitions, bound_names, declared, own_nodes, target_names
from trackbook.errors import NotebookError
from trackbook.pipeline.script.edits import Edit, Positions, apply, removal
from trackbook.pipeline.script.imports import Import, bound_by, imports_of
from trackbook.pipeline.script.namespace import names_in_queries
from trackbook.pipeline.script.unbound import read_early
from trackbook.pipeline.steps.grouping import Layout, StepsError
from trackbook.pipeline.steps.notebook import Cell

RESERVED = ("main", "parse_params", "Params")


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a piece of code by how it uses them: at its top level, and as globals of scopes within."""

    read: frozenset[str]
    bound: frozenset[str]
    nested: frozenset[str]

    @property
    def free(self) -> frozenset[str]:
        return self.read | self.nested


def names_of(text: str) -> Names:
    """Return the names of code that is to stand in one scope."""
    table = symtable.symtable(text, "<cell>", "exec")
    symbols = table.get_symbols()
    read = frozenset(item.get_name() for item in symbols if item.is_referenced())
    bound = frozenset(item.get_name() for item in symbols if item.is_assigned() or item.is_imported())
    return Names(
        read | _changed(text) | (names_in_queries(ast.parse(text)) - bound),
        bound,
        frozenset(name for child in table.get_children() for name in _globals_of(child)),
    )


def _changed(text: str) -> frozenset[str]:
    """Return the names that code reads by `x += 1` or `del x`, which symtable counts as bound only."""
    found: set[str] = set()
    for node in own_nodes(ast.parse(text)):
        if isinstance(node, ast.AugAssign):
            found.update(target_names(node.target))
        elif isinstance(node, ast.Delete):
            found.update(name for target in node.targets for name in target_names(target))
    return frozenset(found)


def _globals_of(table: symtable.SymbolTable) -> Iterator[str]:
    yield from (item.get_name() for item in table.get_symbols() if item.is_global())
    for child in table.get_children():
        yield from _globals_of(child)


@dataclass(frozen=True, slots=True)
class Definition:
    """A function or class at the top level of a cell; `text` has its decorators and the comments above it."""

    name: str
    cell: int
    node: Definitions
    text: str
    names: Names

    @property
    def is_one(self) -> bool:
        """Tell whether a second copy would not do: a class, or a function that may keep state."""
        if isinstance(self.node, ast.ClassDef):
            return True
        defaults = [*self.node.args.defaults, *filter(None, self.node.args.kw_defaults)]
        return bool(self.node.decorator_list) or not all(isinstance(item, ast.Constant) for item in defaults)


@dataclass(frozen=True, slots=True)
class ModuleLevel:
    """The module level of a script.

    `texts` are definitions and set-up code in the order of the notebook, `injected` the definitions that
    steps repeat, `rest` what is left of each cell of a step, and `names` all names that live at module level.
    """

    imports: tuple[Import, ...]
    texts: tuple[str, ...]
    names: frozenset[str]
    injected: Mapping[str, Definition]
    rest: Mapping[int, str]


@dataclass(slots=True)
class _Site:
    """A place where a name is bound: the cell, and the import if it is one at the top level."""

    cell: int
    item: Import | None = None
    definition: Definition | None = None


@dataclass(slots=True)
class _Survey:
    """All that is bound at the top level of the cells."""

    cells: Mapping[int, Cell]
    texts: Mapping[int, str]
    layout: Layout
    sites: dict[str, list[_Site]] = field(default_factory=dict)
    definitions: list[Definition] = field(default_factory=list)
    early: frozenset[str] = frozenset()

    @property
    def working(self) -> frozenset[int]:
        """Return the cells of steps, and those of parameters."""
        return frozenset(self.texts) - {*self.layout.imports, *self.layout.functions}

    def is_whole(self, item: Definition) -> bool:
        """Tell whether a name means one definition, wherever it is used."""
        return len(self.sites[item.name]) == 1 and item.name not in self.early

    def add(self, name: str, site: _Site) -> None:
        self.sites.setdefault(name, []).append(site)


def module_level(cells: Mapping[int, Cell], texts: Mapping[int, str], layout: Layout) -> ModuleLevel:
    """Decide what of the cells (given with their cleaned code) lives at module level.

    Raises NotebookError for set-up code that needs a variable of a step, and for names that cannot be told apart.
    """
    survey = _survey(cells, texts, layout)
    head = (*layout.imports, *layout.functions)
    survey.early = read_early(texts) - {
        name for name, sites in survey.sites.items() if {x.cell for x in sites} <= {*head}
    }
    imported = frozenset(name for name, sites in survey.sites.items() if _one_import(sites, survey)) - survey.early
    setup = _setup_names(survey, head)
    hoisted = _hoisted(survey, imported | setup)
    names = imported | setup | frozenset(hoisted)
    injected = _injected(survey, names, hoisted)
    _require_one_step_for_globals(survey, names)
    left = {
        index: _rest(survey, index, imported, {*hoisted, *injected})
        for index in texts
        if index not in layout.parameters
    }
    _check_setup(survey, head, left, names)
    found = [item for name in imported for site in survey.sites[name] if (item := site.item)]
    found += [site.item for site in survey.sites.get("*", []) if site.item]
    _check_reserved(survey, names, found)
    rest = {index: text for index, text in left.items() if index not in head and index not in layout.injected}
    return ModuleLevel(tuple(found), _module_texts(survey, head, left, hoisted), names, injected, rest)


# ---- what is bound where


def _survey(cells: Mapping[int, Cell], texts: Mapping[int, str], layout: Layout) -> _Survey:
    survey = _Survey(cells, texts, layout)
    moved = False
    for index in sorted(texts):
        positions = Positions(texts[index])
        for node in ast.parse(texts[index]).body:
            moved = moved or _moves_path(node)
            _look_at(survey, index, positions, node, late=moved)
    return survey


def _look_at(survey: _Survey, index: int, positions: Positions, node: ast.stmt, *, late: bool) -> None:
    if isinstance(node, ast.Import | ast.ImportFrom):
        for item in imports_of(node):
            stays = late and item.module.partition(".")[0] not in sys.stdlib_module_names
            survey.add(item.bound, _Site(index, None if stays else item))
    elif isinstance(node, Definitions):
        text = _with_comments(positions, node)
        definition = Definition(node.name, index, node, text, names_of(positions.segment(node)))
        survey.definitions.append(definition)
        survey.add(node.name, _Site(index, definition=definition))
    else:
        for name in bound_names(ast.Module([node], [])):
            survey.add(name, _Site(index))
    for scope in ast.walk(node):
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
            for name in declared(scope, ast.Global):
                survey.add(name, _Site(index))


def _moves_path(node: ast.stmt) -> bool:
    """Tell whether a statement changes where imports are looked up."""
    text = ast.unparse(node) if not isinstance(node, Definitions) else ""
    return "sys.path." in text or "sys.path +=" in text or "os.chdir(" in text


def _one_import(sites: Sequence[_Site], survey: _Survey) -> bool:
    """Tell whether a name is only ever bound by imports at top level that bind it to one object."""
    items = [site.item for site in sites]
    if not all(items):
        return False
    kinds = {(item.path.partition(".")[0] if item.name is None and not item.alias else item) for item in items if item}
    return len(kinds) == 1 and items[0] is not None and items[0].bound != "*"


def _setup_names(survey: _Survey, head: Sequence[int]) -> frozenset[str]:
    """Return the variables that only cells of imports and functions bind."""
    return frozenset(
        name
        for name, sites in survey.sites.items()
        if all(site.cell in head for site in sites)
        and any(site.item is None and site.definition is None for site in sites)
    )


def _hoisted(survey: _Survey, level: frozenset[str]) -> dict[str, Definition]:
    """Return the definitions that need nothing but the module level."""
    found = {item.name: item for item in survey.definitions if survey.is_whole(item)}
    while True:
        fitting = {
            name: item
            for name, item in found.items()
            if all(_at_module_level(survey, used, level, found) for used in item.names.free)
        }
        if len(fitting) == len(found):
            return found
        found = fitting


def _at_module_level(survey: _Survey, name: str, level: frozenset[str], found: Mapping[str, Definition]) -> bool:
    return name in level or name in found or name not in survey.sites


def _injected(survey: _Survey, level: frozenset[str], hoisted: Mapping[str, Definition]) -> dict[str, Definition]:
    """Return the definitions that each step that uses them repeats."""
    found: dict[str, Definition] = {}
    local: dict[str, Definition] = {}
    kept = _attributes_set(survey.texts.values())
    head = (*survey.layout.imports, *survey.layout.functions)
    for item in survey.definitions:
        if item.name in hoisted or not survey.is_whole(item):
            continue
        ready = all(_at_module_level(survey, name, level, hoisted) for name in item.names.read - {item.name})
        if item.cell in head and not ready:
            raise _misplaced(survey, item.cell, min(item.names.read & survey.sites.keys() - level))
        alone = item.is_one or item.name in kept
        if ready and (item.cell in head or (_used_elsewhere(survey, item) and not alone)):
            found[item.name] = item
        elif ready and not alone:
            local[item.name] = item
    return _with_needed(found, local)


def _with_needed(found: dict[str, Definition], local: Mapping[str, Definition]) -> dict[str, Definition]:
    """Add the definitions that those found need, so that the steps repeat them together."""
    waiting = list(found.values())
    while waiting:
        for name in sorted(waiting.pop().names.free & local.keys() - found.keys()):
            found[name] = local[name]
            waiting.append(local[name])
    return found


def _attributes_set(texts: Iterable[str]) -> frozenset[str]:
    """Return the names whose attributes code assigns (`f.calls += 1`)."""
    nodes = (node for text in texts for node in ast.walk(ast.parse(text)))
    return frozenset(
        node.value.id
        for node in nodes
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name)
    )


def _used_elsewhere(survey: _Survey, item: Definition) -> bool:
    home = survey.layout.step_of(item.cell)
    others = [index for index in survey.texts if survey.layout.step_of(index) != home]
    return any(item.name in names_of(survey.texts[index]).free for index in others)


def _require_one_step_for_globals(survey: _Survey, level: frozenset[str]) -> None:
    """Require that the globals which functions assign concern one step: there they are globals of the script."""
    for index, text in survey.texts.items():
        for scope in ast.walk(ast.parse(text)):
            if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
                for name in sorted(declared(scope, ast.Global) - level):
                    cells = _concerned(survey, name)
                    steps = {survey.layout.step_of(cell) for cell in cells if cell in survey.working}
                    if len(steps) > 1 or None in steps:
                        raise StepsError(
                            f"{survey.cells[index].label}: the function {scope.name!r} assigns the global {name!r}, "
                            "which several steps use; hand it in as an argument and return it",
                            cells,
                        )


def _concerned(survey: _Survey, name: str) -> list[int]:
    """Return the cells that name a variable, or a function that names it, however indirectly."""
    names = {name}
    while found := {item.name for item in survey.definitions if names & item.names.free} - names:
        names |= found
    return [index for index, text in survey.texts.items() if names & (names_of(text).free | names_of(text).bound)]


def assigned_globals(text: str) -> frozenset[str]:
    """Return the names that functions of some code declare global."""
    return frozenset(name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Global) for name in node.names)


# ---- what is left


def _rest(survey: _Survey, index: int, imported: frozenset[str], moved: set[str]) -> str:
    """Return the code of a cell without what moves to module level."""
    text = survey.texts[index]
    positions = Positions(text)
    edits = []
    for node in ast.parse(text).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            if all(name in imported or name == "*" for name in bound_by(node)):
                edits.append(removal(positions, node))
        elif isinstance(node, Definitions) and node.name in moved:
            edits.append(_definition_removal(positions, node))
    return apply(text, edits).strip("\n")


def _definition_removal(positions: Positions, node: Definitions) -> Edit:
    edit = removal(positions, node)
    first = positions.line_start(_comment_line(positions, node)) if positions.alone(node) else edit.start
    return Edit(first, edit.end, edit.text)


def _comment_line(positions: Positions, node: ast.stmt) -> int:
    """Return the first line of the comment that stands directly above a statement."""
    line = positions.first_line(node)
    while line > 1 and positions.lines[line - 2].startswith("#"):
        line -= 1
    return line


def _with_comments(positions: Positions, node: ast.stmt) -> str:
    if not positions.alone(node):
        return positions.segment(node)
    start = positions.line_start(_comment_line(positions, node))
    end = positions.end(node)
    return positions.text[start:end] + positions.text[end:].split("\n", 1)[0]


def _module_texts(
    survey: _Survey, head: Sequence[int], left: Mapping[int, str], hoisted: Mapping[str, Definition]
) -> tuple[str, ...]:
    """Return set-up code and definitions in the order in which the notebook has them."""
    texts: list[str] = []
    for index in sorted(survey.texts):
        texts += [item.text for item in survey.definitions if item.cell == index and item.name in hoisted]
        if index in head and ast.parse(left[index]).body:
            texts.append(left[index])
    return tuple(texts)


def _check_setup(survey: _Survey, head: Iterable[int], left: Mapping[int, str], level: frozenset[str]) -> None:
    for index in head:
        for name in sorted(names_of(left[index]).free - level):
            if name in survey.sites:
                raise _misplaced(survey, index, name)


def _misplaced(survey: _Survey, index: int, name: str) -> NotebookError:
    maker = next(site.cell for site in survey.sites[name])
    where = "the same cell" if maker == index else survey.cells[maker].label
    return NotebookError(
        f"{survey.cells[index].label} is for imports and functions, but it needs {name!r}, which {where} makes; "
        "tag it `step:NAME`"
    )


def _check_reserved(survey: _Survey, level: frozenset[str], imports: Iterable[Import]) -> None:
    modules = {item.bound for item in imports if item.name is None and item.bound == item.path}
    for name in (*RESERVED, "argparse", "dataclasses"):
        if name in level and name not in modules:
            label = survey.cells[survey.sites[name][0].cell].label
            raise NotebookError(f"{label} defines {name!r}, a name that every pipeline script needs itself; rename it")
