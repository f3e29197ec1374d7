"""A plan is read from the text of a script alone."""

from pathlib import Path

import pytest

from trackbook.errors import PipelineError
from trackbook.pipeline.plan import Argument, ParamField, Plan, describe, parse_plan, read_plan

SCRIPT = '''
"""Made from book.ipynb."""
import argparse
import dataclasses

import numpy as np
from sklearn.linear_model import Ridge

LIMIT = 10
UNUSED = 11


@dataclasses.dataclass(frozen=True)
class Params:
    alpha: float = 1.0
    names: tuple[str, ...] = ("a", "b")


def double(x):
    return x * LIMIT


# %% [step:load data] id=c1,c2
def load_data(names):
    raw = [double(n) for n in range(3)]
    total = np.sum(raw)
    return raw, total


# %% [step:fit] id=c3 after=load%20data cache=off
def fit(raw, alpha):
    # a comment that does not count
    model = Ridge(alpha=alpha)
    return model


def report(model):
    print(model)


def main(params: Params) -> None:
    """Run every step."""
    raw, total = load_data(params.names)
    model = fit(raw, alpha=params.alpha)
    report(model)


if __name__ == "__main__":
    main(Params())
'''


def plan(source: str = SCRIPT) -> Plan:
    return parse_plan(source, Path("book_pipeline.py"))


def test_steps_carry_their_names_arguments_outputs_and_cells() -> None:
    load, fit, report = plan().steps
    assert (load.name, load.function, load.cells) == ("load data", "load_data", ("c1", "c2"))
    assert (load.arguments, load.outputs, load.unpacked) == ((Argument("names", True),), ("raw", "total"), True)
    assert (load.marker.after, load.marker.cached) == ((), True)
    assert (fit.marker.after, fit.marker.cached) == (("load data",), False)
    assert fit.arguments == (Argument("raw", False), Argument("alpha", True, "alpha"))
    assert (fit.outputs, fit.unpacked) == (("model",), False)
    assert (report.name, report.outputs, report.cells) == ("report", (), ())
    assert load.names == ("names", "raw", "total")
    assert plan().producers(report) == {"model": 1}


def test_params_keep_their_types_and_defaults_as_text() -> None:
    assert plan().params == (ParamField("alpha", "float", "1.0"), ParamField("names", "tuple[str, ...]", "('a', 'b')"))
    assert describe(plan())["steps"][1] == {"name": "fit", "outputs": ["model"], "after": [0]}  # type: ignore[index]


def test_code_follows_functions_constants_and_imports_but_nothing_else() -> None:
    load, fit, _ = plan().steps
    assert [name for name, _ in load.code.reached] == ["np", "LIMIT", "double"]
    assert load.code.modules == ("numpy",)
    assert [name for name, _ in fit.code.reached] == ["Ridge"]
    assert fit.code.modules == ("sklearn.linear_model", "sklearn.linear_model.Ridge")


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("LIMIT = 10", "LIMIT = 12", {"load data"}),
        ("return x * LIMIT", "return x + LIMIT", {"load data"}),
        ("UNUSED = 11", "UNUSED = 12", set()),
        ("# a comment that does not count", "", set()),
        ("UNUSED = 11", "np.random.seed(0)", {"load data", "fit", "report"}),
        ("UNUSED = 11", "class Holder:\n    pass", set()),
        ("UNUSED = 11", "@registered\nclass Holder:\n    pass", {"load data", "fit", "report"}),
        ("UNUSED = 11", "UNUSED = 11\nLIMIT += 1", {"load data", "fit", "report"}),
        ("print(model)", "print(eval('UNUSED'))", {"report"}),
    ],
)
def test_exactly_the_steps_that_reach_a_change_have_other_code(old: str, new: str, changed: set[str]) -> None:
    pairs = zip(plan().steps, plan(SCRIPT.replace(old, new)).steps, strict=True)
    assert {before.name for before, after in pairs if before.code != after.code} == changed


CLASSES = """
import dataclasses

class Params:
    kind: "Kind" = None

class Kind:
    pass

class Base:
    pass

@dataclasses.dataclass
class Thing(Base):
    x: int = 1

def make():
    return Thing(), []

def fill(box):
    box.append(Base())

def use(thing, box):
    print(thing.x, box)

def plain(kind):
    return kind

def apart():
    return 1

def thaw():
    import pickle
    return pickle.load(open("x", "rb"))

def main(params: Params) -> None:
    thing, box = make()
    fill(box)
    use(thing, box)
    k = plain(params.kind)
    n = apart()
    o = thaw()
"""


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("x: int = 1", "x: int = 2", {"make", "fill", "use", "thaw"}),
        ("class Kind:", "class Kind(str):", {"plain", "thaw"}),
        ("class Base:", "class Base(list):", {"make", "fill", "use", "thaw"}),
    ],
)
def test_a_class_belongs_to_the_code_of_steps_that_its_objects_may_reach(old: str, new: str, changed: set[str]) -> None:
    pairs = zip(plan(CLASSES).steps, plan(CLASSES.replace(old, new)).steps, strict=True)
    assert {before.name for before, after in pairs if before.code != after.code} == changed


def test_code_that_reads_the_module_by_name_counts_the_whole_script() -> None:
    source = SCRIPT.replace("print(model)", "print(globals())")
    assert "UNUSED" in dict(plan(source).steps[2].code.reached)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("x = 1", r"book_pipeline\.py:45: main\(\) holds `x = 1`, which is no call of a step"),
        ("for i in range(3): report(raw)", "main.. holds `for i in"),
        ("report(1)", "the argument `1` is no name and no `params.field`"),
        ("report(row)", "no earlier step returns `row`; did you mean 'raw'"),
        ("report(params.alfa)", "the class Params has no field 'alfa'; did you mean 'alpha'"),
        ("rapport(raw)", "calls `rapport`, which the script does not define; did you mean 'report'"),
        ("np.sum(raw)", "calls `np.sum`, which is no function of the script"),
    ],
)
def test_a_main_of_another_form_is_refused_with_its_line_and_the_remedy(line: str, message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        plan(SCRIPT.replace("    report(model)\n\n\nif", f"    {line}\n\n\nif"))


def test_scripts_without_a_main_or_with_a_syntax_error_or_missing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="has no function main"):
        plan("x = 1")
    with pytest.raises(PipelineError, match=r"book_pipeline\.py:1: "):
        plan("def main(:")
    with pytest.raises(PipelineError, match="exactly one argument"):
        plan("def main() -> None:\n    pass")
    with pytest.raises(PipelineError, match=r"no pipeline script .*none\.py"):
        read_plan(tmp_path / "none.py")


def test_reading_a_plan_runs_nothing(tmp_path: Path) -> None:
    script = tmp_path / "s.py"
    script.write_text("open('ran', 'w')\nraise SystemExit\ndef main(params):\n    pass\n")
    assert read_plan(script).steps == ()
