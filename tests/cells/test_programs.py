"""The oracle of programs: sessions of random small cells run for real, then only the program of one execution."""

import ast
import code
import contextlib
import io
import os
import random
import sys
import types
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from trackbook.capture.executed import ExecutedTexts
from trackbook.cells import History, Outcome
from trackbook.cells.scopes import own_nodes

MODULE = """
import random as _random
sx = 7
items = [1]
def push(v):
    items.append(v)
    return len(items)
def put(where, v):
    where.append(v)
def twice(v):
    return v * 2
"""

# ---- cells; {n} is a number, {l} a list, {d} a dict, {a} an array, {t} a frame, {f} a function, {o} an object, {g} a generator

DEFINE = {
    "n": ["{n} = {k}", "{n} = {n1} + {k}", "{n} = len({l})", "{n} = sum({l1})", "{n} = {n1} if {n2} > {k} else {k}"],
    "l": [
        "{l} = [{k}, {n}]",
        "{l} = list({l1})",
        "{l} = {l1}[:]",
        "{l} = {l1} + [{k}]",
        "{l} = [v + {n} for v in {l1}]",
    ],
    "d": ["{d} = {{'k': {k}, 'l': {l}}}", "{d} = dict({d1})", "{d} = {{**{d1}, 'k': {n}}}", "{d} = dict(k={k})"],
    "a": ["{a} = np.arange(4) * {k}", "{a} = {a1}.copy()", "{a} = {a1} + {n}", "{a} = np.zeros(4)"],
    "t": [
        "{t} = pd.DataFrame({{'x': [1, 2, {k}], 'y': [{k}, 5, 6]}})",
        "{t} = {t1}.copy()",
        "{t} = {t1}[{t1}['x'] > {k}]",
        "{t} = {t1}.assign(x={k})",
        "{t} = {t1}.head(2)",
    ],
    "f": [
        "def {f}(v=0):\n    return {n} + v",
        "def {f}(v=0):\n    {l}.append(v)\n    return len({l})",
        "def {f}(v=0):\n    global {n}\n    {n} = v + {k}\n    return {n}",
        "{f} = lambda v=0: v * {n}",
        "def {f}(v=0, kept=[]):\n    kept.append(v)\n    return len(kept)",
        "def {f}(v=0):\n    return {f1}(v) + {k}",
        "def outer():\n    count = {n}\n    def inner(v=0):\n        nonlocal count\n        count += 1 + v\n        return count\n    return inner\n{f} = outer()",
        "def {f}(v=0):\n    if v > {k}:\n        return {n}\n    return {n1}",
        "def {f}(v=0):\n    {d}['k'] = v\n    return {d}.get('k', 0)",
        "{f} = twice",
        "import functools\n{f} = functools.partial(lambda v, w: v + w + {n}, {k})",
        "def wrap(g):\n    def call(v=0):\n        return g(v) + {n}\n    return call\n@wrap\ndef {f}(v=0):\n    return v",
    ],
    "o": [
        "class C:\n    shared = []\n    k = {k}\n    def __init__(self, v):\n        self.v = [v]\n    def add(self, v):\n        self.v.append(v)\n        self.shared.append(v)\n        return self\n    def get(self):\n        return (list(self.v), len(self.shared), self.k, {n})\n{o} = C({k})",
        "{o} = C({n})",
        "{o} = {o1}.add({k})",
        "{o} = {o1}",
        "class C:\n    k = {n}\n    def __init__(self, v):\n        self.v = {l}\n    @property\n    def size(self):\n        return len(self.v) + {n}\n    def add(self, v):\n        self.v.append(v)\n        return self\n    def get(self):\n        return (self.size, self.k)",
        "class D(C):\n    def get(self):\n        return (super().get(), {n})\n{o} = D({k})",
    ],
    "g": [
        "{g} = iter({l})",
        "{g} = (v + {n} for v in {l})",
        "def gen():\n    for v in {l}:\n        yield v + {n}\n{g} = gen()",
        "{g} = map({f}, {l})",
        "{g} = enumerate({g1})",
        "{g} = zip({l}, {l1})",
    ],
}
ACT = [
    "{l} = {l1}", "{d} = {d1}", "{a} = {a1}", "{t} = {t1}", "{n} = {n1}", "{f} = {f1}",
    "{l}.append({k})", "{l}[0] = {k}", "{l} += [{n}]", "{l}.pop()", "{l}.sort()", "del {l}[0]", "{l} *= 2",
    "{d}['k'] = {n}", "{d}.update(m={k})", "{d}['l'] = {l}", "{d}['l'].append({k})", "{l} = {d}['l']", "{d}.setdefault('l', []).append({k})",
    "{a}[0] = {k}", "{a} += {k}", "{a} = {a1}[1:]", "{a1}[:2] = {n}", "{a} = {a1}.reshape(-1)", "np.fill_diagonal({a}.reshape(2, 2), {k})",
    "{a}.sort()", "{a} = {t}['x'].to_numpy()", "{a} = {a1}.T", "np.add({a}, {k}, out={a})", "{a} = np.asarray({a1})",
    "{t}['x'] = {k}", "{t}['z'] = {n}", "{t}.loc[0, 'x'] = {k}", "{t}.drop(columns='y', inplace=True)", "{t}.iloc[0, 0] = {n}",
    "{t} = {t1}.sort_values('x')", "{t}['x'] += {k}", "{t} = pd.concat([{t1}, {t}])", "{t}['x'] = {t1}['x']", "{t}.columns = ['x', 'y']",
    "{n} += {k}", "{n} += 1", "{n}, {n1} = {n1}, {n}", "{n} = {f}({k})", "{f}({k})", "print({f}({n}))", "{f}()",
    "{o}.add({k})", "{o}.v = [{n}]", "{o}.get()", "print({o}.get())", "C.k = {k}", "C.shared = []", "{l} = {o}.v",
    "C.get = lambda self: ({n}, self.v)", "{o}.k = {n}", "setattr({o}, 'k', {k})", "vars({o})['k'] = {n}",
    "next({g})", "{n} = next({g}, {k})", "{l} = list({g})", "for v in {g}:\n    {n} = v\n    break", "sum({g})", "print(list({g}))",
    "if {n} > {k}:\n    {n1} = {k}", "if {n} > {k}:\n    {l}.append({k})\nelse:\n    {l} = []", "if {n} > {k}:\n    {l} = {l1}",
    "for i in range(2):\n    {l}.append(i + {n})", "for {n} in {l}:\n    pass", "while {n} < {k}:\n    {n} += 1\n    {l}.append({n})",
    "try:\n    {n} = {l}[{k}]\nexcept IndexError:\n    {n} = {k}", "try:\n    {l}.append({k})\n    1 / {n}\nexcept ZeroDivisionError:\n    {l} = [0]\nfinally:\n    {n1} = {k}",
    "with contextlib.suppress(Exception):\n    {n} = {l}[{k}]\n    {l} = []",
    "{n} = {k}\n{l}.append({n})\n1 / 0\n{n} = 99", "{l}.append({k}); {n} = 1 / 0; {l} = []", "for i in range(3):\n    {l}.append(i)\n    if i == 1:\n        raise ValueError(i)",
    "raise ValueError({n})", "x = (", "{n} = undefined_name", "{n} = {l}[{k}]", "1 / {n}", "assert {n} > {k}", "{l} = []\nassert {n} > {k}\n{l}.append(1)",
    "del {n}", "del {l}", "if {n} > {k}:\n    del {n1}", "del {l}[:]",
    "random.seed({k})", "{n} = random.randrange(100)", "random.random()", "np.random.seed({k})", "{a} = np.random.rand(4)", "print(np.random.rand())",
    "{n} = int(np.random.default_rng({k}).integers(100))", "rng = np.random.default_rng({k})", "{n} = int(rng.integers(100))", "random.shuffle({l})", "np.random.shuffle({a})",
    "{t} = {t1}.sample(2)", "{t} = {t1}.sample(2, random_state={k})",
    "open('a.txt', 'w').write(str({n}))", "open('a.txt', 'a').write(str({n}))", "print(open('a.txt').read())", "with open('b.txt', 'w') as s:\n    s.write(str({l}))",
    "{n} = len(open('b.txt').read())", "with open(f'{{\"a\"}}.txt', 'a') as s:\n    s.write(str({k}))", "print(sorted(os.listdir('.')))", "{t}.to_csv('t.csv')", "{t} = pd.read_csv('t.csv')",
    "os.makedirs('sub', exist_ok=True)", "open('sub/c.txt', 'w').write(str({n}))", "print(Path('sub/c.txt').read_text())", "os.remove('a.txt')", "os.rename('a.txt', 'b.txt')",
    "Path('a.txt').write_text(str({n}))", "print(os.path.exists('a.txt'))", "os.chdir('sub')", "os.chdir('..')", "import shutil\nshutil.copy('a.txt', 'b.txt')", "np.save('q.npy', {a})", "{a} = np.load('q.npy')",
    "path = 'a.txt'", "open(path, 'w').write(str({k}))", "print(open(path).read())", "out = open('a.txt', 'w')", "out.write(str({n}))", "out.close()", "print({n}, file=out)",
    "os.environ['TB_X'] = str({n})", "print(os.environ.get('TB_X'))", "np.set_printoptions(precision={k})", "print(np.array([1 / 3]))",
    "pd.set_option('display.max_rows', {k})", "print({t})", "import decimal\ndecimal.getcontext().prec = {k}", "import decimal\nprint(decimal.Decimal(1) / 3)",
    "exec('{n} = {k}')", "exec(code)", "code = '{n} = {n1} + 1'", "code = '{l}.append({k})'", "eval('{l}.append({k})')", "code = '{l} = {l1}'", "{n} = eval(code.split('=')[1])",
    "globals()['{n}'] = {k}", "globals().update({n}={k})", "print('{n}' in globals())", "name = '{n}'", "globals()[name] = {k}", "{n} = globals()[name]",
    "from helper import *", "import helper", "print(push({k}))", "print(helper.items)", "helper.sx = {k}", "from helper import items as {l}", "put({l}, {k})", "{n} = helper.sx", "{n} = sx", "helper.put({l}, {n})",
    "print({n})", "print({l})", "{d}", "{t}", "{a}", "print({t}.shape)", "{l}", "({n}, {l}, {d})", "{t}['x'].sum()", "{a}.sum()", "sorted({l})",
    "{l} = [{l1}, {l1}]", "{l}[0].append({k})", "{l}[-1] = {l1}", "first, *rest = {l}", "rest.append({k})", "{l} = rest",
    "{d} = {{i: v for i, v in enumerate({l})}}", "{l} = [{f}(v) for v in {l1}]", "{l} = list(map({f}, {l1}))", "{l} = sorted({l1}, key={f})", "[{l}.append(v) for v in range({k})]",
    "match {n}:\n    case 1:\n        {l} = []\n    case v:\n        {n1} = v", "if (m := len({l})) > {k}:\n    {n} = m", "{l} = [(last := v) for v in {l1}]\n{n} = last",
    "{f}.note = {n}", "print(getattr({f}, 'note', None))", "{l} = {f}.__defaults__", "import copy\n{l} = copy.deepcopy({l1})", "import copy\n{l} = copy.copy({l1})", "setattr(sys.modules['helper'], 'sx', {k})",
    "s = {t}['x']", "s[0] = {k}", "s = {t}['x']\ns.iloc[0] = {n}", "print(s.sum())", "{t}.index.name = 'i{k}'", "view = memoryview({a})", "b = bytearray(b'abc')", "b[0] = {k}", "print(b)", "view = {a}[::2]", "view[:] = {k}", "def sw({l}, v):\n    {l}.append(v)\n    return {l}", "{l} = sw({l1}, {k})",
    "text = '{l}'", "{l} = eval(text)", "{l} = eval('{l1}')", "exec('{l}.append({k})', {{'{l}': {l1}}})", "exec('{n} = {k}', {{}})", "for code in ('{l} = {l1}', '{l}.append({k})'):\n    exec(code)", "exec(code)\n{l} = {l1}\nexec(code)", "exec('exec(code)')",
    "where = 'a' + '.txt'", "where = 'b' + '.txt'", "print(open(where).read())", "open(where, 'w').write(str({n}))", "with open(where, 'a') as s:\n    print({l}, file=s)", "out = open(where, 'w')", "np.savetxt(where, {a})", "{t}.to_csv(where)", "{t} = pd.read_csv(where)", "{n} = len(Path(where).read_text())", "os.remove(where)", "import json\nwith open(where, 'w') as s:\n    json.dump({l}, s)",
    "stack = [{l}, {d}]", "stack[0].append({k})", "q = {{'t': {t}}}", "q['t']['x'] = {k}", "{t} = q['t']", "sys.path.append('p{k}')", "print('p1' in sys.path)", "from collections import defaultdict\n{d} = defaultdict(list)", "{d}['l'].append({n})",
    "{d}.pop('k', None)", "{l} = {l1} or {l2}", "{l} = {l1} if {n} > {k} else {l2}", "({l} if {n} > {k} else {l1}).append({k})", "for x in ({l}, {l1}):\n    x.append({k})", "with contextlib.suppress(ZeroDivisionError):\n    {l}.append(1 / {n})", "a = b = {l}", "a.append({k})", "print(a, b)",
]  # fmt: skip


