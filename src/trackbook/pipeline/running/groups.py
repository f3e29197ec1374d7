"""Which steps of a plan may run side by side: what each waits for, and which have to share a process.

The script is read as if it were a notebook: its definitions are one cell, each call in `main` another.  What one call
hands to a later one by its return value can be carried to another process; everything else that the graph shows
between them, as an argument changed in place, a global, the random state or the open figure, ties both to one process.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from trackbook.pipeline.plan import Function, Plan
from trackbook.pipeline.reach import is_docstring, is_main_guard

FILE = "file:"

_PROBE = """
import decimal, locale, logging, os, random, sys, warnings, numpy, pandas, matplotlib, matplotlib.pyplot
os.environ.copy()
os.getcwd()
random.getstate()
numpy.random.get_state()
numpy.get_printoptions()
numpy.geterr()
matplotlib.rcParams.copy()
pandas.describe_option()
warnings.filters
list(sys.path)
decimal.getcontext()
locale.getlocale()
logging.getLogger()
"""


@dataclass(frozen=True)
class Groups:
    """The groups of a plan's steps, by index.

    `of` gives each step the first step of its group; the steps of one group run in one process, in the order of the
    script.  `after` are the steps that each must wait for.  `shares` names what ties two steps of a group, and
    `leaves` the state of the process that each step changes, as far as the text shows it.
    """

    of: tuple[int, ...]
    after: tuple[frozenset[int], ...]
    shares: Mapping[tuple[int, int], tuple[str, ...]] = field(default_factory=dict)
    leaves: tuple[frozenset[str], ...] = ()

    def members(self, step: int) -> tuple[int, ...]:
        """Return the steps that have to run in the same process as `step`, itself among them."""
        return tuple(other for other, group in enumerate(self.of) if group == self.of[step])

    def followers(self) -> list[list[int]]:
        """Return for each step those that wait for it, without those that wait for these in turn."""
        found: list[list[int]] = [[] for _ in self.after]
        for step, earlier in enumerate(self.after):
            for other in earlier:
                found[other].append(step)
        return found

    def following(self, steps: Iterable[int]) -> frozenset[int]:
        """Return `steps` and all that wait for one of them, however far away."""
        found = set(steps)
        for step, earlier in enumerate(self.after):
            if earlier & found:
                found.add(step)
        return frozenset(found)

    def needed(self, steps: Iterable[int]) -> frozenset[int]:
        """Return `steps` and all that one of them waits for, however far away."""
        found = set(steps)
        for step in range(len(self.after) - 1, -1, -1):
            if step in found:
                found |= self.after[step]
        return frozenset(found)


def one_by_one(count: int) -> Groups:
    """Return the groups of steps that run in one process, one after the other."""
    return Groups((0,) * count, tuple(frozenset({step - 1} if step else ()) for step in range(count)))


def groups_of(plan: Plan) -> Groups:
    """Return which steps of `plan` need each other, and which of them one process."""
    from trackbook.cells.graph import build_graph

    ties: dict[tuple[int, int], tuple[str, ...]] = {}
    after = [set(plan.producers(step).values()) for step in plan.steps]
    leaves: list[frozenset[str]] = [frozenset()] * len(plan.steps)
    for edge in build_graph([*_cells(plan), _probe(plan)]).edges:
        writer, reader = edge.source - 1, edge.target - 1
        if writer < 0:
            continue  # the definitions are there in every process
        leaves[writer] |= set(edge.names)
        if reader == len(plan.steps):
            continue
        after[reader].add(writer)
        handed = plan.steps[writer].outputs
        shared = tuple(name for name in edge.names if name not in handed and not name.startswith(FILE))
        if shared:
            ties[writer, reader] = shared
    for pair in _declared(plan):
        ties.setdefault(pair, ("what the tag `after` stands for",))
    of = _joined(len(plan.steps), ties)
    last: dict[int, int] = {}
    for step, group in enumerate(of):
        if group in last:
            after[step].add(last[group])
        last[group] = step
    return Groups(of, tuple(map(frozenset, after)), ties, tuple(leaves))


def _cells(plan: Plan) -> list[str]:
    tree = ast.parse(plan.source)
    main = next(node for node in tree.body if isinstance(node, Function) and node.name == "main")
    rest = [node for node in tree.body if node is not main and not is_main_guard(node)]
    head = ast.unparse(ast.Module(rest, []))
    calls = [node for node in main.body if not is_docstring(node) and not isinstance(node, ast.Pass)]
    return [f"{head}\n{main.args.args[0].arg} = Params()", *map(ast.unparse, calls)]


def _probe(plan: Plan) -> str:
    """Return a cell that reads every piece of state that steps may leave behind, so that edges to it tell which do."""
    names = sorted({name for step in plan.steps for part, _ in step.code.reached for name in part.split()})
    return f"{_PROBE}({''.join(f'{name}, ' for name in names if name.isidentifier())})"


def _declared(plan: Plan) -> Iterable[tuple[int, int]]:
    places = {step.name: step.index for step in plan.steps}
    for step in plan.steps:
        for name in step.marker.after:
            if name in places and places[name] < step.index:
                yield places[name], step.index


def _joined(count: int, ties: Iterable[tuple[int, int]]) -> tuple[int, ...]:
    """Return for each of `count` things the first one that it is tied to, directly or through others."""
    of = list(range(count))
    for one, other in ties:
        low, high = sorted((of[one], of[other]))
        of = [low if group == high else group for group in of]
    return tuple(of)
