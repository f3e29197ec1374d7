"""From a notebook to a pipeline script: plain Python that runs without Trackbook.

`convert` is pure: the same notebook gives the same bytes.  Nothing of the notebook runs, and its names
and values reach the script only where they were parsed as names, or through `repr`.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from trackbook import __version__
from trackbook.errors import NotebookError
from trackbook.pipeline.script.cleaning import clean, names_in, read_code
from trackbook.pipeline.script.commands import Requirements
from trackbook.pipeline.script.dataflow import Dataflow, Flow, needs_start
from trackbook.pipeline.script.definitions import RESERVED, ModuleLevel, assigned_globals, module_level
from trackbook.pipeline.script.drawing import Drawing
from trackbook.pipeline.script.edits import indent, spaced, tidy
from trackbook.pipeline.script.fields import Field, read_fields
from trackbook.pipeline.script.formatting import formatted
from trackbook.pipeline.script.helpers import DISPLAY, FIGURES, LOOP, OUTPUT, Helpers
from trackbook.pipeline.script.imports import WIDTH, render
from trackbook.pipeline.script.magics import Choices, Forms
from trackbook.pipeline.script.namespace import bound_anywhere, shares_names
from trackbook.pipeline.script.options import needed_imports, params_class, parser_text
from trackbook.pipeline.script.reports import Reports
from trackbook.pipeline.script.results import show_last
from trackbook.pipeline.script.unbound import read_unbound
from trackbook.pipeline.script.waiting import Loops, waits
from trackbook.pipeline.steps.grouping import Layout, StepsError, joined, read_layout
from trackbook.pipeline.steps.notebook import Cell, Notebook
from trackbook.pipeline.steps.slicing import sliced

_BUILTINS = frozenset(dir(builtins))
CHOICES = Choices()
_START = """if __name__ == "__main__":
    main(parse_params())