def fill(rng, template):
    """Put names and numbers into a template."""
    fields = {"k": rng.randrange(4)}
    for kind in "nldatfog":
        names = [f"{kind}{i}" for i in range(2)]
        rng.shuffle(names)
        fields |= dict(zip((kind, f"{kind}1", f"{kind}2"), (*names, *names), strict=False))
    return template.format(**fields)


def make_session(rng, length=None):
    """Return the texts of a random session: definitions, acts, runs of earlier texts, edits of them."""
    cells = ["import random, os, sys, contextlib\nimport numpy as np\nimport pandas as pd\nfrom pathlib import Path"]
    kinds = rng.sample("nldatfog", rng.randint(1, 4))
    acts = [act for act in ACT if all(kind in kinds for kind in "nldatfog" if "{" + kind in act)]
    for kind in (kind for kind in "nldatfog" if kind in kinds or rng.random() < 0.5):
        for template in [DEFINE[kind][0]] * 2 if kind not in "fg" else rng.choices(DEFINE[kind], k=2):
            cells.append(fill(rng, template))
    for _ in range(length or rng.randint(3, 16)):
        dice = rng.random()
        if dice < 0.15:
            cells.append(rng.choice(cells[1:]))
        elif dice < 0.40:
            cells.append(fill(rng, rng.choice(DEFINE[rng.choice(kinds)])))
        elif dice < 0.50:
            cells.append("\n".join(fill(rng, rng.choice(acts)) for _ in range(2)))
        else:
            cells.append(fill(rng, rng.choice(acts)))
    return cells


