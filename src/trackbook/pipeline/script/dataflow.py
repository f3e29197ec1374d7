"""What the steps hand to each other, and in which order they run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from trackbook.cells import Graph, build_graph
from trackbook.cells.scopes import bound_names
from trackbook.errors import NotebookError
from trackbook.pipeline.script.definitions import Definition, ModuleLevel, Names, names_of
from trackbook.pipeline.script.measures import worked_on
from trackbook.pipeline.script.namespace import late_builtins
from trackbook.pipeline.script.unbound import left_by_try
from trackbook.pipeline.steps.grouping import Layout, Step, StepsError, ordered
from trackbook.pipeline.steps.notebook import Notebook
from trackbook.pipeline.steps.tags import SKIP, written

Link = tuple[int, int, str]
"""Writer, reader (indexes of cells) and the name that one leaves to the other."""


@dataclass(slots=True)
class Flow:
    """What one step takes and gives; `unset` are results that some ways through the step do not bind.

    `metrics` are results that its metric cells bind for whoever runs the script, whether a later step uses them or not.
    """

    step: Step
    text: str
    names: Names
    definitions: tuple[Definition, ...]
    inputs: set[str] = field(default_factory=set)
    outputs: set[str] = field(default_factory=set)
    unset: set[str] = field(default_factory=set)
    needs: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    metrics: set[str] = field(default_factory=set)


class Dataflow:
    """Works out the flow of all steps of a notebook from the graph of its cells."""

    def __init__(
        self,
        notebook: Notebook,
        layout: Layout,
        texts: Mapping[int, str],
        level: ModuleLevel,
        fields: Sequence[str],
        effects: str = "",
    ) -> None:
        self.notebook, self.layout, self.level, self.fields = notebook, layout, level, frozenset(fields)
        self.texts = texts
        self.kept = sorted(texts)
        self.effects = effects
        self.graph = self._graph(self.kept)
        self.links = _links(self.graph, self.kept)
        self.cells = dict(zip(self.kept, self.graph.cells[1:], strict=True))
        self.home = {index: step.name for step in layout.steps for index in step.cells}
        self.flows = {step.name: self._start(step) for step in layout.steps}

    def run(self) -> list[Flow]:
        """Return the flows in the order in which the steps run.

        Raises NotebookError for cycles, for needs that only a skipped cell meets, and where the steps
        cannot run one after the other and still hand over what the cells did.
        """
        self._check_skipped()
        self._check_copies()
        self._check_late_names()
        for flow in self.flows.values():
            flow.inputs = {name for name in flow.names.free if self._is_input(flow, name)}
        self._connect()
        self._report()
        self._check_tried()
        self._check_builtins()
        self._order_needs()
        steps = ordered(self.notebook, self.layout.steps, {name: flow.needs for name, flow in self.flows.items()})
        self._check_order([index for step in steps for index in step.cells])
        return [self.flows[step.name] for step in steps]

    def _graph(self, cells: Sequence[int]) -> Graph:
        """Return the graph of cells in an order, behind one that defines what helpers do."""
        return build_graph([self.effects, *(self.texts[index] for index in cells)])

    def _start(self, step: Step) -> Flow:
        pieces = [self.level.rest[index] for index in step.cells]
        used = _closure(names_of("\n".join(pieces)).free, self.level.injected)
        text = "\n".join([*(item.text for item in used), *pieces])
        return Flow(step, text, names_of(text), tuple(used))

    # ---- inputs and outputs

    def _is_input(self, flow: Flow, name: str) -> bool:
        if not self._is_variable(name) or not self._makers(flow, name):
            return False
        if name not in flow.names.bound:
            return True
        return any(link[2] == name for link in self._into(flow))

    def _is_variable(self, name: str) -> bool:
        return name not in self.level.names and name not in self.level.injected

    def _makers(self, flow: Flow, name: str) -> list[str]:
        """Return the steps with cells before this one that bind a name; the parameters count as one, named ''."""
        last = flow.step.cells[-1]
        makers = [
            other.step.name
            for other in self.flows.values()
            if other is not flow
            and any(index < last and name in self.cells[index].writes for index in other.step.cells)
        ]
        return ["", *makers] if name in self.fields else makers

    def _into(self, flow: Flow) -> Iterable[Link]:
        own = set(flow.step.cells)
        return (link for link in self.links if link[1] in own and link[0] not in own)

    def _connect(self) -> None:
        """Let every input be the output of the steps that bound or changed it, until nothing is missing."""
        while True:
            before = [(set(flow.inputs), set(flow.outputs)) for flow in self.flows.values()]
            for flow in self.flows.values():
                for name in tuple(flow.inputs):
                    self._provide(flow, name)
            if before == [(flow.inputs, flow.outputs) for flow in self.flows.values()]:
                return

    def _report(self) -> None:
        """Let the numbers of metric cells be results of their steps."""
        for flow in self.flows.values():
            for index in flow.step.metrics:
                found = self.cells[index].writes - self.cells[index].maybe - worked_on(self.texts[index])
                names = {name for name in found if self._is_variable(name) and name in flow.names.bound}
                flow.metrics |= {name for name in names if not self._is_deleted(flow, name)}
            flow.outputs |= flow.metrics

    def _provide(self, flow: Flow, name: str) -> None:
        writers = [link[0] for link in self._into(flow) if link[0] in self.home and self._hands_on(link, name)]
        makers = list(dict.fromkeys(self.home[index] for index in writers))
        if not makers and name not in self.fields:
            makers = self._makers(flow, name)[-1:]
        for maker in makers:
            self._give(self.flows[maker], name)

    def _hands_on(self, link: Link, name: str) -> bool:
        """Tell whether the reader of a link gets `name` from its writer.

        A value may be changed before it has the name (`df = raw`, after `raw` was filled): then the cell that
        gives it the name hands it on.
        """
        writer, reader, carried = link
        if carried != name:
            return False
        if any(self._surely_binds(index, name) for index in self.kept if writer < index < reader):
            return False
        return name in self.fields or any(name in self.cells[index].writes for index in self.kept if index <= writer)

    def _surely_binds(self, index: int, name: str) -> bool:
        return name in self.cells[index].writes and name not in self.cells[index].maybe

    def _give(self, flow: Flow, name: str) -> None:
        """Make a name a result of a step; where the step may not bind it, it is an argument as well."""
        if self._is_deleted(flow, name):
            return
        flow.outputs.add(name)
        if name in flow.names.bound and not self._may_miss(flow, name):
            return
        if self._makers(flow, name):
            flow.inputs.add(name)
        else:
            flow.unset.add(name)

    def _may_miss(self, flow: Flow, name: str) -> bool:
        cells = [self.cells[index] for index in flow.step.cells if name in self.cells[index].writes]
        return not any(name not in cell.maybe for cell in cells)

    def _is_deleted(self, flow: Flow, name: str) -> bool:
        touched = [self.cells[i] for i in flow.step.cells if name in self.cells[i].writes | self.cells[i].deletes]
        return bool(touched) and name in touched[-1].deletes and name not in touched[-1].writes

    # ---- order

    def _order_needs(self) -> None:
        for flow in self.flows.values():
            flow.needs = set(flow.step.after)
            shown: set[str] = set()
            for writer, _, name in self._into(flow):
                maker = self.home.get(writer)
                if maker is None or (name in self.level.names and name not in self.cells[writer].mutates):
                    continue
                flow.needs.add(maker)
                if name in flow.inputs:
                    shown.add(maker)
            for name in flow.inputs:
                if not any(link[2] == name for link in self._into(flow)):
                    shown.update(maker for maker in self._makers(flow, name)[-1:] if maker and self._gives(maker, name))
            flow.needs |= shown
            flow.hidden = flow.needs - shown

    def _gives(self, maker: str, name: str) -> bool:
        return name in self.flows[maker].outputs

    def _check_order(self, steps: Sequence[int]) -> None:
        """Require that the cells, run in the order of the steps, leave to each other what they left before."""
        moved = [index for index in self.kept if index not in self.home] + list(steps)
        if list(steps) == sorted(steps):
            return
        after = _links(self._graph(moved), moved)
        relevant = {link for link in self.links ^ after if link[0] in self.home and link[1] in self.home}
        relevant = {link for link in relevant if link[2] not in self.level.names}
        for writer, reader, name in sorted(relevant):
            first, second = self.notebook.cells[writer].label, self.notebook.cells[reader].label
            raise StepsError(
                f"{first} and {second} share {name!r}, and the steps cannot run as wholes without changing what it "
                "holds in between; give one of the two cells a step of its own",
                (writer, reader),
            )

    # ---- what cannot be

    def _check_skipped(self) -> None:
        """Require that no step needs a name that only a skipped cell makes."""
        if not self.layout.skipped:
            return
        every = build_graph([cell.source for cell in self.notebook.cells])
        for index, names in self.cells.items():
            made = {name for other in self.kept if other < index for name in self.cells[other].writes}
            for name in sorted(names.reads - made):
                makers = [i for i in self.layout.skipped if i < index and name in every.cells[i].writes]
                if makers:
                    maker = self.notebook.cells[makers[-1]]
                    raise NotebookError(
                        f"{self.notebook.cells[index].label} needs {name!r}, which only the skipped {maker.label} "
                        f"makes; take its {written(SKIP, maker.tags, maker.source)} off, or skip both"
                    )

    def _check_tried(self) -> None:
        """Require of inferred steps that none hands on a name that a failed `try` leaves unbound."""
        for flow in self.flows.values() if self.layout.inferred else ():
            for name in sorted(flow.outputs & left_by_try(flow.text)):
                readers = [
                    index for index in self.home if index > flow.step.cells[-1] and name in self.cells[index].reads
                ]
                if readers:
                    maker = next(index for index in flow.step.cells if name in self.cells[index].writes)
                    label = self.notebook.cells[maker].label
                    raise StepsError(f"{label}: {name!r} may not be bound when its `try` fails", (maker, *readers))

    def _check_builtins(self) -> None:
        """Require that no step uses a builtin before it binds its name: the name would be local from the start."""
        for flow in self.flows.values():
            for name, _ in late_builtins(ast.parse(flow.text)):
                if name not in flow.inputs:
                    first = next(i for i in flow.step.cells if name in self.cells[i].writes)
                    raise NotebookError(
                        f"{self.notebook.cells[first].label} binds {name!r}, the name of a builtin that the step "
                        f"{flow.step.name!r} uses before; give the variable another name"
                    )

    def _check_copies(self) -> None:
        """Require that what must exist once is not repeated in several steps."""
        for item in self.level.injected.values():
            users = [flow.step.name for flow in self.flows.values() if item in flow.definitions]
            if not item.is_one or len(users) < 2:
                continue
            what = "class" if isinstance(item.node, ast.ClassDef) else "function"
            needs = min(name for name in item.names.free if self._is_variable(name) and self._is_known(name))
            raise StepsError(
                f"{self.notebook.cells[item.cell].label}: the {what} {item.name!r} uses the variable {needs!r}, so the "
                f"steps {', '.join(users)} would each have one of their own; hand {needs!r} in as an argument, or "
                "define it in the step that makes the variable",
                [flow.step.cells[0] for flow in self.flows.values() if flow.step.name in users],
            )

    def _is_known(self, name: str) -> bool:
        return name in self.fields or any(name in cell.writes for cell in self.cells.values())

    def _check_late_names(self) -> None:
        """Require that functions which pass from step to step see variables that do not change any more."""
        for reader, cell in self.cells.items():
            for name, place, function in sorted(cell.through):
                made = self.kept[place - 1]  # the graph begins with a cell of helpers
                if reader not in self.home or not self._is_variable(name):
                    continue
                for first, step in self._made_in(function, made, self.flows[self.home[reader]]):
                    self._check_late_name(name, first, step, reader)

    def _made_in(self, function: str, made: int, reader: Flow) -> Iterator[tuple[int, str]]:
        """Yield cell and step of the places where a function that another step calls comes from."""
        definition = self.level.injected.get(function)
        if definition is None or definition.cell != made:
            if made in self.home and self.home[made] != reader.step.name:
                yield made, self.home[made]
        elif definition not in reader.definitions:
            for flow in self.flows.values():
                if definition in flow.definitions:
                    yield flow.step.cells[0], flow.step.name

    def _check_late_name(self, name: str, first: int, step: str, reader: int) -> None:
        for writer in self.kept:
            binds = first < writer <= reader and name in self.cells[writer].writes
            if binds and self.home.get(writer, step) != step:
                maker, binder = self.notebook.cells[first].label, self.notebook.cells[writer].label
                raise StepsError(
                    f"{maker} makes a function that reads {name!r} when it is called, and {binder} binds "
                    f"{name!r} anew; make {name!r} an argument of the function",
                    (first, writer, reader),
                )


def _links(graph: Graph, cells: Sequence[int]) -> set[Link]:
    """Return what the cells leave to each other; the first cell of the graph stands for the helpers."""
    edges = (edge for edge in graph.edges if edge.source > 0)
    return {(cells[edge.source - 1], cells[edge.target - 1], name) for edge in edges for name in edge.names}


def _closure(names: Iterable[str], injected: Mapping[str, Definition]) -> list[Definition]:
    """Return the definitions that code with these names needs, and those that they need, in notebook order."""
    found: dict[str, Definition] = {}
    waiting = [name for name in names if name in injected]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = injected[name]
            waiting += [inner for inner in injected[name].names.free if inner in injected]
    return sorted(found.values(), key=lambda item: (item.cell, item.node.lineno))


def needs_start(text: str, name: str) -> bool:
    """Tell whether a name is bound under a condition only, so that a result of it wants a value to start from."""
    binders = [node for node in ast.parse(text).body if name in bound_names(ast.Module([node], []))]
    return bool(binders) and all(isinstance(node, ast.If | ast.Try | ast.While | ast.Match) for node in binders)