"""


@dataclass(frozen=True, slots=True)
class ScriptStep:
    """A step of a script: its name (the tag's), the function it became, what it takes and gives.

    `after` are steps that must run before it although no argument shows it: they leave files, random
    state or other process state behind, or a tag says so.  `metrics` are the results that are numbers to be kept.
    """

    name: str
    function: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    cells: tuple[int, ...]
    after: tuple[str, ...] = ()
    cached: bool = True
    metrics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Script:
    """A pipeline script and what it is made of."""

    text: str
    steps: tuple[ScriptStep, ...]
    params: tuple[Field, ...]


def convert(notebook: Notebook, choices: Choices = CHOICES) -> Script:
    """Return the pipeline script of a notebook.

    Raises NotebookError, which names the cell and the remedy, for code or tags that have no form in a script.
    """
    layout = read_layout(notebook)
    if choices.target is not None:
        layout = sliced(notebook, layout, choices.target)
    while True:
        try:
            return _converted(notebook, layout, choices)
        except StepsError as error:
            # Where no tag says what the steps are, what cannot be handed from one to the other stays in one.
            wider = joined(layout, error.cells)
            if wider is None:
                raise
            layout = wider


def _converted(notebook: Notebook, layout: Layout, choices: Choices) -> Script:
    sources = {cell.index: read_code(cell) for cell in notebook.cells if cell.index not in layout.skipped}
    trees = [source.tree for source in sources.values()]
    reports = Reports(trees)
    mentioned = names_in(trees)
    helpers = Helpers(reports.bound | mentioned)
    cells = {index: notebook.cells[index] for index in sources}
    requirements = Requirements()
    forms = Forms(helpers, requirements, choices, frozenset(mentioned))
    texts: dict[int, str] = {}
    known: frozenset[str] = frozenset()
    for index, source in sources.items():
        known |= bound_anywhere([source.tree])
        texts[index] = clean(cells[index], source, reports, replace(forms, known=known))
    for index in (*layout.imports, *layout.functions, *layout.parameters, *layout.injected):
        if index in texts and (node := waits(ast.parse(texts[index]))):
            raise NotebookError(
                f"{cells[index].label}, line {sources[index].line(getattr(node, 'lineno', 1))}: `await` outside a "
                "function belongs into a step; tag the cell `step:NAME`"
            )
    fields = read_fields(
        [(cells[index], texts[index]) for index in layout.parameters],
        [(cells[index], texts[index]) for index in layout.injected],
    )
    shares = shares_names(layout, cells, sources, bound_anywhere(trees))
    level = module_level(cells, texts, layout)
    dataflow = Dataflow(notebook, layout, texts, level, [field.name for field in fields], helpers.effects)
    return _Writer(notebook, level, fields, dataflow, helpers, requirements, shares_names=shares).write()


class _Writer:
    """Puts the parts of one script together."""

    def __init__(
        self,
        notebook: Notebook,
        level: ModuleLevel,
        fields: Sequence[Field],
        dataflow: Dataflow,
        helpers: Helpers,
        requirements: Requirements,
        *,
        shares_names: bool,
    ) -> None:
        self.notebook, self.level, self.fields, self.dataflow = notebook, level, tuple(fields), dataflow
        self.helpers, self.requirements, self.shares_names = helpers, requirements, shares_names
        self.shared: set[str] = set()
        self.flows = dataflow.run()
        self.mentioned = names_in(ast.parse(text) for text in dataflow.texts.values())
        self.bound = {name for cell in dataflow.cells.values() for name in cell.writes}
        self.variables = {name for flow in self.flows for name in (*flow.inputs, *flow.outputs)}
        self.argument = self._unused("params", "script_params") if "params" in self.variables else "params"
        loops = Loops(dataflow.texts.values())
        self.waiting = {flow.step.name for flow in self.flows if loops.used_by(flow.text)}
        self.drawing = Drawing(notebook, dataflow.texts, level.imports)

    def write(self) -> Script:
        bodies = [self._body(flow) for flow in self.flows]
        names = names_in(ast.parse(text) for text in (*self.level.texts, *bodies))
        if self._displays(names):
            self.helpers.use(DISPLAY)
        if self.waiting:
            self.helpers.use(LOOP)
        parser = parser_text(self.fields, self.helpers, output=OUTPUT in self.helpers)
        functions = self._function_names()
        steps = [self._step(flow, functions[flow.step.name]) for flow in self.flows]
        early, helpers = self._helper_texts(names_in(ast.parse(text) for text in self.level.texts))
        parts = [
            self._head(),
            self._imports(names),
            params_class(self.fields),
            *early,
            self._functions(),
            *(self._step_text(step, body) for step, body in zip(steps, bodies, strict=True)),
            self._main(steps),
            *helpers,
            f"# %% [command line]\n{parser}",
            _START,
        ]
        text = "\n\n\n".join(part for part in parts if part)
        text = text.replace('"""\n\n\nimport', '"""\n\nimport', 1)
        self._check(text)
        self._check_shared()
        return Script(formatted(text), tuple(steps), self.fields)

    # ---- head

    def _head(self) -> str:
        name = _docstring_text(self.notebook.name)
        title = _docstring_text(self.notebook.name.removesuffix(".ipynb"))
        modules = {item.module.partition(".")[0] for item in (*self.level.imports, *self.drawing.imports)}
        lines = ["#!/usr/bin/env python", self.requirements.header(modules)]
        return (
            "".join(f"{line}\n" for line in lines if line) + f'"""Pipeline {title}.\n\n'
            f"Made from {name} by Trackbook {__version__}.\n"
            f"Code of the notebook (blake3): {self.notebook.digest}\n"
            '"""'
        )

    def _imports(self, names: set[str]) -> str:
        displayed = DISPLAY in self.helpers
        needed = [item for item in self.level.imports if self.shares_names or item.needed(names)]
        kept = [item for item in needed if not (displayed and item.bound == DISPLAY)]
        text = render([*needed_imports(self.fields), *self.helpers.imports, *kept, *self.drawing.imports])
        return "\n\n".join([text, *self.drawing.settings])

    def _functions(self) -> str:
        texts = [tidy(text, 2) for text in self.level.texts]
        return "# %% [functions]\n" + "\n\n\n".join(texts) if texts else ""

    def _helper_texts(self, used: set[str]) -> tuple[list[str], list[str]]:
        """Return the helpers that the module level and the steps' decorators use, which come first, and the others."""
        early = self.helpers.behind(used | ({self.helpers.name(LOOP)} if self.waiting else set()))
        parts = [self.helpers.texts(self.drawing.pyplot, early), self.helpers.texts(self.drawing.pyplot, None, early)]
        if FIGURES in self.helpers and self.drawing.pyplot:
            place = 0 if FIGURES in early else 1
            parts[place].append(f"{self.drawing.pyplot}.show = {self.helpers.name(FIGURES)}")
        first, second = ([f"# %% [helpers]\n{part[0]}", *part[1:]] if part else [] for part in parts)
        return first, second

    def _displays(self, names: set[str]) -> bool:
        imported = any(item.bound == DISPLAY and item.module.startswith("IPython") for item in self.level.imports)
        return DISPLAY in names and (imported or DISPLAY not in self.bound)

    # ---- steps

    def _body(self, flow: Flow) -> str:
        """Return the code of a step function, not yet moved to the right."""
        pieces = [tidy(item.text, 1) for item in flow.definitions]
        for index in flow.step.cells:
            shown = show_last(self.level.rest[index], self.dataflow.texts[index], self.helpers)
            if index in self.drawing.cells:
                shown = f"{shown}\n{self.helpers.use(FIGURES)}()"
            if piece := tidy(shown, 1):
                pieces.append(piece)
        shared = read_unbound(flow.text, flow.inputs) | (assigned_globals(flow.text) - self.level.names)
        shared |= flow.names.bound - self.level.names if self.shares_names else set()
        self.shared |= shared
        start = _global_lines(shared)
        start += [f"{name} = None" for name in sorted(flow.unset - shared) if needs_start(flow.text, name)]
        results = _listed(self._outputs(flow))
        body = "\n\n".join(["\n".join(start), *pieces] if start else pieces)
        body = spaced(body, after_docstring=True)
        return "".join([body, _gap(body), f"return {results}"]) if results else body

    def _outputs(self, flow: Flow) -> tuple[str, ...]:
        return tuple(sorted(flow.outputs, key=lambda name: self._first_seen(flow, name)))

    def _inputs(self, flow: Flow) -> tuple[str, ...]:
        """Order arguments: what other steps made, as it is met in the step, then the parameters."""
        given = {name for name in flow.inputs if self._made_before(flow, name)}
        fields = [field.name for field in self.fields if field.name in flow.inputs - given]
        return (*sorted(given, key=lambda name: self._first_seen(flow, name)), *fields)

    def _made_before(self, flow: Flow, name: str) -> bool:
        return any(name in other.outputs for other in self.flows[: self.flows.index(flow)])

    def _first_seen(self, flow: Flow, name: str) -> tuple[int, int, str]:
        positions = [
            (n.lineno, n.col_offset) for n in ast.walk(ast.parse(flow.text)) if isinstance(n, ast.Name) and n.id == name
        ]
        return (*min(positions, default=(10**9, 0)), name)

    def _step(self, flow: Flow, function: str) -> ScriptStep:
        order = [other.step.name for other in self.flows]
        after = tuple(sorted(flow.hidden, key=order.index))
        step = flow.step
        outputs = self._outputs(flow)
        return ScriptStep(
            step.name,
            function,
            self._inputs(flow),
            outputs,
            step.cells,
            after,
            step.cached,
            tuple(sorted(flow.metrics)),
        )

    def _step_text(self, step: ScriptStep, body: str) -> str:
        cells = [self.notebook.cells[index] for index in step.cells]
        marker = f"# %% [step:{step.name}] id={','.join(cell.id for cell in cells)}"
        marker += f" after={','.join(map(quote, step.after))}" if step.after else ""
        marker += "" if step.cached else " cache=off"
        marker += f" metrics={','.join(step.metrics)}" if step.metrics else ""
        head = f"def {step.function}({_listed(step.inputs)}):"
        if step.name in self.waiting:
            head = f"@{self.helpers.name(LOOP)}\nasync {head}"
        docstring = f'    """{_summary(cells, step.name)}"""'
        return "\n".join([marker, head, docstring, *([indent(body)] if body else [])])

    def _function_names(self) -> dict[str, str]:
        taken = {*self.level.names, *RESERVED, *self.variables, *_BUILTINS, *self.helpers.names}
        taken |= {item.bound for item in (*needed_imports(self.fields), *self.helpers.imports, *self.drawing.imports)}
        taken |= self.mentioned - {flow.step.name for flow in self.flows}
        found: dict[str, str] = {}
        for flow in self.flows:
            name = flow.step.name
            clash = name in taken or keyword.iskeyword(name) or name in self.mentioned
            found[name] = _free(f"{name}_step", taken) if clash else name
            taken.add(found[name])
        return found

    def _main(self, steps: Iterable[ScriptStep]) -> str:
        lines = ["# %% [main]", f"def main({self.argument}: Params) -> None:"]
        made: set[str] = set()
        for step in steps:
            arguments = [name if name in made else f"{self.argument}.{name}" for name in step.inputs]
            lines.append(_step_call(step, arguments))
            made.update(step.outputs)
        return "\n".join(lines if len(lines) > 2 else [*lines, "    pass"])

    # ---- the rest

    def _unused(self, *names: str) -> str:
        return next((name for name in names if name not in self.mentioned), f"_{names[0]}_")

    def _check_shared(self) -> None:
        """Require that no variable which is a global of the script takes the name of something that it needs."""
        imports = (*needed_imports(self.fields), *self.helpers.imports, *self.drawing.imports)
        if taken := self.shared & {*RESERVED, *(item.bound for item in imports)}:
            raise NotebookError(
                f"{self.notebook.name}: {min(taken)!r} has to be a global of the script, which needs the name itself; "
                "give the variable another name"
            )

    def _check(self, text: str) -> None:
        """Compile the script: code may be allowed in a cell and not in a function."""
        try:
            compile(text, "<script>", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError) as error:
            line = text.split("\n")[(getattr(error, "lineno", None) or 1) - 1].strip()
            raise NotebookError(
                f"{self.notebook.name}: `{line[:60]}` cannot stand inside a function ({error}); "
                "rewrite it, or tag its cell `functions`"
            ) from error