# ---- running


def fingerprint(value, depth=0):
    """Return a text that is the same for the same content."""
    if depth > 6:
        return "..."
    if isinstance(value, list | tuple | set | bytearray):
        return f"{type(value).__name__}[{', '.join(fingerprint(item, depth + 1) for item in value)}]"
    if isinstance(value, dict):
        inner = ", ".join(f"{key!r}: {fingerprint(item, depth + 1)}" for key, item in value.items())
        return f"{type(value).__name__}{{{inner}}}"
    if isinstance(value, np.ndarray):
        return f"array{value.shape}{value.tolist()}"
    if isinstance(value, pd.DataFrame | pd.Series | pd.Index):
        with pd.option_context("display.max_rows", 100):
            return f"{type(value).__name__}{value.to_dict() if not isinstance(value, pd.Index) else list(value)}"
    if isinstance(value, np.random.Generator):
        return repr(value.bit_generator.state)
    if type(value).__name__ in {"C", "D"}:
        return f"{type(value).__name__}{fingerprint(vars(value), depth + 1)}"
    if isinstance(value, types.FunctionType):
        return f"function {value.__name__} {fingerprint(value.__dict__, depth + 1)} {fingerprint(value.__defaults__, depth + 1)}"
    if isinstance(value, int | float | str | bytes | None | np.generic):
        return repr(value)
    return type(value).__name__