def _global_lines(names: Iterable[str]) -> list[str]:
    lines = textwrap.wrap(_listed(sorted(names)), WIDTH - len("    global "))
    return [f"global {line.removesuffix(',')}" for line in lines]


def _gap(body: str) -> str:
    """Return the line ends between a body and its `return`: an empty line after a block."""
    last = ast.parse(body).body[-1:]
    return "" if not body else "\n\n" if not last or hasattr(last[0], "body") else "\n"


def _free(name: str, taken: set[str]) -> str:
    number, candidate = 2, name
    while candidate in taken:
        candidate, number = f"{name}_{number}", number + 1
    return candidate


def _docstring_text(text: str) -> str:
    """Return one line of text that may stand in a docstring, whatever it holds."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(printable.split()).replace("\\", "/").replace('"""', "'''").rstrip('"')


def _summary(cells: Sequence[Cell], name: str) -> str:
    """Return the docstring of a step: the Markdown heading above its first cell that has one."""
    heading = next((cell.heading for cell in cells if cell.heading), None)
    text = _docstring_text(heading.replace("`", "")) if heading else ""
    text = text or f"Run the step {name}"
    longest = WIDTH - len('    """."""')
    text = text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _step_call(step: ScriptStep, arguments: Sequence[str]) -> str:
    """Return the statement of `main` that runs a step."""
    given = f"{_listed(step.outputs)} = " if step.outputs else ""
    return f"    {given}{step.function}({_listed(arguments)})"