class Files:
    """The files that Python opens, lists, makes, renames and removes while `on`."""

    def __init__(self):
        self.on = False
        self.read, self.written, self.replaced = set(), set(), set()
        sys.addaudithook(self._event)

    def start(self):
        self.on = True
        self.read, self.written, self.replaced = set(), set(), set()

    def _event(self, event, args):
        if not self.on or event not in {"open", "os.listdir", "os.scandir", "os.mkdir", "os.remove", "os.rename"}:
            return
        path = args[0]
        if not isinstance(path, str | bytes | os.PathLike):
            return
        self.on = False
        full = os.path.abspath(os.fsdecode(path))  # noqa: PTH100
        if event == "open":
            self._opened(full, args[2])
        elif event in {"os.listdir", "os.scandir"}:
            self.read.add(full)
        else:
            self.written.add(full)
            if event == "os.rename":
                self.read.add(full)
                self.written.add(os.path.abspath(os.fsdecode(args[1])))  # noqa: PTH100
        self.on = True

    def _opened(self, full, flags):
        if flags & (os.O_WRONLY | os.O_RDWR):
            if flags & os.O_TRUNC and full not in self.read | self.written:
                self.replaced.add(full)
            self.written.add(full)
        else:
            self.read.add(full)


FILES = Files()


@dataclass
class Ran:
    """What an execution gave: printed text, last value, failure, and the variables that its text mentions."""

    printed: str
    value: str
    failure: str
    line: int | None
    names: dict = field(default_factory=dict)
    all: dict = field(default_factory=dict)


class Runner(code.InteractiveInterpreter):
    """Runs code as a library does, which the watch of `exec` leaves aside."""

    def showtraceback(self):
        raise  # of the exception that is being handled


def compiled(node):
    return compile(ast.Module([node], []), "<cell>", "exec")


class Kernel:
    """Runs cells in a namespace of their own, from the same state of the process each time."""

    def __init__(self, folder):
        self.space = {"__name__": "notebook"}
        self.folder = folder
        self.runner = Runner(self.space)

    def __enter__(self):
        self._kept = (
            Path.cwd(),
            dict(os.environ),
            list(sys.path),
            np.get_printoptions(),
            random.getstate(),
            np.random.get_state(),
        )
        os.chdir(self.folder)
        random.seed(12345)
        np.random.seed(12345)
        module = types.ModuleType("helper")
        exec(MODULE, module.__dict__)
        sys.modules["helper"] = module
        import decimal

        decimal.setcontext(decimal.Context())
        return self

    def __exit__(self, *problem):
        folder, environ, path, options, state, numpy_state = self._kept
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environ)
        sys.path[:] = path
        np.set_printoptions(**{k: v for k, v in options.items() if k != "override_repr"})
        pd.reset_option("display.max_rows")
        random.setstate(state)
        np.random.set_state(numpy_state)
        sys.modules.pop("helper", None)
        for value in self.space.values():
            if isinstance(value, io.IOBase):
                value.close()

    def run(self, source):
        """Run a cell as a kernel does: statement by statement, showing the last value."""
        printed, value, failure, line = io.StringIO(), "", "", None
        try:
            tree = ast.parse(source)
        except SyntaxError as error:
            return Ran("", "", type(error).__name__, error.lineno)
        before = {n: (id(self.space[n]), fingerprint(self.space[n])) for n in mentioned(tree) & self.space.keys()}
        FILES.start()
        try:
            with warnings.catch_warnings(action="ignore"), contextlib.redirect_stdout(printed):
                for node in tree.body:
                    if isinstance(node, ast.Expr) and node is tree.body[-1]:
                        target = ast.copy_location(ast.Name("_shown", ast.Store()), node)
                        self.runner.runcode(compiled(ast.copy_location(ast.Assign([target], node.value), node)))
                        value = fingerprint(self.space.pop("_shown"))
                    else:
                        self.runner.runcode(compiled(node))
        except Exception as error:  # noqa: BLE001
            failure = f"{type(error).__name__}: {error}"
            line = next((f.tb_lineno for f in frames(error.__traceback__) if f.tb_frame.f_globals is self.space), None)
        finally:
            FILES.on = False
        prints = {name: fingerprint(value) for name, value in self.space.items() if name in mentioned(tree)}
        names = self.touched(tree, before, prints, bool(failure))
        return Ran(printed.getvalue(), value, failure, line, names, prints)

    def touched(self, tree, before, prints, failed):
        """Return the variables that the cell bound or changed and, where it ran to its end, those that it read."""
        read = {node.id for node in own_nodes(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        turns = [node.target for node in ast.walk(tree) if isinstance(node, ast.comprehension)]
        read -= {inner.id for target in turns for inner in ast.walk(target) if isinstance(inner, ast.Name)}
        touched = {name for name, value in prints.items() if before.get(name) != (id(self.space[name]), value)}
        return {
            name: value for name, value in sorted(prints.items()) if name in touched or (name in read and not failed)
        }


def mentioned(tree):
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def frames(traceback):
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def record(cells, folder, mode):
    """Run a session, watched as `mode` says; returns its history and what every execution gave."""
    history, ran = History(), []
    with Kernel(folder) as kernel:
        for source in cells:
            history.begin(source)
            before = dict(kernel.space)
            prints = {name: fingerprint(value) for name, value in before.items() if mode == "watched"}
            generators = generator_states()
            texts = ExecutedTexts()
            texts.start()
            result = kernel.run(source)
            texts = texts.stop()
            ran.append(result)
            drawn = frozenset(n for n, state in generator_states().items() if state != generators[n])
            history.end(outcome(kernel, before, prints, result, mode, drawn, texts))
    return history, ran


def generator_states():
    return {"state:random": random.getstate(), "state:numpy.random": repr(np.random.get_state())}


def outcome(kernel, before, prints, result, mode, drawn, texts):
    failed = Outcome(failed=bool(result.failure), line=result.line)
    if mode == "plain":
        return Outcome(failed=failed.failed)
    if mode == "lines":
        return failed
    space = {name: value for name, value in kernel.space.items() if name != "__builtins__"}
    bound = frozenset(n for n, v in space.items() if n not in before or before[n] is not v)
    deleted = frozenset(name for name in before if name not in kernel.space)
    changed = frozenset(n for n in space if n in prints and n not in bound and prints[n] != fingerprint(space[n]))
    files = (frozenset(item) for item in (FILES.read, FILES.written, FILES.replaced))
    return Outcome(failed.failed, failed.line, bound, deleted, changed, *files, drawn, all_files=True, ran=texts)


def replay(cells, executions, folder):
    """Run only these executions, in a fresh namespace and folder; returns what the last one gave."""
    with Kernel(folder) as kernel:
        for number in executions:
            result = kernel.run(cells[number])
    return result


def compare(seed, folder, mode, cells=None, targets=3):
    """Run one random session and the programs of its last executions; returns a complaint, or None."""
    cells = cells or make_session(random.Random(seed))
    base = folder / f"{seed}-{mode}"
    (base / "all" / "work").mkdir(parents=True)
    history, ran = record(cells, base / "all" / "work", mode)
    for number in range(len(cells) - 1, max(0, len(cells) - 1 - targets), -1):
        complaint = judge(cells, history.program(number).executions, ran, base)
        if complaint is not None:
            return complaint
    return None


def judge(cells, executions, ran, base):
    """Run a program and compare what its last execution gives with what it gave in the session."""
    number = executions[-1]
    folder = base / str(number)
    (folder / "work").mkdir(parents=True)
    again = replay(cells, executions, folder / "work")
    wanted = (ran[number].printed, ran[number].value, ran[number].failure, ran[number].names)
    got = (again.printed, again.value, again.failure, {name: again.all.get(name) for name in wanted[3]})
    if str(wanted).replace(str(base / "all"), "") == str(got).replace(str(folder), ""):
        return None
    return cells, executions, wanted, got


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("mode", ["plain", "lines", "watched"])
def test_the_program_alone_gives_the_same_result(tmp_path, mode):
    for seed in range(40):
        assert compare(seed, tmp_path, mode) is None
